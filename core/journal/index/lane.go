package index

// lane is what shares an order key. Its head is on its way, on a shelf, held, or
// a dead letter that keeps it closed; the others stand in line.
type lane struct {
	head ref
	line line
}

// line puts a leg at the end of a lane's line.
func (c *Channel) line(ln *lane, r ref) {
	c.table.at(r).phase = waiting
	c.table.push(&ln.line, r)
}

// open lets the next of a lane go when its head has ended.
func (c *Channel) open(hash uint64, head ref) {
	ln := c.lanes.entries[hash]
	if hash == 0 || ln == nil || ln.head != head {
		return
	}
	for ln.line.first != 0 {
		r := c.table.pop(&ln.line)
		s := c.table.at(r)
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
