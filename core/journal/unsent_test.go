package journal_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestWhatWasNotSentComesBackOnce settles a hand-over that never left beside one
// that is done, and the disk fails: both stay out until the whole call is tried
// again with success. Nothing goes to two consumers as one attempt.
func TestWhatWasNotSentComesBackOnce(t *testing.T) {
	r := newRig(t, 1)
	r.open()
	r.load(2, nil)
	items, _, err := r.j.Ready("a", r.o.now, 2)
	r.must(err)
	batch := []outbox.Outcome{
		{Seq: items[0].Seq, Channel: "a", Action: outbox.Retry, Unsent: true, Attempt: 1, At: r.o.now},
		{Seq: items[1].Seq, Channel: "a", Action: outbox.Done, Attempt: 1, At: r.o.now},
	}
	r.disk.Fail((&fault{kind: disktest.Sync, first: 1, times: 1, err: errIO}).strike)
	for range 2 { // the second time nothing is tried: the disk is not trusted
		if err := r.j.Settle(t.Context(), batch); err == nil {
			t.Fatal("a sync that failed is acknowledged")
		}
		if again, _, err := r.j.Ready("a", r.o.now, 2); err != nil || len(again) > 0 {
			t.Errorf("%+v were handed out again, %v", again, err)
		}
	}
	r.tidy()
	r.must(r.j.Settle(t.Context(), batch))
	again, _, err := r.j.Ready("a", r.o.now, 2)
	r.must(err)
	if len(again) != 1 || again[0].Seq != items[0].Seq || again[0].Attempt != 1 {
		t.Errorf("handed out after it: %+v", again)
	}
	r.must(r.j.Close())
}
