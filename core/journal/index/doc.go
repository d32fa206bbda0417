// Package index keeps in memory what the journal must know of the legs that
// have not ended: an event on one channel is a leg. A [Channel] finds legs by
// sequence, and decides which of them are handed out next.
//
// A leg that was never handed out takes 28 bytes and its share of a chunk, less
// than 32 in all, when legs come in order; one that was takes a few words more,
// and one that outlives all its neighbours under 100. Memory is given back as
// legs end. Payloads, order keys and histories stay on disk: a leg knows the
// places of its records.
//
// Legs are looked at once, in order of sequence. One whose lane is taken joins
// the lane's line and is not looked at again until its turn has come. One that
// cannot go on for now lies on a shelf, at no cost, until the shelf is opened.
package index

// Place is where a record begins: its segment's number and its offset there.
// The zero Place is no record's.
type Place struct{ Segment, Offset uint32 }

// Leg is what the index knows of one event on one channel.
type Leg struct {
	Seq   uint64
	Event Place  // of the event's record
	Lane  uint64 // hash of the order key; 0 for none
	Park  bool   // as a dead letter it keeps its lane closed
	Size  int64  // bytes it counts for
	Dead  bool   // a dead letter, else pending
	Held  bool
	Out   bool
	Past
}

// Past is what hand-overs and operators have left of a leg. The zero Past is
// that of a leg which was never handed out.
type Past struct {
	State    Place // of the newest record about its state, zero for none
	Attempt  int   // hand-overs
	Failures int
	Due      int64 // Unix nanoseconds, as all times; 0 for at once
	Since    int64 // of the last redrive; 0 for never
	Until    int64 // kept out by a lease since before a restart, until then; 0 for no
}

// wait is until when it is not handed out.
func (p Past) wait() int64 { return max(p.Due, p.Until) }
