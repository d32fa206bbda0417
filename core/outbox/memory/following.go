package memory

import (
	"context"
	"fmt"

	"github.com/headgate-io/headgate/core/outbox"
)

const (
	// maxFacts is how many facts wait for the follower before events are refused;
	// their bytes are bounded as those of events are. Outcomes may take as much
	// again, so that what is held can end while nothing new comes.
	maxFacts = 1 << 16
	// mostFacts is how many facts are told at once.
	mostFacts = 512
	// outcomeCost is what an outcome takes beside its strings.
	outcomeCost = 256
)

// facts has what was not Followed yet, oldest first; nil is that of a store that
// nobody follows.
type facts struct {
	list  queue[outbox.Fact]
	gone  int   // facts that were before the list
	bytes int64 // of those in the list
	most  int64 // bytes
	wake  chan struct{}
}

func newFacts(most int64) *facts { return &facts{most: most, wake: make(chan struct{}, 1)} }

// full reports whether n more may not come, of a part of what there is room for
// beside the first one.
func (f *facts) full(n, parts int) bool {
	return f != nil && (f.list.len()+n > parts*maxFacts || f.bytes >= int64(parts)*f.most)
}

func (f *facts) add(x outbox.Fact) {
	f.list.push(x)
	f.bytes += factSize(&x)
	f.signal()
}

func (f *facts) signal() {
	select {
	case f.wake <- struct{}{}:
	default: // a signal is waiting already; one is enough
	}
}

func factSize(x *outbox.Fact) int64 {
	if x.Entry != nil {
		return sizeOf(x.Entry)
	}
	return int64(outcomeCost + len(x.Outcome.Reason) + len(x.Outcome.Result))
}

// tellAppended has an acceptance told.
func (s *Store) tellAppended(e *outbox.Entry) {
	s.position.Event = s.seq
	if s.facts != nil {
		s.facts.add(outbox.Fact{Position: s.position, Seq: s.seq, Entry: e})
	}
}

// tellSettled has an outcome told that has changed a leg.
func (s *Store) tellSettled(l *leg, o *outbox.Outcome) {
	s.position.State++
	if s.facts == nil {
		return
	}
	x := *o
	x.Failures, x.At, x.Due = int(l.failures), outbox.Instant(outbox.Nanos(o.At)), outbox.Instant(0)
	if o.Action == outbox.Retry {
		x.Due = outbox.Instant(l.due)
	}
	s.facts.add(outbox.Fact{Position: s.position, Seq: o.Seq, Outcome: &x})
}

// Follow implements outbox.Following.
func (s *Store) Follow(ctx context.Context, after outbox.Position, tell func([]outbox.Fact) error) error {
	if s.facts == nil {
		return outbox.ErrUnfollowed
	}
	if p := s.Position(); p.Before(after) {
		return fmt.Errorf("%w: followed to event %d and outcome %d, it has come to %d and %d", outbox.ErrBeyond, after.Event, after.State, p.Event, p.State)
	}
	var batch []outbox.Fact
	for next := 0; ctx.Err() == nil; {
		var err error
		batch, next, err = s.beyond(batch[:0], after, next)
		if len(batch) > 0 {
			if err := tell(batch); err != nil {
				return err
			}
			clear(batch)
			continue
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-s.facts.wake:
		}
	}
	return nil
}

// beyond gives facts that are beyond a position, from the next one on, and which
// is the next one then; ErrClosed where none will come.
func (s *Store) beyond(batch []outbox.Fact, after outbox.Position, next int) ([]outbox.Fact, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.facts.list.items[s.facts.list.head:]
	next = max(next, s.facts.gone)
	for _, x := range waiting[next-s.facts.gone:] {
		if len(batch) == mostFacts {
			return batch, next, nil
		}
		next++
		if x.Entry != nil && x.Event > after.Event || x.Outcome != nil && x.State > after.State {
			batch = append(batch, x)
		}
	}
	if s.closed {
		return batch, next, outbox.ErrClosed
	}
	return batch, next, nil
}

// Followed implements outbox.Following.
func (s *Store) Followed(p outbox.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.facts == nil {
		return
	}
	for f := s.facts; f.list.len() > 0 && !p.Before(f.list.front().Position); {
		x := f.list.pop()
		f.gone++
		f.bytes -= factSize(&x)
	}
}

// Position implements outbox.Following.
func (s *Store) Position() outbox.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}
