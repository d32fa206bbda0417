package journal

import (
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

const (
	// mostFacts is how many facts are told at once from memory.
	mostFacts = 512
	// maxRecent and maxRecentBytes bound what a follower is told from memory: a
	// tenth of a second of what a fast disk takes. One that is slower reads.
	maxRecent      = 1 << 14
	maxRecentBytes = 16 << 20
)

// recent has the newest facts, until the follower takes them or newer ones take
// their place. It lives under the journal's mu; nil is that of a journal that
// nobody follows.
type recent struct {
	ring  []recentFact
	first int
	count int
	bytes int64
	base  outbox.Position // what comes after it is here, up to the newest
	wake  chan struct{}
}

// recentFact is a fact before it is told; of entry and state one is there.
type recentFact struct {
	outbox.Position
	at    index.Place
	entry *outbox.Entry
	state *state
}

func newRecent(base outbox.Position) *recent {
	return &recent{ring: make([]recentFact, maxRecent), base: base, wake: make(chan struct{}, 1)}
}

func (r *recent) add(f recentFact) {
	if r == nil {
		return
	}
	r.bytes += f.size()
	for r.count == len(r.ring) || r.count > 0 && r.bytes > maxRecentBytes {
		r.pop() // the follower is behind, and reads it on the disk
	}
	r.ring[(r.first+r.count)%len(r.ring)] = f
	r.count++
	r.signal()
}

// pop gives the oldest.
func (r *recent) pop() recentFact {
	f := r.ring[r.first]
	r.ring[r.first] = recentFact{}
	r.first = (r.first + 1) % len(r.ring)
	r.count--
	r.bytes -= f.size()
	r.base = f.Position
	return f
}

func (r *recent) signal() {
	if r == nil {
		return
	}
	select {
	case r.wake <- struct{}{}:
	default: // a signal is waiting already; one is enough
	}
}

// size is what it keeps in memory, about.
func (f *recentFact) size() int64 {
	if f.entry != nil {
		return int64(len(f.entry.Event.Raw))
	}
	return int64(len(f.state.reason) + len(f.state.result))
}
