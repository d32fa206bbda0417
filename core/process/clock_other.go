//go:build !linux

package process

import "time"

// monotonic is for service managers, of which none is here.
func monotonic() time.Duration { return 0 }
