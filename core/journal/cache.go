package journal

import (
	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/outbox"
)

// cache has entries that are with consumers, and the newest ones that are
// likely to go to one soon. It lives under the journal's mu.
type cache struct {
	entries map[uint64]*cached
	names   map[ids.Hash]uint64
	order   []uint64 // of those that are kept because they are new
	bytes   int64    // of those
}

// cached is an entry in memory.
type cached struct {
	entry *outbox.Entry
	id    ids.Hash
	outs  int   // legs that are with a consumer
	size  int64 // while it is kept because it is new
}

func newCache() cache {
	return cache{entries: make(map[uint64]*cached), names: make(map[ids.Hash]uint64)}
}

// add takes in an entry that is new; the oldest ones go when there are many.
func (c *cache) add(p *pending) {
	c.entries[p.seq] = &cached{entry: p.entry, id: p.id, size: p.size}
	c.names[p.id] = p.seq
	c.bytes += p.size
	c.order = append(c.order, p.seq)
	c.trim()
	for c.bytes > maxCached {
		c.age(c.order[0])
		c.order = c.order[1:]
	}
}

// age lets go of an entry that is not new any more.
func (c *cache) age(seq uint64) {
	if x := c.entries[seq]; x != nil {
		c.bytes -= x.size
		x.size = 0
		c.drop(seq, x)
	}
}

func (c *cache) drop(seq uint64, x *cached) {
	if x.outs > 0 || x.size > 0 {
		return
	}
	delete(c.entries, seq)
	if c.names[x.id] == seq {
		delete(c.names, x.id)
	}
}

// out notes that a leg went to a consumer, and gives the entry if it is here.
func (c *cache) out(seq uint64) *outbox.Entry {
	x := c.entries[seq]
	if x == nil {
		return nil
	}
	x.outs++
	if x.size > 0 && len(x.entry.Targets) == 1 { // nobody else waits for it
		c.bytes -= x.size
		x.size = 0
	}
	return x.entry
}

// read takes in an entry that was read for a consumer.
func (c *cache) read(e *event) {
	x := c.entries[e.seq]
	if x == nil {
		x = &cached{entry: e.entry, id: e.id}
		c.entries[e.seq] = x
		c.names[e.id] = e.seq
	}
	x.outs++
}

// back notes that a leg is with no consumer any more.
func (c *cache) back(seq uint64) {
	if x := c.entries[seq]; x != nil && x.outs > 0 {
		x.outs--
		c.drop(seq, x)
	}
}

// trim keeps the order from growing with entries that have gone meanwhile.
func (c *cache) trim() {
	if len(c.order) < 4096 || len(c.order) < 4*len(c.entries) {
		return
	}
	kept := make([]uint64, 0, len(c.entries))
	for _, seq := range c.order {
		if x := c.entries[seq]; x != nil && x.size > 0 {
			kept = append(kept, seq)
		}
	}
	c.order = kept
}
