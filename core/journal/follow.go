package journal

import (
	"context"
	"fmt"

	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// Follow implements outbox.Following. What is recent is told from memory, what
// is not is read from the segments, a chunk at a time. A disk that cannot be
// read ends it, too. What is damaged is named in the log, and the rest is told.
// Outcomes that a headgate of format 1 has written have no ordinals, and are told
// to nobody.
func (j *Journal) Follow(ctx context.Context, after outbox.Position, tell func([]outbox.Fact) error) error {
	if !j.o.Follow {
		return outbox.ErrUnfollowed
	}
	if p := j.Position(); p.Before(after) {
		return fmt.Errorf("%w: followed to event %d and outcome %d, it has come to %d and %d", outbox.ErrBeyond, after.Event, after.State, p.Event, p.State)
	}
	f := &follower{j: j, to: after}
	for ctx.Err() == nil {
		where, err := f.next()
		switch {
		case err != nil:
			return err
		case where == behind:
			if err := f.read(); err != nil {
				return fmt.Errorf("journal: follow: %w", err)
			}
		case where == abreast && len(f.facts) == 0:
			select {
			case <-ctx.Done():
			case <-j.recent.wake:
			}
		}
		if len(f.facts) == 0 {
			continue
		}
		if err := tell(f.facts); err != nil {
			return err
		}
		clear(f.facts)
		f.facts = f.facts[:0]
	}
	return nil
}

// Followed implements outbox.Following.
func (j *Journal) Followed(p outbox.Position) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.followed = j.followed.Max(p)
}

// Position implements outbox.Following.
func (j *Journal) Position() outbox.Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.newest
}

// isFollowed reports whether no follower needs a segment any more. Callers hold mu.
func (j *Journal) isFollowed(s *segment) bool {
	return !j.o.Follow || !j.followed.Before(s.newest())
}

// standpoint is where a follower is.
type standpoint bool

const (
	abreast standpoint = false // what is next is recent
	behind  standpoint = true  // what is next is on the disk only
)

// follower is one run of Follow.
type follower struct {
	j     *Journal
	to    outbox.Position // all up to here was told
	at    index.Place     // in the log: what is before it was told, or read
	batch []recentFact
	facts []outbox.Fact // to be told
}

// next gets what is recent.
func (f *follower) next() (standpoint, error) {
	j := f.j
	j.mu.Lock()
	where := abreast
	if f.to.Before(j.recent.base) {
		where = behind
	}
	f.batch = f.batch[:0]
	outcomes := 0
	for where == abreast && j.recent.count > 0 && len(f.batch) < mostFacts {
		x := j.recent.pop()
		if x.state != nil {
			outcomes++
		}
		f.batch = append(f.batch, x)
	}
	closed := j.closed
	j.mu.Unlock()
	if closed && len(f.batch) == 0 {
		return where, outbox.ErrClosed
	}
	room := make([]outbox.Outcome, 0, outcomes)
	for _, x := range f.batch {
		f.at = x.at
		if x.entry != nil {
			f.addEvent(x.Event, x.entry)
			continue
		}
		if x.state.ordinal > f.to.State {
			room = append(room, x.state.outcome())
			f.addOutcome(x.state.ordinal, &room[len(room)-1])
		}
	}
	clear(f.batch)
	return where, nil
}

// addEvent has an event told, unless that is a copy of one that was.
func (f *follower) addEvent(seq uint64, e *outbox.Entry) {
	if seq > f.to.Event {
		f.to.Event = seq
		f.facts = append(f.facts, outbox.Fact{Position: f.to, Seq: seq, Entry: e})
	}
}

// addOutcome is addEvent for outcomes.
func (f *follower) addOutcome(ordinal uint64, o *outbox.Outcome) {
	if ordinal > f.to.State {
		f.to.State = ordinal
		f.facts = append(f.facts, outbox.Fact{Position: f.to, Seq: o.Seq, Outcome: o})
	}
}
