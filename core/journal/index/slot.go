package index

// sizeUnit is what sizes are counted in, rounded up: 16 bits hold 4 MiB.
const sizeUnit = 64

// maxUnits is the largest size a slot can tell.
const maxUnits = 1<<16 - 1

// MaxSize is the largest size of a leg that is counted exactly.
const MaxSize = sizeUnit * maxUnits

// Size is what a leg of so many bytes counts for.
func Size(bytes int64) int64 { return min((bytes+sizeUnit-1)/sizeUnit, maxUnits) * sizeUnit }

// slot is a leg in 28 bytes. A sequence is kept as its distance from the
// chunk's base.
type slot struct {
	seq     uint32
	segment uint32
	offset  uint32
	lane    [2]uint32
	next    ref // in the line it stands in
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
	shelved              // in the line of a shelf
	opened               // in the line of what lay on a shelf that was opened
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

// stands reports whether the slot stands in a line. What becomes of it there is
// told when it is met.
func (s *slot) stands() bool { return s.phase == waiting || s.onShelf() }

// onShelf reports whether the slot was put on a shelf and not met since.
func (s *slot) onShelf() bool { return s.phase == shelved || s.phase == opened }

func (s *slot) laneHash() uint64 { return uint64(s.lane[0])<<32 | uint64(s.lane[1]) }
