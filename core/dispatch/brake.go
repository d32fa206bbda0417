package dispatch

import "math/bits"

// brake slows a channel whose deliveries mostly fail, so that a broken consumer
// does not turn a backlog into dead letters. While more than half of the last
// hundred outcomes are failures, what may be out at once halves, down to one
// probe; a run of successes as long as that limit doubles it again.
type brake struct {
	last     [brakeWindow]bool // true for a failure
	n        int               // outcomes seen, at most brakeWindow
	at       int
	failures int
	level    int // halvings
	since    int // outcomes since the level last changed
	streak   int // successes in a row
}

func (b *brake) off() bool { return b.level == 0 }

// limit is how much may be out at once of a whole window.
func (b *brake) limit(window int) int { return max(window>>b.level, 1) }

// add notes an outcome and reports whether the brake went on or off by it.
func (b *brake) add(good bool, window int) (changed, on bool) {
	if b.last[b.at] {
		b.failures--
	}
	b.last[b.at] = !good
	b.at = (b.at + 1) % brakeWindow
	b.n = min(b.n+1, brakeWindow)
	b.since++
	before := b.level
	limit := b.limit(window)
	if good {
		b.streak++
		if b.level > 0 && b.streak >= limit {
			b.level--
			b.since, b.streak = 0, 0
		}
	} else {
		b.failures++
		b.streak = 0
		if b.n == brakeWindow && b.failures > brakeWindow/2 && b.since >= limit && b.level < bits.Len(uint(max(window, 1))) {
			b.level++
			b.since = 0
		}
	}
	return (before == 0) != (b.level == 0), b.level > 0
}
