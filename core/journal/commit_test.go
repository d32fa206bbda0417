package journal_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestNothingIsSaidBeforeTheSync holds the sync of a group up: until it has
// ended no append returns, nor does a duplicate, and nothing of it is handed out
// or found. When it fails they all fail.
func TestNothingIsSaidBeforeTheSync(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, 1)
			r.open()
			held, release := make(chan struct{}), make(chan struct{})
			var once atomic.Bool
			r.disk.Fail(func(op disktest.Op) error {
				if op.Kind == disktest.Sync && once.CompareAndSwap(false, true) {
					close(held)
					<-release
					if fails {
						return errIO
					}
				}
				return nil
			})
			e := newEntry("e", nil, outbox.Target{Channel: "a"})
			appends := make(chan outbox.Appended, 3)
			go func() { appends <- r.j.Append(t.Context(), e)[0] }()
			<-held
			for range 2 {
				go func() { appends <- r.j.Append(t.Context(), e)[0] }()
			}
			synctest.Wait()
			if len(appends) > 0 {
				t.Errorf("%d appends returned before the sync", len(appends))
			}
			if again, _, err := r.j.Ready("a", r.o.now, 10); err != nil || len(again) > 0 {
				t.Errorf("%v were handed out before the sync, %v", again, err)
			}
			if _, err := r.j.Lookup(t.Context(), e.Key()); !errors.Is(err, outbox.ErrNotFound) {
				t.Errorf("it was found before the sync: %v", err)
			}
			if n := r.j.Stats().Channels["a"].Pending; n != 0 {
				t.Errorf("%d are pending before the sync", n)
			}
			close(release)
			synctest.Wait()
			verdicts := map[outbox.Verdict]int{}
			for range 3 {
				got := <-appends
				if fails != (got.Err != nil) || !fails && !got.Durable {
					t.Errorf("append gave %+v", got)
				}
				verdicts[got.Verdict]++
			}
			if !fails && (verdicts[outbox.Stored] != 1 || verdicts[outbox.Duplicate] != 2) {
				t.Errorf("verdicts are %v", verdicts)
			}
			again, _, err := r.j.Ready("a", r.o.now, 10)
			r.must(err)
			if fails != (len(again) == 0) {
				t.Errorf("%d were handed out after it", len(again))
			}
			if fails {
				r.must(r.j.Tidy())
			}
			r.must(r.j.Close())
		})
	}
}

// TestASettleOpensItsLaneOnlyWhenSynced holds the sync of a settle up.
func TestASettleOpensItsLaneOnlyWhenSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1)
		r.open()
		for _, id := range []string{"1", "2"} {
			r.must(r.j.Append(t.Context(), newEntry(id, nil, outbox.Target{Channel: "a", Order: "k"}))[0].Err)
		}
		items, _, err := r.j.Ready("a", r.o.now, 10)
		r.must(err)
		release := make(chan struct{})
		r.disk.Fail(func(op disktest.Op) error {
			if op.Kind == disktest.Sync {
				<-release
			}
			return nil
		})
		settled := make(chan error, 1)
		go func() {
			settled <- r.j.Settle(t.Context(), []outbox.Outcome{{Seq: items[0].Seq, Channel: "a", Attempt: 1, At: r.o.now}})
		}()
		synctest.Wait()
		if again, _, err := r.j.Ready("a", r.o.now, 10); err != nil || len(again) > 0 {
			t.Errorf("%v were handed out before the sync, %v", again, err)
		}
		close(release)
		r.must(<-settled)
		if again, _, err := r.j.Ready("a", r.o.now, 10); err != nil || len(again) != 1 {
			t.Errorf("%v were handed out after it, %v", again, err)
		}
		r.must(r.j.Close())
	})
}

// TestAMendBuriesNothing mends the journal amid a hand-over of events that are
// in the file that failed.
func TestAMendBuriesNothing(t *testing.T) {
	r := newRig(t, 1)
	r.open()
	for _, id := range []string{"x", "y"} {
		r.must(r.j.Append(t.Context(), newEntry(id, nil, outbox.Target{Channel: "a"}))[0].Err)
	}
	items, _, err := r.j.Ready("a", r.o.now, 10)
	r.must(err)
	for _, i := range items { // so that they are in memory no more
		r.must(r.j.Settle(t.Context(), []outbox.Outcome{{Seq: i.Seq, Channel: "a", Attempt: 1, Action: outbox.Retry, Unsent: true, At: r.o.now}}))
	}
	f := &fault{kind: disktest.Sync, first: 1, times: 1, err: errIO}
	r.disk.Fail(f.strike)
	if got := r.j.Append(t.Context(), newEntry("z", nil, outbox.Target{Channel: "a"}))[0]; got.Err == nil {
		t.Fatal("a sync that failed is acknowledged")
	}
	var once atomic.Bool
	mended := make(chan error, 1)
	r.disk.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Read && once.CompareAndSwap(false, true) {
			go func() { mended <- r.j.Tidy() }()
			select {
			case err := <-mended:
				mended <- err
			case <-time.After(50 * time.Millisecond): // it waits for the hand-over
			}
		}
		return nil
	})
	items, _, err = r.j.Ready("a", r.o.now, 10)
	r.must(err)
	r.must(<-mended)
	if n := r.j.Stats().Channels["a"].Dead; len(items) != 2 || n > 0 {
		t.Errorf("%d were handed out, %d are dead letters", len(items), n)
	}
	r.must(r.j.Verify(t.Context()))
	r.must(r.j.Close())
}
