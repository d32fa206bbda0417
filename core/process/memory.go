package process

import (
	"errors"
	"io/fs"
	"os"
	"runtime/debug"
)

// share of a cgroup's memory, in percent, is what the garbage collector keeps this
// process within. The rest is for threads and for what the kernel holds on behalf
// of it, as buffers of sockets.
const share = 90

// Memory is what LimitMemory found.
type Memory struct {
	Cgroup int64 // bytes that the cgroup may take; 0 for no limit, or when GOMEMLIMIT is set
	Limit  int64 // bytes that the garbage collector keeps within; 0 for no limit
}

// LimitMemory has the garbage collector keep within the memory of the cgroup that
// this process is in, unless GOMEMLIMIT says what else (package runtime). root is
// the file system, os.DirFS("/"). The limit is soft: the collector works harder as
// it comes near. After an error nothing is limited.
func LimitMemory(root fs.FS) (m Memory, err error) {
	if _, set := os.LookupEnv("GOMEMLIMIT"); !set {
		if m.Cgroup, err = cgroupMemory(root); err != nil {
			return Memory{}, err
		}
		if m.Cgroup > 0 {
			debug.SetMemoryLimit(m.Cgroup / 100 * share)
		}
	}
	if limit := debug.SetMemoryLimit(-1); limit < none {
		m.Limit = limit
	}
	return m, nil
}

// none is beyond every memory: what is as high is no limit. Version 1 of cgroups
// says no limit by the highest number of whole pages.
const none = 1 << 62

// cgroupMemory is the least limit of the cgroup of this process and those above it,
// in bytes; 0 for none.
func cgroupMemory(root fs.FS) (int64, error) {
	membership, err := fs.ReadFile(root, "proc/self/cgroup")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // it is not Linux, or has none
	}
	if err != nil {
		return 0, err
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return 0, err
	}
	least := int64(none)
	for _, h := range hierarchies(string(membership), string(mounts)) {
		limit, err := h.least(root)
		if err != nil {
			return 0, err
		}
		least = min(least, limit)
	}
	if least == none {
		return 0, nil
	}
	return least, nil
}
