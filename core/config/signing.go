package config

import (
	"fmt"
	"strings"
)

// SigningPath is the file of delivery keys that [signing] names; empty for none.
func (c *Config) SigningPath() string {
	path, found := strings.CutPrefix(c.Signing.Key, "file:")
	if !found {
		return ""
	}
	return c.Path(path)
}

// ReadSigning reads the file that [signing] names, by the rules of loading: nobody
// else may read it. Its error holds nothing of it.
func (c *Config) ReadSigning() ([]byte, error) {
	text, err := readPrivate(c.SigningPath())
	if err != nil {
		return nil, fmt.Errorf("delivery key %s: %w", c.Signing.Key, err)
	}
	return text, nil
}
