package outbox

import "time"

// Aging is what an engine adds that knows how long events have waited.
type Aging interface {
	// Oldest tells when the one of a channel's pending events was accepted that was
	// accepted first; zero for none. Those that an operator holds do not count. It
	// does not look at all of them: what it once passed over it does not look at
	// again, until that is released or redriven.
	Oldest(channel string) (time.Time, error)
}
