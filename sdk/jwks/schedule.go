package jwks

import "time"

// HintEvery is the least time between two fetches that an issuer is spared
// but for hints.
const HintEvery = 30 * time.Second

// Delays after failures. They double, so that an issuer in trouble is left in
// peace, and end where a short outage is not made a long one.
const (
	firstRetry = 2 * time.Second
	lastRetry  = 5 * time.Minute
)

// schedule says when an issuer is asked next. It knows no clock, and its times
// are those it was given.
type schedule struct {
	next     time.Time // zero is at once
	failures int       // since the last success
	hinted   time.Time // when the newest fetch was due that a hint asked for
}

// succeeded plans the next fetch for when the answer is not fresh any more, a
// tenth earlier or later: so that many routers do not ask at once.
func (s *schedule) succeeded(now time.Time, fresh time.Duration, random float64) {
	s.failures = 0
	s.next = now.Add(time.Duration(float64(fresh) * (0.9 + 0.2*random)))
}

// failed plans the next try: within the later half of a delay that doubles.
func (s *schedule) failed(now time.Time, random float64) {
	delay := firstRetry << min(s.failures, 16) // beyond the last by far
	delay = min(delay, lastRetry)
	s.failures++
	s.next = now.Add(time.Duration(float64(delay) * (0.5 + 0.5*random)))
}

// hint moves the next fetch forward: to now, or to HintEvery after the one that
// the last hint asked for. A hint is never lost and a flood of them is one.
func (s *schedule) hint(now time.Time) {
	at := now
	if earliest := s.hinted.Add(HintEvery); earliest.After(at) {
		at = earliest
	}
	if at.Before(s.next) {
		s.next, s.hinted = at, at
	}
}
