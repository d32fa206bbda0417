package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestEverybodyAtOnce has many append, some the same, consumers settle and
// shelve on every channel, others ask, verify, tidy and follow, and the disk fail
// now and then. In the end everything that was accepted is done, once, and told.
func TestEverybodyAtOnce(t *testing.T) {
	const appenders, each = 8, 400
	r := newRig(t, 1)
	r.w = newWitness(false)
	o := r.options()
	o.NewestIDs = 100
	r.use(o)
	ctx, stop := context.WithCancel(t.Context())
	var syncs atomic.Int64
	r.disk.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Sync && syncs.Add(1)%301 == 0 {
			return errIO
		}
		return nil
	})

	var accepted, duplicates, done atomic.Int64
	var seqs sync.Map
	var producers, others sync.WaitGroup
	for a := range appenders {
		producers.Go(func() {
			for n := range each {
				// Two appenders have the same ids.
				e := newEntry(fmt.Sprintf("c%d-%d", a/2, n), nil, outbox.Target{Channel: channels[n%3], Order: string(rune('k' + n%5))})
				e.Accepted = time.Now()
				for {
					got := r.j.Append(ctx, e)[0]
					if got.Err != nil {
						if ctx.Err() != nil {
							return
						}
						time.Sleep(time.Millisecond) // as a sender that is told to try again
						continue
					}
					if prior, _ := seqs.LoadOrStore(e.Event.ID, got.Seq); prior != got.Seq {
						t.Errorf("%s is %d and %d", e.Event.ID, prior, got.Seq)
					}
					switch got.Verdict {
					case outbox.Stored:
						accepted.Add(1)
					case outbox.Duplicate:
						duplicates.Add(1)
					default:
						t.Errorf("append gave %+v", got)
					}
					break
				}
			}
		})
	}
	for _, c := range channels {
		others.Go(func() {
			shelve := 0
			for ctx.Err() == nil {
				items, _, err := r.j.Ready(c, time.Now(), 20)
				if err != nil && !errors.Is(err, outbox.ErrFailing) && !errors.Is(err, errIO) {
					t.Error(err)
					return
				}
				if shelve++; shelve%5 == 0 {
					r.j.Shelve(c, "p", items)
					r.j.Unshelve(c, "p")
					continue
				}
				for _, i := range items {
					x := outbox.Outcome{Seq: i.Seq, Channel: c, Attempt: i.Attempt, At: time.Now()}
					for r.j.Settle(ctx, []outbox.Outcome{x}) != nil && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					done.Add(1)
				}
				if len(items) == 0 {
					select {
					case <-r.j.Wake(c):
					case <-time.After(time.Millisecond):
					case <-ctx.Done():
					}
				}
			}
		})
	}
	for _, ask := range []func(){
		func() { _, _ = r.j.Lookup(ctx, outbox.Key{Source: source, ID: "c1-7"}) },
		func() { _, _ = r.j.List(ctx, outbox.Filter{Limit: 50}) },
		func() { _, _ = r.j.List(ctx, outbox.Filter{State: outbox.StatePending}) },
		func() { r.j.Stats() },
		func() {
			if err := r.j.Verify(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("verify: %v", err)
			}
		},
		func() {
			short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			defer cancel()
			_, _ = r.j.Await(short, outbox.Key{Source: source, ID: "c2-9"})
		},
	} {
		others.Go(func() {
			for ctx.Err() == nil {
				ask()
			}
		})
	}
	others.Go(func() { _ = r.j.Run(ctx) })
	others.Go(func() {
		for ctx.Err() == nil { // again and again: from memory and from the disk
			if err := r.j.Follow(ctx, r.w.to, func(batch []outbox.Fact) error {
				for i := range batch {
					if err := r.w.told(&batch[i]); err != nil {
						t.Error(err)
					}
				}
				if len(r.w.facts)%3 == 0 {
					r.j.Followed(r.w.to)
					return errEnough
				}
				return nil
			}); err != nil && err != errEnough {
				t.Errorf("follow: %v", err)
				return
			}
		}
	})
	producers.Wait()
	want := int64(appenders / 2 * each)
	for done.Load() < want {
		time.Sleep(time.Millisecond)
	}
	stop()
	others.Wait()
	r.disk.Fail(nil)
	if accepted.Load() != want || duplicates.Load() != want || done.Load() != want {
		t.Errorf("%d accepted, %d duplicates, %d done, want %d of each", accepted.Load(), duplicates.Load(), done.Load(), want)
	}
	r.must(r.follow(r.w, 1<<30))
	if len(r.w.events) != int(want) || len(r.w.outcomes) != int(want) || len(r.w.facts) != 2*int(want) {
		t.Errorf("%d events and %d outcomes are told in %d facts", len(r.w.events), len(r.w.outcomes), len(r.w.facts))
	}
	r.tidy()
	for _, c := range channels {
		if st := r.j.Stats().Channels[c]; st.Pending != 0 || st.Dead != 0 || st.Out != 0 {
			t.Errorf("%s has %+v", c, st)
		}
	}
	r.must(r.j.Verify(t.Context()))
	r.must(r.j.Close())
	if got := r.j.Append(t.Context(), newEntry("late", nil, outbox.Target{Channel: "a"}))[0]; !errors.Is(got.Err, outbox.ErrClosed) {
		t.Errorf("append to a closed journal: %+v", got)
	}
}
