package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// keepMemoryPrivate has no debugger of the same user and no core dump show what
// is in the router's memory: secrets, and events (prctl(2), PR_SET_DUMPABLE).
func keepMemoryPrivate() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("the router's memory cannot be kept from debuggers: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("core dumps cannot be ruled out: %w", err)
	}
	return nil
}
