package promise_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// leg is one event on one channel.
type leg struct{ channel, id string }

// ledger notes what producers were told and what consumers did.
type ledger struct {
	*testing.T

	mu       sync.Mutex
	accepted map[string]bool
	seen     map[leg][]int // attempts, in the order in which consumers saw them
	done     map[leg]int   // how often the work was
	dropped  map[leg]bool  // by the operator, who was told so
}

func newLedger(t *testing.T) *ledger {
	return &ledger{T: t, accepted: make(map[string]bool), seen: make(map[leg][]int), done: make(map[leg]int), dropped: make(map[leg]bool)}
}

func (l *ledger) accept(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accepted[id] {
		l.Errorf("%s was accepted twice", id)
	}
	l.accepted[id] = true
}

// see notes a delivery that a consumer acts on.
func (l *ledger) see(d *delivery.Delivery) leg {
	at := leg{d.Header.Channel, d.Event.ID}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[at] = append(l.seen[at], d.Header.Attempt)
	return at
}

// act notes that the work is done.
func (l *ledger) act(at leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[at]++
}

func (l *ledger) drop(at leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped[at] = true
}

// did tells whether all of these events are done on a channel.
func (l *ledger) did(channel string, ids ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		if l.done[leg{channel, id}] == 0 {
			return false
		}
	}
	return true
}

// count gives how many events were accepted, and how many legs done.
func (l *ledger) count() (accepted, done int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted), len(l.done)
}

// books are what a router says of all its events.
type books struct{ legs, pending, done, dead, dropped int }

func (b books) String() string {
	return fmt.Sprintf("legs %d = done %d + dead %d + dropped %d + pending %d", b.legs, b.done, b.dead, b.dropped, b.pending)
}

// balance holds the router's books against the ledger: the events that were
// accepted are there and no others, and each leg's end is one that consumers or
// the operator gave it. mayDie says which legs may be dead letters. All requests
// must have been answered.
func (l *ledger) balance(r *router, mayDie func(leg) bool) books {
	l.Helper()
	events := r.events()
	l.mu.Lock()
	defer l.mu.Unlock()
	var b books
	for id := range l.accepted {
		if _, there := events[id]; !there {
			l.Errorf("LOST: %s was accepted and is not there", id)
		}
	}
	for id, e := range events {
		if !l.accepted[id] {
			l.Errorf("%s is there and was never accepted", id)
		}
		for _, c := range e.Channels {
			b.legs++
			b.count(l, leg{c.Channel, id}, &c, mayDie)
		}
	}
	l.Logf("accepted %d: %v", len(l.accepted), b)
	return b
}

func (b *books) count(l *ledger, at leg, c *admin.ChannelState, mayDie func(leg) bool) {
	l.Helper()
	if l.dropped[at] && c.State != outbox.StateDropped {
		l.Errorf("%v was dropped and is %s", at, c.State)
	}
	switch c.State {
	case outbox.StatePending:
		b.pending++
	case outbox.StateDone:
		b.done++
		if l.done[at] == 0 {
			l.Errorf("LOST: %v is done and nobody did it", at)
		}
	case outbox.StateFailed:
		b.dead++
		if !mayDie(at) {
			l.Errorf("%v is a dead letter: %+v", at, c.ChannelStatus)
		}
	case outbox.StateDropped:
		b.dropped++
		if !mayDie(at) {
			l.Errorf("%v was dropped and never a dead letter", at)
		}
	}
}

// flagged wants every second delivery of a leg flagged by its attempt, and
// counts them.
func (l *ledger) flagged() (again int) {
	l.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, attempts := range l.seen {
		for _, attempt := range attempts[1:] {
			again++
			if attempt < 2 {
				l.Errorf("%v came again as attempt %d: %v", at, attempt, attempts)
			}
		}
	}
	return again
}

// never is for books in which nothing may be dead.
func never(leg) bool { return false }
