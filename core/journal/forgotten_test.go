package journal_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// event appends one for some channels.
func (r *rig) event(id string, data []byte, to ...string) *outbox.Entry {
	r.Helper()
	var targets []outbox.Target
	for _, c := range to {
		targets = append(targets, outbox.Target{Channel: c})
	}
	e := newEntry(id, data, targets...)
	e.Accepted = r.o.now
	r.put([]*outbox.Entry{e})
	return e
}

// churn appends so many events for channel a and ends them, one by one.
func (r *rig) churn(n int) {
	r.Helper()
	for range n {
		r.load(1, bytes.Repeat([]byte{'.'}, 2000))
		r.take("a", 1, outbox.Done)
	}
}

// legs looks an event up, and gives how it stands on each channel.
func (r *rig) legs(e *outbox.Entry) map[string]outbox.ChannelStatus {
	r.Helper()
	st, err := r.j.Lookup(r.Context(), e.Key())
	r.must(err)
	legs := make(map[string]outbox.ChannelStatus, len(st.Channels))
	for _, c := range st.Channels {
		legs[c.Channel] = c
	}
	return legs
}

// is fails unless an event stands so on channels a and b.
func (r *rig) is(e *outbox.Entry, a, b outbox.State, out bool) {
	r.Helper()
	if legs := r.legs(e); legs["a"].State != a || legs["b"].State != b || legs["b"].Out != out {
		r.Errorf("%s: %s is %+v", r.at, e.Event.ID, legs)
	}
}

// wantGone fails the test unless the first segment has been dropped.
func (r *rig) wantGone() {
	r.Helper()
	if slices.Contains(r.disk.Names(), "00000001.seg") {
		r.Fatalf("%s: the first segment is there: %v", r.at, r.disk.Names())
	}
}

// TestALivingEventIsFoundWhereEndsAreForgotten ends an event on one channel and
// gives it up on the other, until the budget of ends has no room for the first:
// the dead letter is found, listed and, redriven, found while it is out.
func TestALivingEventIsFoundWhereEndsAreForgotten(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.Capacity = 1 << 20
	r.use(o)
	ended := r.event("ended", nil, "a")
	x := r.event("x", nil, "a", "b")
	r.take("a", 2, outbox.Done)
	items, _, err := r.j.Ready("b", r.o.now, 1)
	r.must(err)
	act := func(a outbox.Action, attempt int) {
		t.Helper()
		r.must(r.j.Settle(t.Context(), []outbox.Outcome{{Seq: items[0].Seq, Channel: "b", Action: a, Attempt: attempt, At: r.o.now}}))
	}
	act(outbox.Dead, 1)
	r.churn(400)
	if _, err := r.j.Lookup(t.Context(), ended.Key()); !errors.Is(err, outbox.ErrNotFound) {
		t.Fatalf("no end is forgotten: %v", err)
	}
	r.is(x, outbox.StateDone, outbox.StateFailed, false)
	if list, err := r.j.List(t.Context(), outbox.Filter{State: outbox.StateFailed}); err != nil || len(list) != 1 {
		t.Errorf("%d dead letters are listed, %v", len(list), err)
	}
	act(outbox.Redrive, 0)
	if again, _, err := r.j.Ready("b", r.o.now, 1); err != nil || len(again) != 1 {
		t.Errorf("%v were handed out, %v", again, err)
	}
	r.is(x, outbox.StateDone, outbox.StatePending, true)
	r.must(r.j.Close())
}

// TestACopiedEventKeepsItsEnds ends an event on one channel, and has the segment
// of that end forgotten and dropped: the copy says how it ended, while the event
// waits, while it is out, and after a restart.
func TestACopiedEventKeepsItsEnds(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.Capacity = 1 << 20
	r.use(o)
	x := r.event("x", nil, "a", "b")
	r.take("a", 1, outbox.Done)
	r.churn(400)
	r.tidy()
	r.wantGone()
	r.is(x, outbox.StateDone, outbox.StatePending, false)
	if items, _, err := r.j.Ready("b", r.o.now, 1); err != nil || len(items) != 1 {
		t.Fatalf("%v were handed out, %v", items, err)
	}
	r.is(x, outbox.StateDone, outbox.StatePending, true)
	r.must(r.j.Close())
	r.disk = r.disk.CutSeed(1)
	o.FS = r.disk
	r.use(o)
	r.is(x, outbox.StateDone, outbox.StatePending, false)
	r.must(r.j.Close())
}

// TestAnEndedEventIsReadWhereItIs copies an event between its two ends, so that
// the first names a place that has gone: each look finds it at the other.
func TestAnEndedEventIsReadWhereItIs(t *testing.T) {
	r := newRig(t, 1)
	r.use(r.options())
	x := r.event("x", nil, "a", "b")
	items, _, err := r.j.Ready("a", r.o.now, 1)
	r.must(err)
	r.churn(400)
	r.must(r.j.Settle(t.Context(), []outbox.Outcome{{Seq: items[0].Seq, Channel: "a", Attempt: 1, At: r.o.now}}))
	r.o.now = r.o.now.Add(keepStatus - time.Minute)
	r.churn(40) // what ended in that segment is asked for longer
	r.o.now = r.o.now.Add(2 * time.Minute)
	r.take("a", 1, outbox.Done) // time passes by what is asked
	r.tidy()
	r.wantGone()
	r.take("b", 1, outbox.Done)
	r.must(r.j.Close())
	r.use(r.options())
	for range 100 { // which end is looked at first is chance
		r.is(x, outbox.StateDone, outbox.StateDone, false)
	}
	r.must(r.j.Close())
}
