//go:build unix

package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// keepAccess gives f the mode of the file whose place it is to take, where there
// is one. Made by root it becomes the owner's of that file, or of the directory:
// who will read it is not who types the command.
func keepAccess(f *os.File, path string) error {
	info, err := os.Stat(path)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	} else if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}
