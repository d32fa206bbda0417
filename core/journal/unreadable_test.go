package journal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestAnEventThatCannotBeReadNowComesAgain lets the read of an event fail: it is
// no dead letter, nothing is written about it, and it comes a little later as
// the attempt that it would have been.
func TestAnEventThatCannotBeReadNowComesAgain(t *testing.T) {
	r := newRig(t, 1)
	r.open()
	x := r.event("x", nil, "a")
	r.must(r.j.Close())
	r.use(r.options()) // so that it is in memory no more
	before := r.legs(x)["a"]
	reads, writes := 0, 0
	r.disk.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Write && reads > 0 {
			writes++
		}
		if op.Kind != disktest.Read {
			return nil
		}
		reads++
		return errIO
	})
	items, _, err := r.j.Ready("a", r.o.now, 1)
	r.must(err)
	if len(items) > 0 || reads == 0 {
		t.Fatalf("%+v were handed out after %d reads", items, reads)
	}
	_, next, err := r.j.Ready("a", r.o.now, 1)
	r.must(err)
	r.disk.Fail(nil)
	if !next.After(r.o.now) {
		t.Errorf("it comes again at %v", next)
	}
	after := r.legs(x)["a"]
	if writes > 0 || after.State != outbox.StatePending || after.Out || after.Attempt != before.Attempt || len(after.History) > 0 {
		t.Errorf("after %d writes it is %+v", writes, after)
	}
	items, _, err = r.j.Ready("a", next, 1)
	r.must(err)
	if len(items) != 1 || items[0].Attempt != before.Attempt+1 || items[0].Failures != 0 {
		t.Errorf("handed out at last: %+v", items)
	}
	r.must(r.j.Close())
}

// TestAnUnreadableIdentityFailsItsEntryAlone appends a batch of which one entry
// has its identity where nothing can be read: the others are answered.
func TestAnUnreadableIdentityFailsItsEntryAlone(t *testing.T) {
	r := newRig(t, 1)
	r.use(r.options())
	r.load(3000, nil)
	r.tidy()
	r.must(r.j.Close())
	r.use(r.options()) // so that runs alone have them
	page := func(id string) (at string) {
		t.Helper()
		r.disk.Fail(func(op disktest.Op) error {
			if op.Kind == disktest.Read && strings.HasPrefix(op.Name, "ids-") {
				at = fmt.Sprint(op.Name, op.Offset)
			}
			return nil
		})
		got := r.j.Append(t.Context(), newEntry(id, nil, outbox.Target{Channel: "a"}))[0]
		if got.Err != nil || got.Verdict != outbox.Duplicate || at == "" {
			t.Fatalf("%s again: %+v, read at %q", id, got, at)
		}
		return at
	}
	bad, other := page("m1"), ""
	for n := 2; other == ""; n++ {
		if id := fmt.Sprintf("m%d", n); page(id) != bad {
			other = id
		}
	}
	r.disk.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Read && fmt.Sprint(op.Name, op.Offset) == bad {
			return errIO
		}
		return nil
	})
	var list []*outbox.Entry
	for _, id := range []string{other, "m1", "fresh"} {
		e := newEntry(id, nil, outbox.Target{Channel: "a"})
		e.Accepted = r.o.now
		list = append(list, e)
	}
	got := r.j.Append(t.Context(), list...)
	r.disk.Fail(nil)
	if got[0].Err != nil || got[0].Verdict != outbox.Duplicate {
		t.Errorf("one that is known elsewhere: %+v", got[0])
	}
	if !errors.Is(got[1].Err, errIO) {
		t.Errorf("the unreadable one: %+v", got[1])
	}
	if got[2].Err != nil || got[2].Verdict != outbox.Stored || !got[2].Durable {
		t.Errorf("a fresh one: %+v", got[2])
	}
	r.must(r.j.Close())
}
