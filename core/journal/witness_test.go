package journal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// witness follows a rig's journal through everything that happens to it, and
// goes on from where it was after each start.
type witness struct {
	to       outbox.Position // of the last fact that was told
	events   map[uint64]string
	outcomes map[string]int
	facts    []string // all of it, in order
	keeps    bool     // it never says that it has Followed anything
}

func newWitness(keeps bool) *witness {
	return &witness{events: make(map[uint64]string), outcomes: make(map[string]int), keeps: keeps}
}

func (w *witness) clone() *witness {
	if w == nil {
		return nil
	}
	c := *w
	c.events, c.outcomes, c.facts = maps.Clone(w.events), maps.Clone(w.outcomes), slices.Clone(w.facts)
	return &c
}

// outcomeKey names an outcome; a rig may make the same one twice.
func outcomeKey(o *outbox.Outcome) string {
	return fmt.Sprintf("%d on %s: %d, attempt %d, unsent %t, %d, %q, %q, %s", o.Seq, o.Channel, o.Action, o.Attempt, o.Unsent, outbox.Nanos(o.At), o.What,
		o.Reason, o.Result)
}

func factText(f *outbox.Fact) string {
	if f.Entry != nil {
		return fmt.Sprintf("%d/%d: %d is %s", f.Event, f.State, f.Seq, f.Entry.Event.ID)
	}
	return fmt.Sprintf("%d/%d: %s", f.Event, f.State, outcomeKey(f.Outcome))
}

// told takes in a fact, which must be the next one.
func (w *witness) told(f *outbox.Fact) error {
	next := w.to
	switch {
	case f.Entry != nil && f.Outcome == nil && f.Seq == f.Event:
		next.Event = max(f.Event, w.to.Event+1)
		w.events[f.Seq] = f.Entry.Event.ID
	case f.Outcome != nil && f.Entry == nil && f.Seq == f.Outcome.Seq:
		next.State = max(f.State, w.to.State+1)
		w.outcomes[outcomeKey(f.Outcome)]++
	default:
		return fmt.Errorf("%+v is no fact", f)
	}
	if f.Position != next {
		return fmt.Errorf("told is %s after %+v", factText(f), w.to)
	}
	w.to = f.Position
	w.facts = append(w.facts, factText(f))
	return nil
}

// patience is how long facts may be on their way: far more than it takes.
const patience = 20 * time.Second

var errEnough = errors.New("enough for now")

// poll has the witness told what there is, or a part of it. It reports whether
// the disk lived on.
func (r *rig) poll(most int) bool {
	r.Helper()
	err := r.follow(r.w, most)
	if err == nil && !r.w.keeps && r.random.IntN(2) == 0 {
		r.j.Followed(r.w.to)
	}
	return !r.failed(err)
}

// follow tells a witness what it was not told, up to most facts.
func (r *rig) follow(w *witness, most int) error {
	r.Helper()
	end := r.j.Position()
	if most == 0 || !w.to.Before(end) {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	err := r.j.Follow(ctx, w.to, func(batch []outbox.Fact) error {
		for i := range batch {
			if most--; most < 0 {
				return errEnough
			}
			r.must(w.told(&batch[i]))
		}
		if !w.to.Before(end) {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		return nil
	}
	return err
}

// witnessed checks what was told in all against what a careful caller knows.
func (r *rig) witnessed() {
	r.Helper()
	if r.w == nil {
		return
	}
	r.must(r.follow(r.w, 1<<30))
	if p := r.j.Position(); r.w.to != p {
		r.Fatalf("%s: followed to %+v of %+v", r.at, r.w.to, p)
	}
	if !maps.Equal(r.w.events, r.o.seqs) {
		r.Fatalf("%s: events told are %v, stored are %v", r.at, r.w.events, r.o.seqs)
	}
	for key, n := range r.w.outcomes {
		if n > r.o.changed[key]+r.o.doubted[key] {
			r.Fatalf("%s: %s was told %d times", r.at, key, n)
		}
	}
	for key, n := range r.o.changed {
		if r.w.outcomes[key] < n {
			r.Fatalf("%s: %s was told %d times, of %d", r.at, key, r.w.outcomes[key], n)
		}
	}
	if !r.w.keeps {
		return
	}
	all := newWitness(true) // what was told before and after every start is what is durable now
	r.must(r.follow(all, 1<<30))
	if !slices.Equal(all.facts, r.w.facts) {
		r.Fatalf("%s: told was\n%q, durable is\n%q", r.at, r.w.facts, all.facts)
	}
}
