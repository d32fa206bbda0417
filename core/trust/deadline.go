package trust

import "time"

// deadline is a time after which something is over by either of two clocks: the one
// on the wall, which may be set, and the one that only goes on, and stands while the
// machine sleeps. A clock that is set back revives nothing, and one that was ahead
// for a moment ends nothing.
type deadline struct{ wall, steady time.Time }

// newDeadline is that of a time on the wall, seen from now. Only where now has a
// monotonic reading there are two clocks.
func newDeadline(t, now time.Time) deadline {
	t = t.Round(0)
	return deadline{t, now.Add(t.Sub(now))}
}

func (d deadline) passed(now time.Time) bool {
	return !now.Before(d.steady) || !now.Round(0).Before(d.wall)
}
