package sdktest

import "time"

// limits are how long a plugin may take, and how long is waited for what must
// not come.
type limits struct {
	start    time.Duration // from its start to its handshake
	describe time.Duration // for Describe and Hint, which ask nobody else
	call     time.Duration // for any other call
	exit     time.Duration // from SIGTERM to its end
	orphan   time.Duration // from the router's death to its end
	shutdown time.Duration // from Shutdown to its end
	quiet    time.Duration // how long something must not happen
	snapshot time.Duration // to the first snapshot of trust
}

// defaultLimits are the wire's where it has one (describe, orphan), go-plugin's
// (shutdown: it kills after 2 s), those of most who send SIGTERM (exit), and else those a router is started with.
var defaultLimits = limits{
	start:    10 * time.Second,
	describe: time.Second,
	call:     10 * time.Second,
	exit:     10 * time.Second,
	orphan:   2 * time.Second,
	shutdown: 2 * time.Second,
	quiet:    300 * time.Millisecond,
	snapshot: 10 * time.Second,
}
