package index

// Shelve puts what is out, and of that attempt, at the end of a shelf: the
// hand-over does not count. It reports whether there was one. What is out heads
// its lane, or has none, and so the slot stands in no other line.
func (c *Channel) Shelve(seq uint64, attempt int, name string) bool {
	r := c.find(seq)
	if r == 0 || c.table.at(r).phase != out || c.pastOf(seq).Attempt != attempt {
		return false
	}
	c.takeBack(r)
	s := c.table.at(r)
	s.phase = shelved
	c.weigh(s, 1)
	if c.shelves == nil {
		c.shelves = make(map[string]line)
	}
	shelf := c.shelves[name]
	c.table.push(&shelf, r)
	c.shelves[name] = shelf
	return true
}

// Unshelve opens a shelf: what lies there may be handed out. It reports whether
// there was one by that name.
func (c *Channel) Unshelve(name string) bool {
	shelf, ok := c.shelves[name]
	if !ok {
		return false
	}
	delete(c.shelves, name)
	if len(c.shelves) == 0 {
		c.shelves = nil // a map does not shrink
	}
	c.uncount(shelf)
	c.table.join(&c.opened, shelf)
	return true
}

// maxUncounted bounds how many are counted out when their shelf is opened. The
// others are as they are met.
const maxUncounted = 1 << 12

func (c *Channel) uncount(shelf line) {
	r := shelf.first
	for range maxUncounted {
		if r == 0 {
			return
		}
		s := c.table.at(r)
		c.weigh(s, -1)
		s.phase = opened
		r = s.next
	}
}

// unshelved gives a leg of those whose shelf was opened that may go at once, 0
// for none.
func (c *Channel) unshelved(t *taking) ref {
	for c.opened.first != 0 {
		if !t.look() {
			return 0
		}
		r := c.table.pop(&c.opened)
		s := c.table.at(r)
		if s.is(isGone) {
			c.table.remove(r)
			continue
		}
		c.weigh(s, -1)
		s.phase = aside
		if c.meet(r, t.now) {
			return r
		}
	}
	return 0
}

// meet gives a leg that was off its way its place, and reports whether it may
// go at once. One that was redriven may have to find its lane.
func (c *Channel) meet(r ref, now int64) bool {
	if ln := c.lanes.entries[c.table.at(r).laneHash()]; ln != nil && ln.head == r {
		return c.turn(r, now)
	}
	return c.look(r, now)
}

// weigh counts a slot in or out, if it is shelved and would go but for that.
func (c *Channel) weigh(s *slot, n int) {
	if s.phase == shelved && !s.is(isDead|isHeld|isGone) {
		c.counts.Shelved += n
	}
}
