package memory

import (
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

var _ outbox.Aging = (*Store)(nil)

// Oldest implements outbox.Aging.
func (s *Store) Oldest(name string) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[name]
	if c == nil || c.pending == c.held {
		return time.Time{}, nil
	}
	for c.eldest = max(c.eldest, s.low); c.eldest <= s.seq; c.eldest++ {
		if r := s.records[c.eldest]; r != nil {
			if l := r.leg(name); l != nil && l.state == pending && !l.held {
				return outbox.Instant(r.accepted), nil
			}
		}
	}
	return time.Time{}, nil
}

// unpass has Oldest look at a leg that it may have passed over.
func (c *channel) unpass(l *leg) { c.eldest = min(c.eldest, l.record.seq) }
