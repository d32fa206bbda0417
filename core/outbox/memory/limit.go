package memory

import "github.com/headgate-io/headgate/core/outbox"

var _ outbox.Limiting = (*Store)(nil)

// Limit implements outbox.Limiting.
func (s *Store) Limit(maxPending map[string]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		c.most = 0
	}
	for name, most := range maxPending {
		if s.channels[name] == nil {
			s.channels[name] = newChannel(most)
		}
		s.channels[name].most = most
	}
}
