package index

import "slices"

// maxLooks bounds how many legs one Take looks at, so that a line of blocked
// ones holds nobody up; it is gone on with by the next Take.
const maxLooks = 1 << 14

// Channel has the legs of one channel. It is not safe for concurrent use.
type Channel struct {
	table table
	past  map[uint64]Past // by sequence
	lanes map[uint64]*lane
	again queue // to be handed out at once, before those not looked at yet
	due   dueHeap
	next  uint64 // sequence from which on nothing was looked at
	sent  uint64 // legs up to here may have been handed out before a restart

	dueTurn bool // whose turn it is: a due one's, or another's

	counts Counts
}

// Counts count legs.
type Counts struct {
	Pending, Out, Dead, Held int
	Bytes                    int64 // of pending ones and dead letters
}

// New returns a channel without legs.
func New() *Channel {
	return &Channel{past: make(map[uint64]Past), lanes: make(map[uint64]*lane)}
}

// Counts gives the counts.
func (c *Channel) Counts() Counts { return c.counts }

// Add takes in a leg with a sequence that it does not have. Sequences may come
// out of order until something was handed out.
func (c *Channel) Add(l Leg) {
	r := c.table.add(l.Seq)
	s := c.table.at(r)
	s.segment, s.offset = l.Event.Segment, l.Event.Offset
	s.lane = [2]uint32{uint32(l.Lane >> 32), uint32(l.Lane)}
	s.size = uint16(min((l.Size+sizeUnit-1)/sizeUnit, 1<<16-1))
	s.set(isPark, l.Park)
	s.set(isDead, l.Dead)
	s.set(isHeld, l.Held)
	if l.Past != (Past{}) {
		c.past[l.Seq] = l.Past
	}
	c.counts.Bytes += int64(s.size) * sizeUnit
	if l.Dead {
		c.counts.Dead++
	} else {
		c.counts.Pending++
	}
	if l.Held {
		c.counts.Held++
	}
}

// Size is what a leg of so many bytes counts for.
func Size(bytes int64) int64 {
	return min((bytes+sizeUnit-1)/sizeUnit, 1<<16-1) * sizeUnit
}

// Restarted notes, when every leg was added, that pending legs up to a sequence
// may have been handed out once more than their records say.
func (c *Channel) Restarted(sent uint64) {
	c.sent = sent
	for seq, p := range c.past {
		if seq <= sent && p.Until == 0 {
			if r := c.find(seq); r != 0 && !c.table.at(r).is(isDead|isHeld) {
				p.Attempt++
				c.past[seq] = p
			}
		}
	}
}

// pastOf gives a leg's past.
func (c *Channel) pastOf(seq uint64) Past {
	p, ok := c.past[seq]
	if !ok && seq <= c.sent {
		p.Attempt = 1
	}
	return p
}

// Find gives a leg that has not ended.
func (c *Channel) Find(seq uint64) (Leg, bool) {
	r := c.find(seq)
	if r == 0 {
		return Leg{}, false
	}
	return c.leg(r), true
}

// find gives the slot of a leg that has not ended.
func (c *Channel) find(seq uint64) ref {
	r := c.table.find(seq)
	if r == 0 || c.table.at(r).is(isGone) {
		return 0
	}
	return r
}

func (c *Channel) leg(r ref) Leg {
	s := c.table.at(r)
	return Leg{Seq: c.table.seq(r), Event: Place{s.segment, s.offset}, Lane: s.laneHash(), Park: s.is(isPark), Size: int64(s.size) * sizeUnit,
		Dead: s.is(isDead), Held: s.is(isHeld), Out: s.phase == out, Past: c.pastOf(c.table.seq(r))}
}

// Each gives legs in order of sequence, from one on, while yield wants more.
// The channel must not change meanwhile.
func (c *Channel) Each(from uint64, yield func(Leg) bool) {
	for r := c.table.from(from); r != 0; r = c.table.after(r) {
		if !c.table.at(r).is(isGone) && !yield(c.leg(r)) {
			return
		}
	}
}

// Move notes that a leg's event record lies elsewhere now.
func (c *Channel) Move(seq uint64, to Place) {
	if r := c.find(seq); r != 0 {
		s := c.table.at(r)
		s.segment, s.offset = to.Segment, to.Offset
	}
}

