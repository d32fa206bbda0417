//go:build !unix

package zmq

import (
	"errors"
	"syscall"
)

// private refuses: without Unix file modes nothing protects an ipc endpoint.
func private(_, _ string, _ syscall.RawConn) error {
	return errors.New("ipc endpoints need Unix; use tcp")
}
