package consumer

import (
	"errors"
	"maps"
	"sync"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Counts tell what a consumer or a subscriber did since it was made.
type Counts struct {
	Opened uint64 // deliveries that passed every check
	// Refused are deliveries that were left unacknowledged, by the check that
	// they failed: frames, kid, block, root, channel, event, topic, identity,
	// expired; transformed or producer, where Producers are asked for; or reply,
	// which is opened but cannot be replied to. One whose kid is found when the
	// keys are read again is counted in Opened too.
	Refused  map[string]uint64
	Done     uint64 // pieces of work, by how they ended
	Retried  uint64
	Failed   uint64
	Panicked uint64 // of Retried; a subscriber's too
	Repeated uint64 // deliveries of an event that was done, or held already
	Unsent   uint64 // replies given up: the router could not be reached
}

// checks name what delivery.Verifier refuses for.
var checks = []struct {
	err  error
	name string
}{
	{delivery.ErrFrames, "frames"},
	{delivery.ErrKeyID, "kid"},
	{delivery.ErrBlock, "block"},
	{delivery.ErrRoot, "root"},
	{delivery.ErrChannel, "channel"},
	{sdk.ErrMalformed, "event"},
	{delivery.ErrTopic, "topic"},
	{delivery.ErrIdentity, "identity"},
	{delivery.ErrExpired, "expired"},
	{errTransformed, "transformed"},
	{errProducer, "producer"},
	{errReply, "reply"},
}

func check(err error) string {
	for _, c := range checks {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	return "other"
}

// tally is Counts that several goroutines add to.
type tally struct {
	mu sync.Mutex
	n  Counts
}

func newTally() *tally { return &tally{n: Counts{Refused: make(map[string]uint64)}} }

func (t *tally) add(f func(n *Counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.n)
}

func (t *tally) counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.n
	n.Refused = maps.Clone(n.Refused)
	return n
}
