package outbox

import (
	"context"
	"errors"
)

var (
	// ErrUnfollowed: the store was opened without a follower in mind, and keeps
	// nothing for one.
	ErrUnfollowed = errors.New("outbox: the store is not kept for a follower")
	// ErrBeyond: a position is beyond the store's own. The store is another
	// one than was followed, or an older copy of it: what it makes durable now
	// would be taken for what was told already.
	ErrBeyond = errors.New("outbox: the store is behind what was followed: it is another one, or an older copy")
)

// Position names how far somebody has followed a store: the newest event's
// sequence, and the newest outcome's ordinal. Each rises strictly in the order
// in which the store makes things durable. The zero Position is before
// everything.
type Position struct {
	Event uint64 `json:"event"`
	State uint64 `json:"state"`
}

// Before reports whether anything up to q is beyond p.
func (p Position) Before(q Position) bool { return p.Event < q.Event || p.State < q.State }

// Max is the position up to which there is all that is up to p or to q.
func (p Position) Max(q Position) Position {
	return Position{Event: max(p.Event, q.Event), State: max(p.State, q.State)}
}

// Fact is one thing that a store has made durable: an acceptance, or an outcome
// that has changed something. Exactly one of Entry and Outcome is there.
type Fact struct {
	Position          // up to and including this fact
	Seq      uint64   // of its event
	Entry    *Entry   // of an acceptance, with its Facts; read only
	Outcome  *Outcome // of an outcome, as it is stored; read only
}

// Following tells what a store has made durable, in its order. Safe for
// concurrent use, but for two that Follow at once.
//
// Facts are acceptances of entries that have targets, and outcomes that have
// changed something. An outcome is told as it is stored: Failures are those that
// count after it, Due is there for Retry and Lease, What and Reason as given.
// What is only moved inside the store, or noted for the next start, is no fact;
// nor is what nothing is kept of, as a hand-over that never left.
type Following interface {
	// Follow tells all facts after a position, in order, in batches, as they
	// become durable, each once, until ctx ends (nil), tell errs (its error) or
	// the store is closed (ErrClosed). It holds up nobody: one who falls behind
	// is told from what is kept for it. The slice is the store's again when tell
	// returns; what its facts point to is not changed any more. A position beyond
	// the store's own is ErrBeyond.
	Follow(ctx context.Context, after Position, tell func([]Fact) error) error
	// Followed says that all up to p is kept elsewhere; what holds it may be
	// reclaimed. Nothing is before the first call, whatever was said to a store
	// before it was opened again.
	Followed(p Position)
	// Position is the newest one: the difference is how far a follower is behind.
	Position() Position
}
