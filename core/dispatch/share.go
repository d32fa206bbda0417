package dispatch

import (
	"strconv"
	"time"
)

const (
	// shelfSize is how many entries of a busy chain lie on one shelf: about as
	// many as it takes back at a time, however many wait.
	shelfSize = 32

	// busyTime is how long others wait for a chain that has more than it can take,
	// before what is too much lies aside: its whole backlog is passed through then.
	busyTime = 50 * time.Millisecond
)

// share is what a chain of transforms has in hand.
//
// A chain may have as much at its transforms as it leaves to others: half of
// what there is for one chain, a third each for two. What it cannot take lies on
// its shelves, so that a slow chain, or one that is away, stalls nobody. One that
// is merely busy has a few there, and the outbox is left alone meanwhile.
type share struct {
	names  []string
	name   string
	away   bool
	busy   time.Time // since when it has had more than it can take
	eased  time.Time // when that was over; zero until then
	slow   bool      // it took too long
	at     int       // entries at its transforms
	coming int       // entries let off their shelves, and not handed out yet
	came   bool      // some were handed out by the last Offer
	used   time.Time // when the last of them came

	first, next int // its shelves: full ones, but for the last
	last        int // entries on the last one
}

// rests reports whether the chain has nothing, and nothing has come for it in a long
// time.
func (c *share) rests(now time.Time) bool {
	return !c.away && c.at+c.coming == 0 && c.first == c.next && now.Sub(c.used) >= restTime
}

func (c *share) shelf(n int) string { return c.name + "#" + strconv.Itoa(n) }

// shelved is how many entries were put on the shelves there are.
func (c *share) shelved() int {
	if c.first == c.next {
		return 0
	}
	return (c.next-c.first-1)*shelfSize + c.last
}

// strain notes that a chain could not take an entry. Strains with less than
// busyTime between them are one.
func (c *share) strain(now time.Time) {
	if c.busy.IsZero() || !c.eased.IsZero() && now.Sub(c.eased) >= busyTime {
		c.busy = now
	}
	c.eased = time.Time{}
}

// ease notes that nothing lies aside any more.
func (c *share) ease(now time.Time) {
	if !c.busy.IsZero() && c.eased.IsZero() {
		c.eased, c.slow = now, false
	}
}

// awaited tells whether the outbox is left alone until the chain has taken what
// lies aside.
func (c *share) awaited() bool {
	return !c.busy.IsZero() && c.eased.IsZero() && !c.slow && !c.away
}

// ChainFacts describe a chain of transforms that entries of a channel go through.
type ChainFacts struct {
	Transforms []string `json:"transforms"`
	Away       bool     `json:"away"`    // it cannot be gone through now
	At         int      `json:"at"`      // entries at its transforms
	Shelved    int      `json:"shelved"` // entries that wait for it in the outbox
}
