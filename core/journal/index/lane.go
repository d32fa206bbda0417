package index

// lane is what shares an order key. Its head is on its way, held, or a dead
// letter that keeps it closed; the others stand in line, linked by their slots.
type lane struct {
	head        ref
	first, last ref
}

// line puts a leg at the end of a lane's line.
func (c *Channel) line(ln *lane, r ref) {
	s := c.table.at(r)
	s.phase, s.next = waiting, 0
	if ln.last == 0 {
		ln.first = r
	} else {
		c.table.at(ln.last).next = r
	}
	ln.last = r
}

// open lets the next of a lane go when its head has ended.
func (c *Channel) open(hash uint64, head ref) {
	ln := c.lanes.entries[hash]
	if hash == 0 || ln == nil || ln.head != head {
		return
	}
	for ln.first != 0 {
		r := ln.first
		s := c.table.at(r)
		ln.first, s.next = s.next, 0
		if ln.first == 0 {
			ln.last = 0
		}
		if s.is(isGone) {
			c.table.remove(r)
			continue
		}
		if s.is(isDead) && !s.is(isPark) {
			s.phase = aside
			continue
		}
		ln.head = r
		if c.turn(r, 0) {
			c.queue(r)
		}
		return
	}
	c.lanes.drop(hash)
}
