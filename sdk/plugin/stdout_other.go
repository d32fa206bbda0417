//go:build !unix

package plugin

import "os"

// guardStdout returns what the handshake is written to. From then on os.Stdout is
// stderr.
func guardStdout() (*os.File, error) {
	handshake := os.Stdout
	os.Stdout = os.Stderr
	return handshake, nil
}
