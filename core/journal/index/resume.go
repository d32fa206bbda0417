package index

import "slices"

// Restarted notes, when every leg was added, that pending legs up to a sequence
// may have been handed out once more than their records say.
func (c *Channel) Restarted(sent uint64) {
	c.sent = sent
	for seq, p := range c.past.entries {
		if seq <= sent && p.Until == 0 {
			if r := c.find(seq); r != 0 && !c.table.at(r).is(isDead|isHeld) {
				p.Attempt++
				c.past.set(seq, p)
			}
		}
	}
}

// Resume gives the legs that a lease of before a restart keeps out beyond now,
// as out, once.
func (c *Channel) Resume(now int64) []Leg {
	var kept []uint64
	for seq, p := range c.past.entries {
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
			if c.lanes.entries[hash] != nil {
				continue // it is due when its turn comes
			}
			c.lanes.set(hash, &lane{head: r})
		}
		s.phase = out
		c.counts.Out++
		legs = append(legs, c.leg(r))
	}
	return legs
}
