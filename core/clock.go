package core

import (
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// clock is the time that expiry, retries and what is remembered go by. It never
// goes back: when the wall clock steps back it goes on from where it was, until
// the wall clock has caught up. Safe for concurrent use.
type clock struct {
	wall   func() time.Time
	passed func() time.Duration // since base, by a clock that nobody sets
	base   time.Time
	ahead  atomic.Int64 // nanoseconds beyond base and what has passed
}

// dated is what an engine adds that knows the newest time in it.
type dated interface {
	Newest() time.Time
}

// newClock returns a clock that begins now, or at the newest time in the store
// where that is later.
func newClock(store outbox.Engine) *clock {
	began := time.Now()
	base := began.Round(0)
	if d, ok := store.(dated); ok && d.Newest().After(base) {
		base = d.Newest()
	}
	return &clock{wall: time.Now, passed: func() time.Duration { return time.Since(began) }, base: base}
}

// Now gives the time.
func (c *clock) Now() time.Time {
	steady := c.base.Add(c.passed())
	jump := int64(c.wall().Round(0).Sub(steady))
	ahead := c.ahead.Load()
	for jump > ahead && !c.ahead.CompareAndSwap(ahead, jump) {
		ahead = c.ahead.Load()
	}
	return steady.Add(time.Duration(max(jump, ahead)))
}

// Lead is how far the wall clock lies behind.
func (c *clock) Lead() time.Duration { return c.Now().Sub(c.wall().Round(0)) }
