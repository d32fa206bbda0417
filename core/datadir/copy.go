package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// New makes an empty directory that only its owner may enter, or takes one that
// is empty already.
func New(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	list, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		return fmt.Errorf("%s is not empty: name a new directory", path)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Replace puts text in the place of a file of a data directory, on disk: after a
// crash the file has the old text or the new.
func Replace(dir, name string, text []byte) error {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(dir)
}

// Hold locks a data directory that is there, for who works on it while no
// router may. The error is ErrLocked when one does.
func Hold(path string) (release func() error, _ error) {
	if _, err := os.Stat(filepath.Join(path, formatFile)); err != nil {
		return nil, fmt.Errorf("%s is no data directory: %w", path, err)
	}
	f, err := lock(filepath.Join(path, lockFile))
	if err != nil {
		return nil, err
	}
	return f.Close, nil
}

// CopyOwn copies what a data directory has beside the journal: keys, and what
// operators have set. The format file comes last and says that all is there.
func CopyOwn(from, to string) error {
	d := &Dir{Path: to}
	for _, name := range []string{deliveryFile, leaseFile, PauseFile, RevokedFile, formatFile} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) && name != formatFile {
			continue // a delivery key from outside, nothing paused, nothing revoked
		}
		if err == nil {
			err = d.make(name, text)
		}
		if err != nil {
			return fmt.Errorf("copy of the data directory: %w", err)
		}
	}
	return nil
}
