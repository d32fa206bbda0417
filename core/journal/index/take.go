package index

import (
	"cmp"
	"slices"
)

// maxLooks bounds how many legs and stale places one Take looks at, so that a
// line of blocked ones holds nobody up; it is gone on with by the next Take.
const maxLooks = 1 << 14

// Taken is what Take found.
type Taken struct {
	Legs []Leg
	Next int64  // when the earliest leg is due that is not yet, 0 for none
	Wall uint64 // the sequence at which upTo stopped it, 0 for none
	More bool   // it looked at enough for one time: there may be more
	Dry  bool   // there was less than wanted
}

// taking is a Take under way.
type taking struct {
	Taken
	now   int64
	upTo  uint64
	looks int // that are left
}

// look reports whether one more may be looked at.
func (t *taking) look() bool {
	if t.looks == 0 {
		t.More = true
		return false
	}
	t.looks--
	return true
}

// Take hands out up to most legs: those due at now in turn with the others,
// oldest first. One that was not looked at before is left alone when its
// sequence is above upTo.
func (c *Channel) Take(now int64, most int, upTo uint64) Taken {
	t := taking{now: now, upTo: upTo, looks: maxLooks}
	for len(t.Legs) < most {
		r := c.pick(&t)
		if r == 0 {
			t.Dry = !t.More && t.Wall == 0
			break
		}
		c.send(r)
		t.Legs = append(t.Legs, c.leg(r))
	}
	if c.earliest(&t) != 0 {
		t.Next = c.due[0].at
	}
	return t.Taken
}

func (c *Channel) send(r ref) {
	c.table.at(r).phase = out
	seq := c.table.seq(r)
	p := c.pastOf(seq)
	p.Attempt++
	p.Due, p.Until = 0, 0
	c.past.set(seq, p)
	c.counts.Out++
}

func (c *Channel) pick(t *taking) ref {
	top := c.earliest(t)
	isDue := top != 0 && c.due[0].at <= t.now
	if !isDue || !c.dueTurn {
		if r := c.fresh(t); r != 0 {
			c.dueTurn = true
			return r
		}
	}
	if isDue {
		c.dueTurn = false
		c.due.pop()
		return top
	}
	return 0
}

// fresh gives a leg that may go at once: one that waited for its lane or came
// back, else one of a shelf that was opened, else the next one that was not looked at.
func (c *Channel) fresh(t *taking) ref {
	for c.again.len() > 0 {
		if h := c.again.front(); c.isFresh(h, queued) {
			c.again.pop()
			return h.ref
		}
		if !t.look() {
			return 0
		}
		c.again.pop() // it has ended, or is held
	}
	if r := c.unshelved(t); r != 0 || t.More {
		return r
	}
	for r := c.table.from(c.next); r != 0; {
		seq := c.table.seq(r)
		if seq > t.upTo {
			t.Wall = seq
			return 0
		}
		if !t.look() {
			return 0
		}
		following := c.table.after(r)
		c.next = seq + 1
		if c.table.at(r).phase == unseen && c.look(r, t.now) {
			return r
		}
		r = following
	}
	return 0
}

// earliest gives the leg that is due first, 0 for none.
func (c *Channel) earliest(t *taking) ref {
	for len(c.due) > 0 {
		if c.isFresh(c.due[0], due) {
			return c.due[0].ref
		}
		if !t.look() {
			return 0
		}
		c.due.pop() // it has ended, or is held
	}
	return 0
}

// look gives a leg its first turn, and reports whether it may go at once.
func (c *Channel) look(r ref, now int64) bool {
	s := c.table.at(r)
	hash := s.laneHash()
	if hash != 0 {
		if ln := c.lanes.entries[hash]; ln != nil {
			if s.is(isDead) && !s.is(isPark) {
				s.phase = aside
				return false
			}
			c.line(ln, r)
			return false
		}
		if !s.is(isDead) || s.is(isPark) {
			c.lanes.set(hash, &lane{head: r})
		}
	}
	return c.turn(r, now)
}

// turn gives a leg that nobody is before its place, and reports whether it may
// go at once.
func (c *Channel) turn(r ref, now int64) bool {
	s, seq := c.table.at(r), c.table.seq(r)
	p := c.pastOf(seq)
	switch {
	case s.is(isDead) || s.is(isHeld):
		s.phase = aside
	case p.wait() > now:
		if c.due.full() {
			c.due = c.fresher(c.due, due)
			slices.SortFunc(c.due, func(a, b handle) int { return cmp.Compare(a.at, b.at) })
		}
		s.phase = due
		c.due.push(handle{r, seq, p.wait()})
	default:
		return true
	}
	return false
}

// queue makes a leg one to be handed out at once.
func (c *Channel) queue(r ref) {
	if c.again.full() {
		c.again = queue{items: c.fresher(c.again.items[c.again.head:], queued)}
	}
	c.table.at(r).phase = queued
	c.again.push(handle{ref: r, seq: c.table.seq(r)})
}

// isFresh reports whether a handle among those of a phase is not stale.
func (c *Channel) isFresh(h handle, p phase) bool {
	return c.table.holds(h.ref, h.seq) && c.table.at(h.ref).phase == p && (p != due || c.pastOf(h.seq).wait() == h.at)
}

// fresher gives the handles that are not stale, one for each leg, and room for
// as many again.
func (c *Channel) fresher(handles []handle, p phase) []handle {
	n := 0
	for _, h := range handles {
		if c.isFresh(h, p) {
			handles[n] = h
			n++
			c.table.at(h.ref).phase = aside // its others are stale
		}
	}
	kept := append(make([]handle, 0, 2*n+1), handles[:n]...)
	for _, h := range kept {
		c.table.at(h.ref).phase = p
	}
	return kept
}
