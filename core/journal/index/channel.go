package index

// Channel has the legs of one channel. It is not safe for concurrent use.
type Channel struct {
	table table
	past  ledger[Past]  // by sequence
	lanes ledger[*lane] // by hash of the order key
	again queue         // to be handed out at once, before those not looked at yet
	due   dueHeap

	shelves map[string]line // by name; nil for none
	opened  line            // what lay on those that were opened

	next uint64 // sequence from which on nothing was looked at
	sent uint64 // legs up to here may have been handed out before a restart

	eldest uint64 // no leg with a lower sequence is pending and not held

	dueTurn bool // whose turn it is: a due one's, or another's

	counts Counts
}

// Counts count legs.
type Counts struct {
	Pending, Out, Dead, Held int
	Shelved                  int   // of pending ones that are not held
	Bytes                    int64 // of pending ones and dead letters
}

// New returns a channel without legs.
func New() *Channel {
	return &Channel{past: newLedger[Past](), lanes: newLedger[*lane]()}
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
	s.size = uint16(Size(l.Size) / sizeUnit)
	s.set(isPark, l.Park)
	s.set(isDead, l.Dead)
	s.set(isHeld, l.Held)
	if l.Past != (Past{}) {
		c.past.set(l.Seq, l.Past)
	}
	c.unpass(l.Seq)
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

// pastOf gives a leg's past.
func (c *Channel) pastOf(seq uint64) Past {
	if p, ok := c.past.entries[seq]; ok {
		return p
	}
	return c.untold(seq)
}

// untold gives the past of a leg that none is kept of.
func (c *Channel) untold(seq uint64) Past {
	if seq <= c.sent {
		return Past{Attempt: 1}
	}
	return Past{}
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
