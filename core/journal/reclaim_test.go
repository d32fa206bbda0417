package journal_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// take hands out up to most events of a channel and settles them. It gives how many.
func (r *rig) take(channel string, most int, action outbox.Action) int {
	r.Helper()
	items, _, err := r.j.Ready(channel, r.o.now, most)
	r.must(err)
	outcomes := make([]outbox.Outcome, len(items))
	for i, x := range items {
		outcomes[i] = outbox.Outcome{Seq: x.Seq, Channel: channel, Attempt: x.Attempt, Action: action, At: r.o.now}
	}
	r.must(r.j.Settle(r.Context(), outcomes))
	return len(items)
}

func (r *rig) tidy() {
	r.Helper()
	r.must(r.j.Tidy())
}

// TestDrainedSegmentsGo fills and drains many events, with a dead letter at the
// very front: the disk is given back, whoever starts again finds that dead
// letter and nothing else.
func TestDrainedSegmentsGo(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.NewestIDs = 10_000
	r.use(o)
	r.load(1, nil)
	r.take("a", 1, outbox.Dead)
	for left := *many; left > 0; left -= 5000 {
		r.load(5000, nil)
		for r.take("a", 1000, outbox.Done) > 0 {
		}
		r.o.now = r.o.now.Add(keepStatus / 2)
		r.tidy()
	}
	r.o.now = r.o.now.Add(2 * keepStatus)
	r.load(1, nil)
	r.take("a", 1, outbox.Done)
	r.tidy()
	d := r.j.Stats().Disk
	if d.Segments > 12 || d.Bytes > 12*o.Segment {
		t.Errorf("%d segments of %d bytes are left", d.Segments, d.Bytes)
	}
	for range 2 {
		r.must(r.j.Close())
		r.disk = r.disk.CutSeed(1)
		o.FS = r.disk
		r.use(o)
		if st := r.j.Stats().Channels["a"]; st.Pending != 0 || st.Dead != 1 {
			t.Errorf("after a restart there are %+v", st)
		}
		r.must(r.j.Verify(t.Context()))
	}
	r.must(r.j.Close())
}

// TestAStuckChannelKeepsNoDisk leaves one channel alone while another is busy.
func TestAStuckChannelKeepsNoDisk(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.NewestIDs = 1000
	r.use(o)
	live := int64(0)
	for i := range 60 {
		var list []*outbox.Entry
		for n := range 300 {
			channel := "a"
			if n%50 == 0 {
				channel = "b"
			}
			e := newEntry(fmt.Sprintf("s%d-%d", i, n), nil, outbox.Target{Channel: channel})
			e.Accepted = r.o.now
			list = append(list, e)
		}
		r.put(list)
		for r.take("a", 1000, outbox.Done) > 0 {
		}
		r.o.now = r.o.now.Add(keepStatus + time.Second)
		r.tidy()
		live = r.j.Stats().Channels["b"].Bytes
		if d := r.j.Stats().Disk; d.Bytes > 2*live+12*o.Segment {
			t.Fatalf("round %d: %d bytes of disk for %d that live", i, d.Bytes, live)
		}
	}
	n := 0
	for k := 1; k > 0; n += k {
		k = r.take("b", 1000, outbox.Done)
	}
	if n != 60*6 {
		t.Errorf("%d events were stuck", n)
	}
	r.must(r.j.Close())
}

// TestEndsStayEnds ends events long after their acceptance, lets segments go
// while removals fail and the power is cut: nothing that ended comes back.
func TestEndsStayEnds(t *testing.T) {
	for _, kind := range []disktest.Kind{disktest.Remove, disktest.SyncNames} {
		for k := 1; k < 25; k++ {
			r := newRig(t, uint64(k))
			r.at = fmt.Sprintf("%s %d fails", kind, k)
			r.open()
			r.fill(150 << 10)
			r.o.now = r.o.now.Add(keepStatus)
			r.finish()
			r.fill(150 << 10)
			r.o.now = r.o.now.Add(2 * remember)
			r.append(1)
			f := &fault{kind: kind, first: k, times: 1, err: errIO}
			r.disk.Fail(f.strike)
			for range 3 {
				_ = r.j.Tidy()
			}
			if f.struck == 0 {
				break
			}
			for s := range int64(3) {
				again := r.on(r.disk.CutSeed(s), uint64(s), "then a cut")
				again.open()
				again.drain()
			}
		}
	}
}

