package index

import (
	"math/bits"
	"slices"
	"sort"
)

// ref is a slot's place in the table: its chunk's number and its own there, one
// higher, so that 0 is none.
type ref uint32

func refOf(chunk uint32, number int) ref { return ref(chunk*chunkSize+uint32(number)) + 1 }

func (r ref) chunk() uint32  { return uint32(r-1) / chunkSize }
func (r ref) number() uint32 { return uint32(r-1) % chunkSize }

// table finds slots by sequence. A pointer to a slot holds until the next add
// or remove, a ref until its slot is removed or add has moved it.
type table struct {
	chunks []chunk  // by number
	order  []uint32 // numbers of chunks in use, by base
	free   []uint32 // numbers to be used again
	count  int
}

func (t *table) at(r ref) *slot { return t.chunks[r.chunk()].slot(r.number()) }

func (t *table) seq(r ref) uint64 {
	c := &t.chunks[r.chunk()]
	return c.base + uint64(c.slot(r.number()).seq)
}

// holds reports whether the slot is used for that sequence.
func (t *table) holds(r ref, seq uint64) bool {
	return int(r.chunk()) < len(t.chunks) && t.chunks[r.chunk()].live>>r.number()&1 == 1 && t.seq(r) == seq
}

// behind is the place in order of the first chunk whose base is above seq.
func (t *table) behind(seq uint64) int {
	return sort.Search(len(t.order), func(i int) bool { return t.chunks[t.order[i]].base > seq })
}

// find gives the slot of a sequence, 0 for none.
func (t *table) find(seq uint64) ref {
	r := t.from(seq)
	if r == 0 || t.seq(r) != seq {
		return 0
	}
	return r
}

// from gives the first slot whose sequence is seq or higher, 0 for none.
func (t *table) from(seq uint64) ref {
	at := max(t.behind(seq)-1, 0)
	if at == len(t.order) {
		return 0
	}
	c := &t.chunks[t.order[at]]
	if place := c.place(seq); place < len(c.slots) {
		number := c.number(place)
		if rest := c.live >> number; rest != 0 {
			return refOf(t.order[at], number+bits.TrailingZeros64(rest))
		}
	}
	return t.first(at + 1)
}

// after gives the slot that follows in order, 0 for none.
func (t *table) after(r ref) ref {
	c := &t.chunks[r.chunk()]
	if rest := c.live >> r.number() >> 1; rest != 0 {
		return r + ref(bits.TrailingZeros64(rest)) + 1
	}
	return t.first(t.behind(c.base))
}

// first gives the first slot of the chunk at a place in order, 0 if there is none.
func (t *table) first(at int) ref {
	if at == len(t.order) {
		return 0
	}
	return refOf(t.order[at], bits.TrailingZeros64(t.chunks[t.order[at]].live))
}

// add makes a slot for a sequence that has none. Slots that exist move only
// when it is not above all there were.
func (t *table) add(seq uint64) ref {
	t.count++
	at := t.behind(seq) - 1
	if at < 0 {
		if len(t.order) == 0 || t.chunks[t.order[0]].highest()-seq >= 1<<32 {
			return t.begin(0, seq)
		}
		t.chunks[t.order[0]].rebase(seq)
		return t.squeeze(0, seq)
	}
	c := &t.chunks[t.order[at]]
	switch number := c.size(); {
	case seq <= c.highest():
		return t.squeeze(at, seq)
	case number == chunkSize || !c.reaches(seq):
		return t.begin(at+1, seq)
	default:
		c.slots = append(c.slots, slot{seq: uint32(seq - c.base)})
		c.live |= 1 << number
		c.kept |= 1 << number
		return refOf(t.order[at], number)
	}
}

// begin makes a slot in a chunk of its own.
func (t *table) begin(at int, seq uint64) ref {
	c := t.insert(at, chunk{base: seq, live: 1, kept: 1, slots: append(make([]slot, 0, chunkSize), slot{})})
	if at > 0 {
		t.chunks[t.order[at-1]].trim()
	}
	return refOf(c, 0)
}

// squeeze makes a slot amid those of a chunk; when it is full, half of them
// move to another one.
func (t *table) squeeze(at int, seq uint64) ref {
	c := &t.chunks[t.order[at]]
	c.pack()
	if len(c.slots) == chunkSize {
		upper := chunk{base: c.base}
		upper.use(slices.Clone(c.slots[chunkSize/2:]))
		upper.rebase(upper.seq(0))
		c.use(slices.Clone(c.slots[:chunkSize/2]))
		t.insert(at+1, upper)
		if seq > upper.base {
			at++
		}
	}
	return refOf(t.order[at], t.chunks[t.order[at]].insert(seq))
}

// insert puts a chunk at a place in order, and gives its number.
func (t *table) insert(at int, c chunk) (number uint32) {
	if n := len(t.free); n > 0 {
		number, t.free = t.free[n-1], t.free[:n-1]
		t.chunks[number] = c
	} else {
		number = uint32(len(t.chunks))
		t.chunks = append(t.chunks, c)
	}
	t.order = slices.Insert(t.order, at, number)
	return number
}

// remove frees a slot, and its chunk when that is empty.
func (t *table) remove(r ref) {
	c := &t.chunks[r.chunk()]
	c.live &^= 1 << r.number()
	t.count--
	switch {
	case t.count == 0:
		*t = table{}
	case c.live == 0:
		t.drop(r.chunk())
	case r.chunk() != t.order[len(t.order)-1]: // that one is added to
		c.trim()
	}
}

func (t *table) drop(number uint32) {
	at := t.behind(t.chunks[number].base) - 1
	t.chunks[number] = chunk{}
	t.free = append(t.free, number)
	if at < len(t.order)/2 { // they end in order, most of them
		copy(t.order[1:at+1], t.order[:at])
		t.order = t.order[1:]
	} else {
		t.order = slices.Delete(t.order, at, at+1)
	}
}
