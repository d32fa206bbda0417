package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// directory is a directory of the operating system.
type directory struct{ path string }

var (
	_ FS     = directory{}
	_ Linker = directory{}
)

// Open opens the directory at path, and makes it with mode 0700 if it is not
// there; its parent must be. Its own name is durable then.
func Open(path string) (FS, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, full(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", path)
	}
	// Of a directory that was there, who made it may have died before this.
	if err := syncDir(filepath.Join(path, "..")); err != nil {
		return nil, full(err)
	}
	return directory{path}, nil
}

func (d directory) Create(name string, size int64) (File, error) {
	path, err := d.join("create", name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, full(err)
	}
	if err := allocate(f, size); err != nil {
		return nil, full(errors.Join(err, f.Close(), os.Remove(path)))
	}
	return file{f}, nil
}

func (d directory) Open(name string) (File, error) {
	path, err := d.join("open", name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (d directory) List() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (d directory) Rename(old, new string) error {
	from, err := d.join("rename", old)
	if err != nil {
		return err
	}
	to, err := d.join("rename", new)
	if err != nil {
		return err
	}
	return full(os.Rename(from, to))
}

func (d directory) Remove(name string) error {
	path, err := d.join("remove", name)
	if err != nil {
		return err
	}
	return full(os.Remove(path))
}

func (d directory) Sync() error { return full(syncDir(d.path)) }

func (d directory) Free() (available, total int64, err error) {
	available, total, err = space(d.path)
	if err != nil {
		return 0, 0, &fs.PathError{Op: "statfs", Path: d.path, Err: err}
	}
	return available, total, nil
}

func (d directory) join(op, name string) (string, error) {
	if !ValidName(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return filepath.Join(d.path, name), nil
}

// full puts ErrFull before an error that means it.
func full(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
