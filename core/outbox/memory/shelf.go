package memory

import (
	"slices"

	"github.com/headgate-io/headgate/core/outbox"
)

// shelf has legs that go on when something outside comes back, in the order in
// which they came, until it is opened. One that ends or dies lies there until it
// is met.
type shelf struct {
	name  string
	legs  queue[*leg]
	count int // pending ones that are not held
	open  bool
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
		sh = &shelf{name: name}
		c.shelves[name] = sh
	}
	if sh.open {
		sh.open = false
		c.opened = slices.DeleteFunc(c.opened, func(x *shelf) bool { return x == sh })
	}
	l.shelf = sh
	sh.legs.push(l)
	l.weigh(1)
}

func (c *channel) unshelve(name string) {
	if sh := c.shelves[name]; sh != nil && !sh.open {
		sh.open = true
		c.opened = append(c.opened, sh)
		c.signal()
	}
}

// unshelved gives a leg of an open shelf that may be handed out, nil for none.
func (c *channel) unshelved() *leg {
	for len(c.opened) > 0 {
		sh := c.opened[0]
		if sh.legs.len() == 0 {
			delete(c.shelves, sh.name)
			c.opened = c.opened[1:]
			continue
		}
		l := sh.legs.pop()
		l.weigh(-1)
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
func (l *leg) weigh(n int) {
	if l.shelf != nil && l.state == pending && !l.held {
		l.shelf.count += n
	}
}
