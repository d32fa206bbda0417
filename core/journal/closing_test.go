package journal_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestReadyGivesWhatItHasWhenTheJournalCloses closes the journal while Ready
// waits for the record that lets it hand out more: it gives what it took before.
func TestReadyGivesWhatItHasWhenTheJournalCloses(t *testing.T) {
	r := newRig(t, 1)
	r.open()
	r.load(4000, nil)
	items, _, err := r.j.Ready("a", r.o.now, 1000)
	r.must(err)
	given := make(map[uint64]bool)
	for _, i := range items {
		given[i.Seq] = true
	}
	closed := make(chan error, 1)
	var once atomic.Bool
	r.disk.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Sync && once.CompareAndSwap(false, true) {
			go func() { closed <- r.j.Close() }()
			// What is pending is waited for until the journal closes.
			_, err := r.j.Await(context.Background(), outbox.Key{Source: source, ID: "m1"})
			r.must(err)
		}
		return nil
	})
	for !once.Load() {
		items, _, err = r.j.Ready("a", r.o.now, 200)
		r.must(err)
		if len(items) == 0 {
			t.Fatal("all was handed out without a record of how far")
		}
		for _, i := range items {
			if given[i.Seq] || i.Entry == nil || i.Target.Channel != "a" {
				t.Errorf("handed out: %+v", i)
			}
			given[i.Seq] = true
		}
	}
	r.must(<-closed)
}
