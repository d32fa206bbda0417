package journal

import (
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

var _ outbox.Aging = (*Journal)(nil)

// eldest is what Oldest found out last.
type eldest struct {
	seq      uint64
	accepted time.Time
}

// Oldest implements outbox.Aging. It reads the event's record where that is not in
// memory, once for each event that is the oldest.
func (j *Journal) Oldest(name string) (time.Time, error) {
	j.reading.RLock()
	defer j.reading.RUnlock()
	for {
		j.mu.Lock()
		c := j.channels[name]
		if c == nil {
			j.mu.Unlock()
			return time.Time{}, nil
		}
		leg, found, more := c.legs.Eldest()
		known := c.eldest
		if x := j.cache.entries[leg.Seq]; found && x != nil {
			known = eldest{leg.Seq, x.entry.Accepted}
		}
		j.mu.Unlock()
		if more {
			continue
		}
		if !found || known.seq == leg.Seq {
			return known.at(found), nil
		}
		e, err := j.readEvent(leg.Event, 0)
		if err != nil {
			return time.Time{}, err
		}
		j.mu.Lock()
		c.eldest = eldest{leg.Seq, e.entry.Accepted}
		j.mu.Unlock()
		return e.entry.Accepted, nil
	}
}

// at is when, where there is one at all.
func (e eldest) at(found bool) time.Time {
	if !found {
		return time.Time{}
	}
	return e.accepted
}
