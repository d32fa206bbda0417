package host

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxImage bounds a plugin's file, in bytes: it is copied to memory. Big Go
// programs have a tenth of it.
const maxImage = 1 << 30

// image is what a Command runs: a path for exec and the arguments, and the sealed
// file that the plugin gets as descriptor 3.
type image struct {
	path   string
	args   []string // the first is the program's name
	file   *os.File // nil for this very binary
	sha256 string
}

// open makes the image of a command: it copies the file where nobody can change
// it and hashes what was copied.
func open(c *Command) (*image, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if len(c.Self) > 0 {
		self, err := selfPath()
		return &image{path: self, args: append([]string{os.Args[0]}, c.Self...)}, err
	}
	file, err := sealed(c.Path, len(c.Interpreter) == 0)
	if err != nil {
		return nil, err
	}
	i := &image{file: file, args: append([]string{c.Path}, c.Args...)}
	if err := i.hash(c); err != nil {
		file.Close()
		return nil, err
	}
	i.path = i.filePath()
	if len(c.Interpreter) == 0 {
		return i, nil
	}
	i.args = append(append(append([]string{}, c.Interpreter...), i.path), c.Args...)
	if i.path, err = interpreter(c); err != nil {
		file.Close()
		return nil, err
	}
	return i, nil
}

// hash compares the hash of the file with that of the command, if it has one.
func (i *image) hash(c *Command) error {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(i.file, 0, maxImage+1)); err != nil {
		return fmt.Errorf("hashing plugin %s: %w", c.Path, err)
	}
	i.sha256 = hex.EncodeToString(h.Sum(nil))
	if c.SHA256 != "" && subtle.ConstantTimeCompare([]byte(i.sha256), []byte(strings.ToLower(c.SHA256))) != 1 {
		return fmt.Errorf("%w: %s has %s, expected was %s; if you changed it, write the new hash", ErrHash, c.Path, i.sha256, strings.ToLower(c.SHA256))
	}
	return nil
}

// interpreter finds the program that runs a command's file, by the plugin's own
// PATH.
func interpreter(c *Command) (string, error) {
	name := c.Interpreter[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	path := searchPath
	if own, ok := c.Env["PATH"]; ok {
		path = own
	}
	for _, dir := range filepath.SplitList(path) {
		found := filepath.Join(dir, name)
		if info, err := os.Stat(found); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return found, nil
		}
	}
	return "", fmt.Errorf("interpreter %s is not in %s: install it, or write its whole path", name, path)
}

func (i *image) Close() {
	if i.file != nil {
		i.file.Close()
	}
}

// files are what the plugin's inherited descriptors are.
func (i *image) files() []string {
	files := []string{"stdin: a pipe that ends with the router", "stdout: a pipe for the handshake", "stderr: a pipe for the log"}
	if i.file != nil {
		files = append(files, "the plugin's own file, sealed")
	}
	return files
}
