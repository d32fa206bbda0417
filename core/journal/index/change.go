package index

// Each of these changes one leg that has not ended; of another it is a no-op.

// End takes a leg out for good: done, or dropped. Its lane opens.
func (c *Channel) End(seq uint64) {
	r := c.find(seq)
	if r == 0 {
		return
	}
	s := c.table.at(r)
	hash := s.laneHash()
	c.leave(r)
	c.weigh(s, -1)
	c.counts.Bytes -= int64(s.size) * sizeUnit
	if s.is(isDead) {
		c.counts.Dead--
	} else {
		c.counts.Pending--
	}
	if s.is(isHeld) {
		c.counts.Held--
	}
	c.past.drop(seq)
	if s.stands() {
		s.set(isGone, true)
	} else {
		c.table.remove(r)
	}
	c.open(hash, r)
	if c.table.count == 0 {
		c.again, c.due = queue{}, nil // all of them are stale
	}
}

// leave notes that a leg is not on its way any more.
func (c *Channel) leave(r ref) {
	if c.table.at(r).phase == out {
		c.counts.Out--
	}
}

// Die makes a pending leg a dead letter. Its lane opens, unless it parks it.
func (c *Channel) Die(seq uint64, p Past) {
	r := c.find(seq)
	if r == 0 {
		return
	}
	s := c.table.at(r)
	if s.is(isDead) {
		return
	}
	c.leave(r)
	c.weigh(s, -1)
	c.past.set(seq, p)
	c.counts.Pending--
	c.counts.Dead++
	s.set(isDead, true)
	if s.is(isHeld) {
		s.set(isHeld, false)
		c.counts.Held--
	}
	if s.phase == waiting || s.phase == unseen {
		return // it is met where it stands
	}
	if !s.onShelf() {
		s.phase = aside
	}
	if !s.is(isPark) {
		c.open(s.laneHash(), r)
	}
}

// Again makes a pending leg ready for another hand-over at p.Due. It still
// heads its lane. at is now: what is due by then goes at once.
func (c *Channel) Again(seq uint64, p Past, at int64) {
	r := c.find(seq)
	if r == 0 || c.table.at(r).is(isDead) {
		return
	}
	c.leave(r)
	c.past.set(seq, p)
	switch s := c.table.at(r); {
	case s.stands() || s.phase == unseen:
	case c.turn(r, at):
		c.queue(r)
	}
}

// Redrive makes a dead letter pending again: in its old place if it parks its
// lane, else at the lane's end. One that lies on a shelf does so still.
func (c *Channel) Redrive(seq uint64, p Past) {
	r := c.find(seq)
	if r == 0 || !c.table.at(r).is(isDead) {
		return
	}
	c.unpass(seq)
	s := c.table.at(r)
	s.set(isDead, false)
	c.past.set(seq, p)
	c.counts.Dead--
	c.counts.Pending++
	c.weigh(s, 1)
	if s.phase == aside && c.meet(r, 0) { // else it was never looked at as dead
		c.queue(r)
	}
}

// Hold keeps a pending leg from being handed out; one that is out is held when
// it comes back.
func (c *Channel) Hold(seq uint64, p Past) {
	r := c.find(seq)
	if r == 0 || c.table.at(r).is(isDead|isHeld) {
		return
	}
	s := c.table.at(r)
	if s.phase == out { // maybe handed out since p was made
		p.Attempt, p.Due = max(p.Attempt, c.pastOf(seq).Attempt), 0
	}
	c.weigh(s, -1)
	s.set(isHeld, true)
	c.past.set(seq, p)
	c.counts.Held++
	if s.phase == queued || s.phase == due {
		s.phase = aside
	}
}

// Release ends a Hold. at is now.
func (c *Channel) Release(seq uint64, p Past, at int64) {
	r := c.find(seq)
	if r == 0 || !c.table.at(r).is(isHeld) {
		return
	}
	c.unpass(seq)
	s := c.table.at(r)
	s.set(isHeld, false)
	c.weigh(s, 1)
	c.past.set(seq, p)
	c.counts.Held--
	if s.phase == aside && c.turn(r, at) {
		c.queue(r)
	}
}

// Lease notes that what is out stays so after a restart. Nothing changes now.
func (c *Channel) Lease(seq uint64, p Past) {
	if r := c.find(seq); r != 0 {
		c.past.set(seq, p)
	}
}

// Unsent takes back a hand-over that never left.
func (c *Channel) Unsent(seq uint64) {
	r := c.find(seq)
	if r == 0 || c.table.at(r).phase != out {
		return
	}
	c.takeBack(r)
	if c.turn(r, 0) {
		c.queue(r)
	}
}

// takeBack makes what is out what it was before.
func (c *Channel) takeBack(r ref) {
	c.leave(r)
	seq := c.table.seq(r)
	p := c.pastOf(seq)
	p.Attempt, p.Until = p.Attempt-1, 0
	if p == c.untold(seq) {
		c.past.drop(seq)
	} else {
		c.past.set(seq, p)
	}
}

// Restate notes that what is known of a leg's state lies elsewhere now.
func (c *Channel) Restate(seq uint64, to Place) {
	if p, ok := c.past.entries[seq]; ok {
		p.State = to
		c.past.set(seq, p)
	}
}

// Remap gives every record that legs know of its new place.
func (c *Channel) Remap(to func(Place) Place) {
	for r := c.table.from(0); r != 0; r = c.table.after(r) {
		s := c.table.at(r)
		at := to(Place{s.segment, s.offset})
		s.segment, s.offset = at.Segment, at.Offset
	}
	for seq, p := range c.past.entries {
		if p.State != (Place{}) {
			p.State = to(p.State)
			c.past.set(seq, p)
		}
	}
}
