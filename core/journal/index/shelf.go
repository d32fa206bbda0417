package index

import "slices"

// maxShelves is how many shelves a channel tells apart: a slot's phase says
// which one it lies on. Those beyond share the last one, which opens with any.
const maxShelves = 1<<8 - int(shelved)

// shelf has legs that can go on only when something outside comes back, in a
// line linked by their slots. A leg can stand there because it heads its lane, or
// has none; a dead letter that is redriven there finds its lane when it is met.
// What is put on a shelf closes it, and an open one is handed out from. One
// without a line is nobody's.
type shelf struct {
	name        string
	first, last ref
	count       int // pending ones that are not held
	open        bool
}

// Shelve puts what is out, and of that attempt, on a shelf: the hand-over does
// not count. It reports whether there was one.
func (c *Channel) Shelve(seq uint64, attempt int, name string) bool {
	r := c.find(seq)
	if r == 0 || c.table.at(r).phase != out || c.pastOf(seq).Attempt != attempt {
		return false
	}
	c.takeBack(r)
	number := c.shelfOf(name)
	c.close(number)
	sh, s := &c.shelves[number], c.table.at(r)
	s.phase, s.next = shelved+phase(number), 0
	if sh.first == 0 {
		sh.first = r
	} else {
		c.table.at(sh.last).next = r
	}
	sh.last = r
	c.weigh(s, 1)
	return true
}

// shelfOf gives the number of a shelf, which is a new one if need be.
func (c *Channel) shelfOf(name string) (number int) {
	free := len(c.shelves)
	for i := range c.shelves {
		switch sh := &c.shelves[i]; {
		case sh.first == 0:
			free = min(free, i)
		case sh.name == name:
			return i
		}
	}
	switch {
	case free == maxShelves:
		return maxShelves - 1 // more than are told apart: it is handed out too early at worst
	case free == len(c.shelves):
		c.shelves = append(c.shelves, shelf{})
	}
	c.shelves[free] = shelf{name: name}
	return free
}

// Unshelve lets what lies on a shelf be handed out, and reports whether
// anything does.
func (c *Channel) Unshelve(name string) bool {
	more := false
	for i := range c.shelves {
		sh := &c.shelves[i]
		if sh.first == 0 || sh.open || sh.name != name && i != maxShelves-1 {
			continue
		}
		sh.open = true
		c.opened = append(c.opened, i)
		c.counts.Shelved -= sh.count
		more = true
	}
	return more
}

// close keeps what lies on a shelf from being handed out.
func (c *Channel) close(number int) {
	sh := &c.shelves[number]
	if !sh.open {
		return
	}
	sh.open = false
	c.opened = slices.DeleteFunc(c.opened, func(i int) bool { return i == number })
	c.counts.Shelved += sh.count
}

// weigh counts a slot in or out, if it lies on a shelf and would go but for that.
func (c *Channel) weigh(s *slot, n int) {
	if s.phase < shelved || s.is(isDead|isHeld|isGone) {
		return
	}
	sh := &c.shelves[s.phase-shelved]
	sh.count += n
	if !sh.open {
		c.counts.Shelved += n
	}
}

// shift takes the first out of a shelf's line.
func (c *Channel) shift(number int) ref {
	sh := &c.shelves[number]
	r := sh.first
	s := c.table.at(r)
	c.weigh(s, -1)
	sh.first, s.next = s.next, 0
	if sh.first == 0 {
		c.close(number)
	}
	if s.is(isGone) {
		c.table.remove(r)
		return 0
	}
	s.phase = aside
	return r
}

// maxSwept is how many that have ended leave the front of their shelf with
// another one that ends: more than come, so that none are left of many.
const maxSwept = 2

// sweep lets go of what has ended at the front of a shelf.
func (c *Channel) sweep(number int) {
	for range maxSwept {
		if first := c.shelves[number].first; first == 0 || !c.table.at(first).is(isGone) {
			return
		}
		c.shift(number)
	}
}

// unshelved gives a leg of an open shelf that may go at once, 0 for none.
func (c *Channel) unshelved(t *taking) ref {
	for len(c.opened) > 0 {
		if !t.look() {
			return 0
		}
		if r := c.shift(c.opened[0]); r != 0 && c.meet(r, t.now) {
			return r
		}
	}
	return 0
}

// meet gives a leg that was off its way its place, and reports whether it may
// go at once.
func (c *Channel) meet(r ref, now int64) bool {
	if ln := c.lanes.entries[c.table.at(r).laneHash()]; ln != nil && ln.head == r {
		return c.turn(r, now)
	}
	return c.look(r, now)
}
