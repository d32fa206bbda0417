package journal

import "github.com/headgate-io/headgate/core/outbox"

var _ outbox.Limiting = (*Journal)(nil)

// Limit implements outbox.Limiting.
func (j *Journal) Limit(maxPending map[string]int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.channels {
		c.most = 0
	}
	for name, most := range maxPending {
		j.channel(name).most = most
	}
}
