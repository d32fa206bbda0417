package index

// Eldest gives the pending leg with the lowest sequence that is not held. It goes on
// from where it was last, and looks at a bounded number: more tells that another
// call would find out.
func (c *Channel) Eldest() (l Leg, found, more bool) {
	looks := maxLooks
	for r := c.table.from(c.eldest); r != 0; r = c.table.after(r) {
		if looks == 0 {
			return Leg{}, false, true
		}
		looks--
		c.eldest = c.table.seq(r)
		if !c.table.at(r).is(isDead | isHeld | isGone) {
			return c.leg(r), true, false
		}
	}
	return Leg{}, false, false
}

// unpass has Eldest look at a leg that it may have passed over.
func (c *Channel) unpass(seq uint64) { c.eldest = min(c.eldest, seq) }
