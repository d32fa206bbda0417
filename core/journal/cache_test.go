package journal_test

import (
	"bytes"
	"runtime"
	"testing"
	"weak"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestWhatEndsWhileItIsReadIsNotKept ends events while they are read for a
// consumer: nobody keeps them in memory.
func TestWhatEndsWhileItIsReadIsNotKept(t *testing.T) {
	const events = 20
	r := newRig(t, 1)
	r.open()
	r.load(events, bytes.Repeat([]byte{'.'}, 1000))
	r.must(r.j.Close())
	r.use(r.options()) // so that they are in memory no more
	var read []weak.Pointer[outbox.Entry]
	for seq := range uint64(events) {
		read = append(read, r.endWhileRead(seq+1))
	}
	if st := r.j.Stats().Channels["a"]; st.Pending > 0 {
		t.Fatalf("there are %+v", st)
	}
	runtime.GC()
	kept := 0
	for _, p := range read {
		if p.Value() != nil {
			kept++
		}
	}
	if kept > 0 {
		t.Errorf("%d of %d events that have ended are in memory", kept, events)
	}
	r.must(r.j.Close())
}

// endWhileRead hands an event out, and ends it as it is read.
func (r *rig) endWhileRead(seq uint64) weak.Pointer[outbox.Entry] {
	r.Helper()
	done := false
	r.disk.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Read && !done {
			done = true
			r.must(r.j.Settle(r.Context(), []outbox.Outcome{{Seq: seq, Channel: "a", Action: outbox.Dropped, At: r.o.now}}))
		}
		return nil
	})
	items, _, err := r.j.Ready("a", r.o.now, 1)
	r.must(err)
	if len(items) != 1 || items[0].Seq != seq || !done {
		r.Fatalf("handed out: %+v, ended while it was read: %t", items, done)
	}
	return weak.Make(items[0].Entry)
}
