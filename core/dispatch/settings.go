package dispatch

import "time"

// Settings are a command channel's own.
type Settings struct {
	Name        string
	Prefetch    int           // most unsettled deliveries per connection
	AckTimeout  time.Duration // silence for so long is a failure
	MaxHold     time.Duration // longest a consumer may keep one delivery, whatever it reports
	MaxAttempts int           // failures until the dead letters
	BackoffMin  time.Duration
	BackoffMax  time.Duration
	MaxAge      time.Duration // older entries are dead letters; 0 for never

	// KeepOriginal puts the event as it was accepted into frame 3 of each
	// delivery, also where frame 2 is the same. An event that went through
	// transforms has frame 3's hash in its header. Neither goes out with an event
	// that went through a plugin that redacts.
	KeepOriginal bool
}

const (
	// grace is how long a lost connection keeps its leases: its last replies
	// travel on another connection and may still be on their way.
	grace = 2 * time.Second

	// brakeWindow is how many outcomes the brake looks back on.
	brakeWindow = 100

	// ticksPerTimeout is how finely deadlines are looked at.
	ticksPerTimeout = 16
	minTick         = time.Millisecond
	maxTick         = time.Second

	// minExpiry is the least time a delivery stays valid for its consumer.
	minExpiry = 10 * time.Minute
)

// tick is how often deadlines are looked at.
func (s *Settings) tick() time.Duration {
	return min(max(s.AckTimeout/ticksPerTimeout, minTick), maxTick)
}

// Validity is how long a delivery may be acted on after it was signed.
func (s *Settings) Validity() time.Duration { return max(2*s.MaxHold, minExpiry) }

// expiry is when a delivery sent at now must no longer be acted on.
func (s *Settings) expiry(now time.Time) time.Time { return now.Add(s.Validity()) }

// backoff is the wait after so many failures. jitter is in [0, 1).
func (s *Settings) backoff(failures int, jitter float64) time.Duration {
	return backoff(s.BackoffMin, s.BackoffMax, failures, jitter)
}

// backoff has full jitter below a ceiling that doubles with each failure.
func backoff(least, most time.Duration, failures int, jitter float64) time.Duration {
	ceiling := least
	for i := 1; i < failures && ceiling < most; i++ {
		ceiling *= 2
	}
	return time.Duration(jitter * float64(min(ceiling, most)))
}
