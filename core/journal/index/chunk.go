package index

import (
	"math/bits"
	"slices"
	"sort"
)

// chunkSize is how many slots a chunk has: a word of bits tells of all of them.
const chunkSize = 64

// chunk is up to 64 slots in order of sequence. A slot keeps its number in the
// chunk for as long as it is used. Those of ended legs go when they are half of
// them, so that one which outlives the others does not keep their memory.
type chunk struct {
	base  uint64 // no sequence is lower
	live  uint64 // numbers in use
	kept  uint64 // numbers that have a slot still
	slots []slot // of the kept ones, strictly in order
}

// slot gives the slot of a kept number.
func (c *chunk) slot(number uint32) *slot {
	return &c.slots[bits.OnesCount64(c.kept&(1<<number-1))]
}

// number gives the number of a slot by its place among them.
func (c *chunk) number(place int) int {
	rest := c.kept
	for range place {
		rest &= rest - 1
	}
	return bits.TrailingZeros64(rest)
}

// size is how many numbers were given.
func (c *chunk) size() int { return bits.Len64(c.kept) }

func (c *chunk) seq(place int) uint64 { return c.base + uint64(c.slots[place].seq) }

func (c *chunk) highest() uint64 { return c.seq(len(c.slots) - 1) }

// place is where the first slot is whose sequence is seq or higher.
func (c *chunk) place(seq uint64) int {
	if far := seq - c.base; far < uint64(len(c.slots)) && uint64(c.slots[far].seq) == far {
		return int(far) // none is missing before it
	}
	return sort.Search(len(c.slots), func(i int) bool { return c.seq(i) >= seq })
}

// reaches reports whether a sequence that is not below the base is near enough
// to it.
func (c *chunk) reaches(seq uint64) bool { return seq-c.base < 1<<32 }

// trim gives back the memory of ended legs when they are half of all or more.
func (c *chunk) trim() {
	n := bits.OnesCount64(c.live)
	if 2*n > len(c.slots) {
		return
	}
	slots := make([]slot, 0, n)
	for live := c.live; live != 0; live &= live - 1 {
		slots = append(slots, *c.slot(uint32(bits.TrailingZeros64(live))))
	}
	c.slots, c.kept = slots, c.live
}

// pack forgets ended legs and numbers the others anew.
func (c *chunk) pack() {
	n := 0
	for live := c.live; live != 0; live &= live - 1 {
		c.slots[n] = *c.slot(uint32(bits.TrailingZeros64(live)))
		n++
	}
	c.use(c.slots[:n])
}

// use makes a chunk one of these slots, all of them live.
func (c *chunk) use(slots []slot) {
	c.slots = slots
	c.live = 1<<len(slots) - 1
	c.kept = c.live
}

// rebase makes room below the lowest sequence.
func (c *chunk) rebase(base uint64) {
	for i := range c.slots {
		c.slots[i].seq = uint32(c.seq(i) - base)
	}
	c.base = base
}

// insert makes a slot at a place of a packed chunk, and gives its number.
func (c *chunk) insert(seq uint64) int {
	place := c.place(seq)
	c.use(slices.Insert(c.slots, place, slot{seq: uint32(seq - c.base)}))
	return place
}
