package host

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Image is what a Command would run.
type Image struct{ image }

// OpenImage makes it as Start does.
func OpenImage(c Command) (*Image, error) {
	i, err := open(&c)
	if err != nil {
		return nil, err
	}
	return &Image{*i}, nil
}

// Hash hashes what would run now.
func (i *Image) Hash(t *testing.T) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(i.file, 0, maxImage)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Write tries to change what would run.
func (i *Image) Write() error {
	_, err := i.file.WriteAt([]byte("evil"), 0)
	return err
}

// Command runs it.
func (i *Image) Command(args ...string) *exec.Cmd {
	return &exec.Cmd{Path: i.path, Args: append([]string{"image"}, args...), ExtraFiles: []*os.File{i.file}}
}

// CheckHandshake checks a plugin's first line.
var CheckHandshake = checkHandshake

// ParseLine reads a line of a plugin's log.
var ParseLine = parseLine

// NewCredential is what a plugin runs with as a user.
var NewCredential = newCredential
