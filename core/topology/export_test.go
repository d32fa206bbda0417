package topology

import "github.com/headgate-io/headgate/sdk/curve"

// Admits reports whether the holder of key would be let in.
func Admits(c *Commands, key curve.Public) bool {
	_, err := c.admit(key)
	return err == nil
}
