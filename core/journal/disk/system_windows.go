package disk

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// syncDir makes the names in a directory durable. FlushFileBuffers wants a
// handle that may write, which os.Open does not give for a directory.
func syncDir(path string) error {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	dir, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, share, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if err := errors.Join(windows.FlushFileBuffers(dir), windows.CloseHandle(dir)); err != nil {
		return &fs.PathError{Op: "sync", Path: path, Err: err}
	}
	return nil
}

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) ||
		errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// space is what GetDiskFreeSpaceEx tells, quotas of the user respected.
func space(path string) (available, total int64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, err
	}
	var mine, size, all uint64
	if err := windows.GetDiskFreeSpaceEx(name, &mine, &size, &all); err != nil {
		return 0, 0, err
	}
	return int64(mine), int64(size), nil
}
