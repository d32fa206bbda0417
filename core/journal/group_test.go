package journal_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// watched is a context that tells when somebody waits for its end.
type watched struct {
	context.Context
	waits func()
}

func (w watched) Done() <-chan struct{} {
	w.waits()
	return w.Context.Done()
}

// TestAGroupFailsWhole has two outcomes for one leg join a group, of which the
// second needs no record of its own, and its sync fail: neither is acknowledged.
func TestAGroupFailsWhole(t *testing.T) {
	r := newRig(t, 1)
	r.open()
	x := r.event("x", nil, "a")
	items, _, err := r.j.Ready("a", r.o.now, 1)
	r.must(err)
	began, release := make(chan struct{}), make(chan struct{})
	var syncs atomic.Int64
	r.disk.Fail(func(op disktest.Op) error {
		if op.Kind != disktest.Sync {
			return nil
		}
		switch syncs.Add(1) {
		case 1: // whoever comes now joins the next group
			close(began)
			<-release
		case 2:
			return errIO
		}
		return nil
	})
	first := make(chan outbox.Appended, 1)
	e := newEntry("first", nil, outbox.Target{Channel: "b"})
	go func() { first <- r.j.Append(t.Context(), e)[0] }()
	<-began
	joined := make(chan struct{})
	ctx := watched{t.Context(), sync.OnceFunc(func() { close(joined) })}
	errs := make(chan error, 2)
	for _, a := range []outbox.Action{outbox.Dropped, outbox.Done} {
		go func() {
			errs <- r.j.Settle(ctx, []outbox.Outcome{{Seq: items[0].Seq, Channel: "a", Action: a, Attempt: 1, At: r.o.now}})
		}()
	}
	<-joined // one leads the group; only the other waits
	close(release)
	r.must((<-first).Err)
	for range 2 {
		if err := <-errs; err == nil {
			t.Error("an outcome of a group that failed is acknowledged")
		}
	}
	if c := r.legs(x)["a"]; c.State != outbox.StatePending || !c.Out {
		t.Errorf("it is %+v", c)
	}
	r.tidy()
	r.must(r.j.Close())
}
