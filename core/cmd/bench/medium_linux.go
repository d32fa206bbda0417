package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// isMemory tells whether a directory's file system has no disk below it, so
// that a sync there says nothing.
func isMemory(dir string) (bool, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return false, fmt.Errorf("file system of %s: %w", dir, err)
	}
	return s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC, nil
}
