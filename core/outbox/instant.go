package outbox

import "time"

// Nanos is a time as engines keep it: Unix nanoseconds, which hold no pointer,
// and 0 for the zero time.
func Nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Instant is the time that Nanos made a number of, in UTC.
func Instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
