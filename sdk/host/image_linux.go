package host

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// selfPath runs this very binary even if its file was replaced meanwhile.
func selfPath() (string, error) { return "/proc/self/exe", nil }

// filePath is where the plugin process finds the sealed file: descriptor 3, the
// first after the standard ones.
func (i *image) filePath() string { return "/proc/self/fd/3" }

// sealed copies a file into memory that nobody can change from then on
// (memfd_create(2), F_ADD_SEALS in fcntl(2)), to be hashed there and run from
// there: neither renaming nor overwriting the file changes what was hashed.
func sealed(path string, executable bool) (*os.File, error) {
	from, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe must not keep us
	if err != nil {
		return nil, fmt.Errorf("opening plugin: %w", err)
	}
	defer from.Close()
	if info, err := from.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("opening plugin: %s is no regular file", path)
	}
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	kind := unix.MFD_NOEXEC_SEAL
	if executable {
		kind = unix.MFD_EXEC
	}
	fd, err := unix.MemfdCreate("headgate-plugin", flags|kind)
	if errors.Is(err, unix.EINVAL) { // Linux before 6.3 knows neither
		fd, err = unix.MemfdCreate("headgate-plugin", flags)
	}
	if errors.Is(err, unix.EACCES) {
		return nil, fmt.Errorf("copying plugin %s to sealed memory: %w; the setting vm.memfd_noexec = 2 forbids to run what lies there, set it to 1", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("copying plugin %s to sealed memory: %w", path, err)
	}
	to := os.NewFile(uintptr(fd), "plugin")
	n, err := io.Copy(to, io.LimitReader(from, maxImage+1))
	switch {
	case err != nil:
	case n > maxImage:
		err = fmt.Errorf("it has more than %d MiB", maxImage>>20)
	default:
		_, err = unix.FcntlInt(to.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		to.Close()
		return nil, fmt.Errorf("copying plugin %s to sealed memory: %w", path, err)
	}
	return to, nil
}
