//go:build !linux

package host

import "net"

// checkPeer leaves it to the certificates to prove who is there.
func checkPeer(*net.UnixConn, int) error { return nil }
