package journal

import "github.com/headgate-io/headgate/core/outbox"

// Shelve implements outbox.Dispatching. What lies on a shelf is read again when
// it is handed out.
func (j *Journal) Shelve(name, shelf string, items []outbox.Item) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := j.channels[name]
	if c == nil {
		return
	}
	for i := range items {
		x := &items[i]
		if c.legs.Shelve(x.Seq, x.Attempt, shelf) {
			j.cache.back(x.Seq)
		}
	}
}

// Unshelve implements outbox.Dispatching.
func (j *Journal) Unshelve(name, shelf string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if c := j.channels[name]; c != nil && c.legs.Unshelve(shelf) {
		c.signal()
	}
}