// TestAChainOfEndsGoesOldestFirst cuts the power at every operation of a round
// that drops segments.
func TestAChainOfEndsGoesOldestFirst(t *testing.T) {
	for n := 1; ; n++ {
		r := newRig(t, 7)
		r.at = fmt.Sprintf("operation %d", n)
		r.open()
		r.fill(70 << 10)
		r.o.now = r.o.now.Add(keepStatus)
		r.finish() // the ends are in a later segment
		r.fill(70 << 10)
		r.o.now = r.o.now.Add(2 * remember)
		r.append(1)
		r.disk.StopAt(r.disk.Operations() + n)
		if err := r.j.Tidy(); !errors.Is(err, disktest.ErrStopped) {
			r.must(err)
			return
		}
		for mask := range uint64(1) << min(r.disk.Unsynced(), 6) {
			again := r.on(r.disk.CutMask(mask), mask, fmt.Sprintf("mask %b", mask))
			again.open()
			again.drain()
		}
	}
}

// TestEndsAreAskedFor holds the journal to keep_status where its budget allows,
// and to the budget where that is less: the oldest are forgotten first.
func TestEndsAreAskedFor(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.Capacity = 1 << 20
	r.use(o)
	known := func(id string) bool {
		_, err := r.j.Lookup(t.Context(), outbox.Key{Source: source, ID: id})
		return err == nil
	}
	r.load(100, nil)
	r.take("a", 1000, outbox.Done)
	r.o.now = r.o.now.Add(keepStatus - time.Second)
	r.tidy()
	if !known("m1") || !known("m100") {
		t.Error("an end is forgotten before keep_status")
	}
	for i := range 10 {
		r.load(500, nil)
		for r.take("a", 1000, outbox.Done) > 0 {
		}
		r.tidy()
		if id := fmt.Sprintf("m%d", 100+500*i); i > 0 && !known(id) {
			t.Errorf("the end of %s is forgotten, which the budget has room for", id)
		}
	}
	if known("m1") || !known("m5100") {
		t.Error("the budget of ends is not kept from the oldest on")
	}
	if d := r.j.Stats().Disk; d.Bytes > 12*o.Segment {
		t.Errorf("%d bytes are kept for ends", d.Bytes)
	}
	r.must(r.j.Close())
}

// TestIdentitiesOutliveTheirSegments drops segments whose identities are still
// to be remembered, and cuts the power.
func TestIdentitiesOutliveTheirSegments(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.KeepStatus, o.NewestIDs = time.Second, 0
	r.use(o)
	r.load(1000, nil)
	for r.take("a", 1000, outbox.Done) > 0 {
	}
	r.o.now = r.o.now.Add(time.Minute)
	r.load(1, nil)
	before := r.j.Stats().Disk.Segments
	r.tidy()
	if n := r.j.Stats().Disk.Segments; n >= before {
		t.Fatalf("%d segments of %d are left", n, before)
	}
	r.disk = r.disk.CutSeed(1)
	o.FS = r.disk
	r.use(o)
	r.ids = 0
	for id := range 1000 {
		e := newEntry(fmt.Sprintf("m%d", id+1), nil, outbox.Target{Channel: "a"})
		e.Accepted = r.o.now
		if got := r.j.Append(t.Context(), e)[0]; got.Err != nil || got.Verdict != outbox.Duplicate {
			t.Fatalf("m%d again: %+v", id+1, got)
		}
	}
	r.must(r.j.Close())
}
