package disk

import (
	"errors"
	"io"
	"os"
)

func (d directory) Link(name, toPath string) error {
	path, err := d.join("link", name)
	if err != nil {
		return err
	}
	err = os.Link(path, toPath)
	if err == nil {
		return nil
	}
	// Whatever keeps the two from sharing a file (EXDEV, EPERM, EMLINK, ...), a
	// copy does without, or fails with a reason of its own.
	return full(copyFile(path, toPath))
}

// copyFile makes the file at to: whole and synced, or not at all.
func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}
