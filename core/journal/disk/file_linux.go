package disk

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// allocate makes an empty file size bytes long, and takes the room for them
// where the file system can: fallocate(2), mode 0.
func allocate(f *os.File, size int64) error {
	err := control(f, "fallocate", func(fd int) error {
		return unix.Fallocate(fd, 0, 0, size)
	})
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return f.Truncate(size)
	}
	return err
}

// syncData is fdatasync(2): the data, and of the metadata what reading needs.
func syncData(f *os.File) error {
	return control(f, "fdatasync", unix.Fdatasync)
}

// control makes a system call on f's descriptor as a method of os.File would:
// f stays open during it, and it is made again when a signal interrupts it.
// The runtime's own signals do so on network and FUSE file systems.
func control(f *os.File, name string, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := error(unix.EINTR)
	err = conn.Control(func(fd uintptr) {
		for failed == unix.EINTR {
			failed = call(int(fd))
		}
	})
	if err != nil {
		failed = fs.ErrClosed // the one reason, under a name of its own
	}
	if failed != nil {
		return &fs.PathError{Op: name, Path: f.Name(), Err: failed}
	}
	return nil
}
