package host

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkPeer errs unless the other end of a connection listens in the process or
// in its group (SO_PEERCRED in unix(7)).
func checkPeer(c *net.UnixConn, pid int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("asking who listens: %w", failed)
	}
	if int(peer.Pid) == pid {
		return nil
	}
	if group, err := syscall.Getpgid(int(peer.Pid)); err != nil || group != pid {
		return fmt.Errorf("%w: process %d listens there, not the plugin", ErrCertificate, peer.Pid)
	}
	return nil
}
