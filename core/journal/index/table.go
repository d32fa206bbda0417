package index

import (
	"math/bits"
	"slices"
	"sort"
)

// chunkSize is how many slots a chunk has: a word of bits tells which are used.
const chunkSize = 64

// sizeUnit is what sizes are counted in, rounded up: 16 bits hold 4 MiB.
const sizeUnit = 64

// MaxSize is the largest size of a leg that is counted exactly.
const MaxSize = sizeUnit * (1<<16 - 1)

// ref is a slot's place in the table: its chunk's number and its place there,
// one higher, so that 0 is none.
type ref uint32

// slot is a leg in 28 bytes. A sequence is kept as its distance from the
// chunk's first one.
type slot struct {
	seq     uint32
	segment uint32
	offset  uint32
	lane    [2]uint32
	next    ref // in the line of its lane
	size    uint16
	phase   phase
	flags   uint8
}

// phase is where a slot stands on its way to a consumer.
type phase uint8

const (
	unseen  phase = iota // its turn has not come
	waiting              // in the line of its lane
	queued               // to be handed out at once
	due                  // to be handed out at a time
	out                  // with a consumer
	aside                // held, or dead: not on the way
)

const (
	isDead uint8 = 1 << iota
	isHeld
	isPark
	isGone // ended while it stood in a line, which lets go of it
)

func (s *slot) is(flag uint8) bool { return s.flags&flag != 0 }

func (s *slot) set(flag uint8, on bool) {
	if on {
		s.flags |= flag
	} else {
		s.flags &^= flag
	}
}

func (s *slot) laneHash() uint64 { return uint64(s.lane[0])<<32 | uint64(s.lane[1]) }

// chunk is 64 slots in order of sequence; used ones have their bit in live.
type chunk struct {
	base  uint64 // sequence of the first one
	live  uint64
	slots *[chunkSize]slot
}

// table finds slots by sequence.
type table struct {
	chunks []chunk  // by number
	order  []uint32 // numbers of chunks in use, by base
	free   []uint32 // numbers to be used again
	count  int
}

func (t *table) at(r ref) *slot {
	return &t.chunks[(r-1)/chunkSize].slots[(r-1)%chunkSize]
}

func (t *table) seq(r ref) uint64 {
	c := &t.chunks[(r-1)/chunkSize]
	return c.base + uint64(c.slots[(r-1)%chunkSize].seq)
}

// holds reports whether the slot is used for that sequence.
func (t *table) holds(r ref, seq uint64) bool {
	c := &t.chunks[(r-1)/chunkSize]
	i := (r - 1) % chunkSize
	return c.live>>i&1 == 1 && c.base+uint64(c.slots[i].seq) == seq
}

// behind is the place in order of the first chunk whose base is above seq.
func (t *table) behind(seq uint64) int {
	return sort.Search(len(t.order), func(i int) bool { return t.chunks[t.order[i]].base > seq })
}

// find gives the slot of a sequence, 0 for none.
func (t *table) find(seq uint64) ref {
	at := t.behind(seq)
	if at == 0 {
		return 0
	}
	number := t.order[at-1]
	c := &t.chunks[number]
	for live := c.live; live != 0; live &= live - 1 {
		i := bits.TrailingZeros64(live)
		if c.base+uint64(c.slots[i].seq) == seq {
			return ref(number*chunkSize+uint32(i)) + 1
		}
	}
	return 0
}

// from gives the first slot whose sequence is seq or higher, 0 for none.
func (t *table) from(seq uint64) ref {
	for at := max(t.behind(seq)-1, 0); at < len(t.order); at++ {
		number := t.order[at]
		c := &t.chunks[number]
		for live := c.live; live != 0; live &= live - 1 {
			i := bits.TrailingZeros64(live)
			if c.base+uint64(c.slots[i].seq) >= seq {
				return ref(number*chunkSize+uint32(i)) + 1
			}
		}
	}
	return 0
}

// after gives the slot that follows in order, 0 for none.
func (t *table) after(r ref) ref {
	number, i := uint32(r-1)/chunkSize, uint32(r-1)%chunkSize
	c := &t.chunks[number]
	if rest := c.live >> i >> 1; rest != 0 {
		return r + ref(bits.TrailingZeros64(rest)) + 1
	}
	for at := t.behind(c.base); at < len(t.order); at++ {
		next := t.order[at]
		if live := t.chunks[next].live; live != 0 {
			return ref(next*chunkSize+uint32(bits.TrailingZeros64(live))) + 1
		}
	}
	return 0
}

// add makes a slot for a sequence that has none. Slots that exist move only
// when it is not the highest one.
func (t *table) add(seq uint64) ref {
	at := t.behind(seq)
	if at == 0 {
		t.insertChunk(0, seq)
		return t.put(t.order[0], 0, seq)
	}
	number := t.order[at-1]
	c := &t.chunks[number]
	last := chunkSize - bits.LeadingZeros64(c.live)
	near := seq-c.base < 1<<32
	highest := c.base + uint64(c.slots[last-1].seq)
	if highest < seq && near && last < chunkSize {
		return t.put(number, last, seq)
	}
	if highest < seq {
		t.insertChunk(at, seq)
		return t.put(t.order[at], 0, seq)
	}
	return t.squeeze(at-1, seq)
}

// squeeze puts a sequence amid those of a chunk: its later slots move to a
// chunk of their own.
func (t *table) squeeze(at int, seq uint64) ref {
	number := t.order[at]
	var later []slot
	base := t.chunks[number].base
	c := &t.chunks[number]
	for live := c.live; live != 0; live &= live - 1 {
		i := bits.TrailingZeros64(live)
		if base+uint64(c.slots[i].seq) > seq {
			later = append(later, c.slots[i])
			c.live &^= 1 << i
		}
	}
	t.insertChunk(at+1, base+uint64(later[0].seq))
	next := &t.chunks[t.order[at+1]]
	for i, s := range later {
		s.seq = uint32(base + uint64(s.seq) - next.base)
		next.slots[i] = s
		next.live |= 1 << i
	}
	c = &t.chunks[number]
	last := chunkSize - bits.LeadingZeros64(c.live)
	if last < chunkSize {
		return t.put(number, last, seq)
	}
	t.insertChunk(at+1, seq)
	return t.put(t.order[at+1], 0, seq)
}

func (t *table) put(number uint32, i int, seq uint64) ref {
	c := &t.chunks[number]
	c.slots[i] = slot{seq: uint32(seq - c.base)}
	c.live |= 1 << i
	t.count++
	return ref(number*chunkSize+uint32(i)) + 1
}

func (t *table) insertChunk(at int, base uint64) {
	var number uint32
	if n := len(t.free); n > 0 {
		number, t.free = t.free[n-1], t.free[:n-1]
	} else {
		number = uint32(len(t.chunks))
		t.chunks = append(t.chunks, chunk{})
	}
	t.chunks[number] = chunk{base: base, slots: new([chunkSize]slot)}
	t.order = slices.Insert(t.order, at, number)
}

// remove frees a slot, and its chunk when that is empty.
func (t *table) remove(r ref) {
	number, i := uint32(r-1)/chunkSize, uint32(r-1)%chunkSize
	c := &t.chunks[number]
	c.live &^= 1 << i
	t.count--
	if c.live != 0 {
		return
	}
	at := t.behind(c.base) - 1
	t.chunks[number] = chunk{}
	t.free = append(t.free, number)
	if at == 0 { // the common case: they end in order
		t.order = t.order[1:]
	} else {
		t.order = slices.Delete(t.order, at, at+1)
	}
}
