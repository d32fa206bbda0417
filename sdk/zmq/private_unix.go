//go:build unix

package zmq

import (
	"errors"
	"syscall"
)

// private gives the socket mode 0600 before it is bound, so that its file
// never has another one.
func private(_, _ string, c syscall.RawConn) error {
	var failure error
	err := c.Control(func(fd uintptr) { failure = syscall.Fchmod(int(fd), 0o600) })
	return errors.Join(err, failure)
}
