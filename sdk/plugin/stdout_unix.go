//go:build unix

package plugin

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// guardStdout returns what the handshake is written to. From then on descriptor 1
// and os.Stdout are stderr, also for what is not written in Go.
func guardStdout() (*os.File, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("guarding stdout: %w", err)
	}
	if err := unix.Dup2(2, 1); err != nil {
		return nil, fmt.Errorf("guarding stdout: %w", err)
	}
	os.Stdout = os.Stderr
	return os.NewFile(uintptr(fd), "handshake"), nil
}
