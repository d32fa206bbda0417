package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Fingerprint names all that is effective in a configuration, but for what stands
// in the files that it refers to: SHA-256, in hexadecimal digits.
func (c *Config) Fingerprint() string {
	sum := sha256.New()
	for _, s := range c.Effective() {
		fmt.Fprintf(sum, "%s = %s\n", s.Key, s.Value)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
