package trust

import "time"

// Meet tells that there is something which both patterns match.
var Meet = meet

// Passed tells whether a time is over at now, by the clock on the wall and by the
// one that only goes on, which may have come apart.
func Passed(wall, steady, now time.Time) bool { return deadline{wall, steady}.passed(now) }

// Deadline gives both readings of a time on the wall.
func Deadline(t, now time.Time) (wall, steady time.Time) {
	d := newDeadline(t, now)
	return d.wall, d.steady
}
