package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxSecretFile bounds a file that holds secrets.
const maxSecretFile = 64 << 10

// resolve reads a secret's text by its reference, file:PATH or env:NAME, a
// variable of env. Relative paths start from dir. Errors never hold any of the
// secret.
func resolve(ref, dir string, env []string) (string, error) {
	if path, found := strings.CutPrefix(ref, "file:"); found && path != "" {
		text, err := readPrivate(within(dir, path))
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		return firstLine(text), nil
	}
	if name, found := strings.CutPrefix(ref, "env:"); found && name != "" {
		for _, pair := range env {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value, nil
			}
		}
		return "", fmt.Errorf("variable %s is not set", name)
	}
	return "", errors.New(`must be "file:PATH" or "env:NAME"`)
}

// isReference tells what resolve takes from any other text.
func isReference(text string) bool {
	return strings.HasPrefix(text, "file:") || strings.HasPrefix(text, "env:")
}

// firstLine takes one newline off the end.
func firstLine(text []byte) string {
	s := strings.TrimSuffix(string(text), "\n")
	return strings.TrimSuffix(s, "\r")
}

// within gives path from dir, unless it is absolute.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// ReadPrivate reads a key's file that no router has: of somebody who signs. It
// refuses one that is open to group or others. The error does not repeat path.
func ReadPrivate(path string) ([]byte, error) { return readPrivate(path) }

// readPrivate reads a file that nobody but its owner can read. It follows
// symbolic links, as Kubernetes mounts secrets. The error does not repeat path.
func readPrivate(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkPrivate(f); err != nil {
		return nil, err
	}
	return readLimited(f, maxSecretFile)
}

// openRegular opens a file, and nothing whose opening could wait, such as a
// pipe for its writer. The error does not repeat path.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, cannotRead(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cannotRead(err)
	}
	return f, nil
}

// checkPrivate refuses a file that group or others can reach. A read-only
// mount of root's files passes: that is how orchestrators hand secrets out,
// with modes that nobody can change.
func checkPrivate(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return cannotRead(err)
	}
	if mode := info.Mode().Perm(); !private(mode, ownedByRoot(info), onReadOnlyMount(f)) {
		return fmt.Errorf("file is open to group or others, mode %04o: run chmod 600 on it", mode)
	}
	return nil
}

func private(mode fs.FileMode, ofRoot, readOnly bool) bool {
	return mode&0o077 == 0 || ofRoot && readOnly
}
