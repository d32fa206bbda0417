package admin

import (
	"fmt"
	"net"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// peerOf names the user at the other end of a unix socket, as in uid:1000(ops).
func peerOf(c net.Conn) (string, error) {
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return "", fmt.Errorf("peer: %T is no unix socket", c)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return "", fmt.Errorf("peer: %w", err)
	}
	var of *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) { of, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return "", fmt.Errorf("peer: %w", err)
	}
	if failed != nil {
		return "", fmt.Errorf("peer: %w", failed)
	}
	uid := strconv.FormatUint(uint64(of.Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return "uid:" + uid + "(" + u.Username + ")", nil
	}
	return "uid:" + uid, nil // a number without a name is still somebody
}
