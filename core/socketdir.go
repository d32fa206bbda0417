package core

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// socketDir is where the plugins of a router have their sockets. It lies outside
// of the data directory, whose path may be too long for a socket, and which a
// plugin's own user must not enter. A link in the data directory leads to it, by
// which the next router removes what a killed one has left.
type socketDir struct{ path, link string }

const (
	socketDirLink = "plugin-sockets"
	// socketDirOwner is the file in it that names the data directory it is for: a
	// copy of a data directory has the link, and not the right to remove.
	socketDirOwner = "owner"
	// longestTemp is how long the path of a directory may be in which this one is
	// made: the whole path of a socket has about 100 bytes.
	longestTemp = 40
)

// openSocketDir makes the directory for who has the lock of the data directory
// at data.
func openSocketDir(data string) (*socketDir, error) {
	owner, err := filepath.Abs(data)
	if err != nil {
		return nil, fmt.Errorf("directory for the sockets of plugins: %w", err)
	}
	d := &socketDir{link: filepath.Join(data, socketDirLink)}
	if err := d.sweep(owner); err != nil {
		return nil, fmt.Errorf("directory for the sockets of plugins: removing what an earlier router left: %w", err)
	}
	temp := os.TempDir()
	if len(temp) > longestTemp {
		temp = "/tmp"
	}
	if d.path, err = os.MkdirTemp(temp, "headgate"); err != nil {
		return nil, fmt.Errorf("directory for the sockets of plugins: %w", err)
	}
	const passage = 0o711 // each plugin's own directory in it is for its user alone
	if err := errors.Join(os.Chmod(d.path, passage), os.WriteFile(filepath.Join(d.path, socketDirOwner), []byte(owner), 0o600), os.Symlink(d.path, d.link)); err != nil {
		return nil, errors.Join(fmt.Errorf("directory for the sockets of plugins: %w", err), d.Close())
	}
	return d, nil
}

// sweep removes what an earlier router of the same data directory has left.
func (d *socketDir) sweep(owner string) error {
	st, err := os.Lstat(d.link)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().Type() != fs.ModeSymlink:
		return fmt.Errorf("%s is no link of a router's: move it away", d.link)
	}
	left, err := os.Readlink(d.link)
	if err != nil {
		return err
	}
	if of, err := os.ReadFile(filepath.Join(left, socketDirOwner)); err != nil || string(of) != owner {
		return os.Remove(d.link) // it is gone, or another router's
	}
	d.path = left
	return d.Close()
}

// Close removes the directory, and then the link to it.
func (d *socketDir) Close() error {
	if err := os.RemoveAll(d.path); err != nil {
		return err
	}
	if err := os.Remove(d.link); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
