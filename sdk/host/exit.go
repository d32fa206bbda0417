package host

import (
	"fmt"
	"time"
)

// Exit tells how a plugin process ended.
type Exit struct {
	Code   int       // its exit status; -1 when a signal ended it
	Signal string    // such as killed or segmentation fault; empty when it exited by itself
	Tail   string    // what it last wrote to stderr, or the beginning of its panic; at most 8 KiB
	At     time.Time // when it was seen
}

// String tells it without the tail.
func (e Exit) String() string {
	if e.Signal != "" {
		return "signal: " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Code)
}
