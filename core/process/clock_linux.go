package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is the clock that service managers compare times by (CLOCK_MONOTONIC
// in clock_gettime(2)).
func monotonic() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // every Linux has it
	return time.Duration(now.Nano())
}
