package memory

import "github.com/headgate-io/headgate/core/outbox"

// shelf has legs that go on when something outside comes back, in the order in
// which they came. One that ends or dies there lies there until it is met.
type shelf struct {
	legs   queue[*leg]
	count  int // pending ones that are not held
	opened bool
}

// Shelve implements outbox.Dispatching.
func (s *Store) Shelve(channel, shelf string, items []outbox.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range items {
		r := s.records[items[i].Seq]
		if r == nil {
			continue
		}
		if l := r.leg(channel); l != nil && l.out && int(l.attempt) == items[i].Attempt {
			s.channels[channel].shelve(l, shelf)
		}
	}
}

// Unshelve implements outbox.Dispatching.
func (s *Store) Unshelve(channel, shelf string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		c.unshelve(shelf)
	}
}

func (c *channel) shelve(l *leg, name string) {
	l.out = false
	c.out--
	l.attempt--
	sh := c.shelves[name]
	if sh == nil {
		sh = &shelf{}
		c.shelves[name] = sh
	}
	l.shelf = sh
	sh.legs.push(l)
	c.weigh(l, 1)
}

func (c *channel) unshelve(name string) {
	if sh := c.shelves[name]; sh != nil {
		delete(c.shelves, name)
		sh.opened = true
		c.shelved -= sh.count
		c.opened.push(sh)
		c.signal()
	}
}

// unshelved gives a leg of those whose shelf was opened that may be handed out,
// nil for none.
func (c *channel) unshelved() *leg {
	for c.opened.len() > 0 {
		sh := *c.opened.front()
		l := sh.legs.pop()
		if sh.legs.len() == 0 {
			c.opened.pop()
		}
		c.weigh(l, -1)
		l.shelf = nil
		if l.state != pending {
			continue // it ended or died there
		}
		if ln := c.lanes[l.target.Order]; l.target.Order != "" && (ln == nil || *ln.legs.front() != l) {
			c.line(l) // it died there, and was redriven
			continue
		}
		if !l.held {
			return l
		}
	}
	return nil
}

// weigh counts a leg in or out, if it lies on a shelf and would go but for that.
func (c *channel) weigh(l *leg, n int) {
	if l.shelf == nil || l.state != pending || l.held {
		return
	}
	l.shelf.count += n
	if !l.shelf.opened {
		c.shelved += n
	}
}
