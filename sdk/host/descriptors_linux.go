package host

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// SealDescriptors marks every descriptor that this process has, beyond the
// standard three, to be closed in its children: Go does so only with those that
// it opened, not with those that it was started with. Call it first thing in main.
func SealDescriptors() error {
	err := unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC)
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) { // Linux before 5.9 and 5.11
		if err != nil {
			return fmt.Errorf("closing inherited descriptors in children: %w", err)
		}
		return nil
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("listing inherited descriptors: %w", err)
	}
	for _, entry := range open {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd) // one that was closed meanwhile needs it no more
		}
	}
	return nil
}