// Taken is what Take found.
type Taken struct {
	Legs []Leg
	Next int64  // when the earliest leg is due that is not yet, 0 for none
	Wall uint64 // the sequence at which upTo stopped it, 0 for none
	More bool   // it looked at enough for one time: there may be more
	Dry  bool   // there was less than wanted
}

// Take hands out up to most legs: those due at now in turn with the others,
// oldest first. One that was not looked at before is left alone when its
// sequence is above upTo.
func (c *Channel) Take(now int64, most int, upTo uint64) Taken {
	var t Taken
	looks := maxLooks
	for len(t.Legs) < most {
		r := c.pick(now, upTo, &looks, &t)
		if r == 0 {
			t.Dry = !t.More && t.Wall == 0
			break
		}
		c.send(r)
		t.Legs = append(t.Legs, c.leg(r))
	}
	if top := c.earliest(); top != 0 {
		t.Next = c.past[c.table.seq(top)].wait()
	}
	return t
}

func (c *Channel) send(r ref) {
	c.table.at(r).phase = out
	seq := c.table.seq(r)
	p := c.pastOf(seq)
	p.Attempt++
	p.Due, p.Until = 0, 0
	c.past[seq] = p
	c.counts.Out++
}

func (c *Channel) pick(now int64, upTo uint64, looks *int, t *Taken) ref {
	top := c.earliest()
	isDue := top != 0 && c.past[c.table.seq(top)].wait() <= now
	if !isDue || !c.dueTurn {
		if r := c.fresh(now, upTo, looks, t); r != 0 {
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
// back, else the next one that was not looked at.
func (c *Channel) fresh(now int64, upTo uint64, looks *int, t *Taken) ref {
	for c.again.len() > 0 {
		if e := c.again.pop(); c.table.holds(e.ref, e.seq) && c.table.at(e.ref).phase == queued {
			return e.ref
		}
	}
	for r := c.table.from(c.next); r != 0; {
		seq := c.table.seq(r)
		if seq > upTo {
			t.Wall = seq
			return 0
		}
		if *looks--; *looks < 0 {
			t.More = true
			return 0
		}
		following := c.table.after(r)
		c.next = seq + 1
		if c.table.at(r).phase == unseen && c.look(r, now) {
			return r
		}
		r = following
	}
	return 0
}

// look gives a leg its first turn, and reports whether it may go at once.
func (c *Channel) look(r ref, now int64) bool {
	s := c.table.at(r)
	hash := s.laneHash()
	if hash != 0 {
		if ln := c.lanes[hash]; ln != nil {
			if s.is(isDead) && !s.is(isPark) {
				s.phase = aside
				return false
			}
			c.line(ln, r)
			return false
		}
		if !s.is(isDead) || s.is(isPark) {
			c.lanes[hash] = &lane{head: r}
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
		s.phase = due
		c.due.push(dueAt{p.wait(), c.handle(r)})
	default:
		return true
	}
	return false
}

func (c *Channel) handle(r ref) handle { return handle{ref: r, seq: c.table.seq(r)} }

// earliest gives the leg that is due first, 0 for none.
func (c *Channel) earliest() ref {
	for len(c.due) > 0 {
		top := c.due[0]
		if c.table.holds(top.ref, top.seq) && c.table.at(top.ref).phase == due && c.past[top.seq].wait() == top.at {
			return top.ref
		}
		c.due.pop() // it has ended, or is held
	}
	return 0
}

// Resume gives the legs that a lease of before a restart keeps out beyond now,
// as out, once.
func (c *Channel) Resume(now int64) []Leg {
	var kept []uint64
	for seq, p := range c.past {
		if p.Until > now {
			kept = append(kept, seq)
		}
	}
	slices.Sort(kept)
	var legs []Leg
	for _, seq := range kept {
		r := c.find(seq)
		if r == 0 {
			continue
		}
		s := c.table.at(r)
		if s.is(isDead|isHeld) || s.phase != unseen && s.phase != due {
			continue
		}
		if hash := s.laneHash(); hash != 0 && s.phase == unseen {
			if c.lanes[hash] != nil {
				continue // it is due when its turn comes
			}
			c.lanes[hash] = &lane{head: r}
		}
		s.phase = out
		c.counts.Out++
		legs = append(legs, c.leg(r))
	}
	return legs
}
