package memory

import (
	"context"
	"fmt"

	"github.com/headgate-io/headgate/core/outbox"
)

// Verify implements outbox.Keeping: it counts again what is counted along the way.
func (s *Store) Verify(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var bytes, told int64
	perChannel := make(map[string]int64)
	for _, r := range s.records {
		if r.entry != nil {
			bytes += r.size
		}
		for i := range r.legs {
			told += r.legs[i].told.size()
			if l := &r.legs[i]; l.counts() {
				perChannel[l.target.Channel] += r.size
			}
		}
	}
	if told != s.told {
		return fmt.Errorf("outbox: was told %d bytes, counted %d", told, s.told)
	}
	if bytes != s.bytes {
		return fmt.Errorf("outbox: holds %d bytes, counted %d", bytes, s.bytes)
	}
	for name, c := range s.channels {
		if c.bytes != perChannel[name] {
			return fmt.Errorf("outbox: channel %s holds %d bytes, counted %d", name, perChannel[name], c.bytes)
		}
	}
	return nil
}

// Stats implements outbox.Keeping.
func (s *Store) Stats() outbox.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := outbox.Stats{Engine: "memory", Entries: len(s.records) - s.ended.len(), IDs: len(s.ids), Bytes: s.bytes, Capacity: s.o.Capacity,
		Channels: make(map[string]outbox.ChannelStats, len(s.channels))}
	for name, c := range s.channels {
		st.Channels[name] = c.stats()
	}
	return st
}

// Close implements outbox.Keeping.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.facts != nil {
		s.facts.signal()
	}
	for seq, waiting := range s.waiters {
		for _, w := range waiting {
			close(w)
		}
		delete(s.waiters, seq)
	}
	return nil
}
