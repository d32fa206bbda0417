//go:build !linux

package host

import (
	"fmt"
	"os"
)

func selfPath() (string, error) { return os.Executable() }

// filePath is the file itself: there is no sealed memory here, so what runs may
// differ from what was hashed.
func (i *image) filePath() string { return i.file.Name() }

func sealed(path string, _ bool) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening plugin: %w", err)
	}
	return file, nil
}
