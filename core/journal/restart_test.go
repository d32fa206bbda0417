package journal_test

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

var many = flag.Int("many", 100_000, "events of the tests with many")

// load appends n small events for channel a, many at once.
func (r *rig) load(n int, data []byte) {
	r.Helper()
	var list []*outbox.Entry
	for range n {
		r.ids++
		e := newEntry(fmt.Sprintf("m%d", r.ids), data, outbox.Target{Channel: "a"})
		e.Accepted = r.o.now
		if list = append(list, e); len(list) == 1000 {
			r.put(list)
			list = nil
		}
	}
	r.put(list)
}

func (r *rig) put(list []*outbox.Entry) {
	r.Helper()
	for _, got := range r.j.Append(r.Context(), list...) {
		r.must(got.Err)
	}
}

// TestAStartReadsSummaries opens a journal with many pending events: of sealed
// segments only headers and summaries are read, and of payloads nothing.
func TestAStartReadsSummaries(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.Segment, o.NewestIDs = 2<<20, 0
	o.Capacity, o.MaxIDs, o.MaxPending = 1<<40, 2**many, map[string]int64{"a": 1 << 40}
	r.use(o)
	r.load(*many, bytes.Repeat([]byte{'.'}, 50))
	r.must(r.j.Close())
	r.disk = r.disk.CutMask(0)
	var segments, summaries atomic.Int64
	r.disk.Fail(func(op disktest.Op) error {
		switch {
		case op.Kind != disktest.Read:
		case strings.HasSuffix(op.Name, ".seg"):
			segments.Add(op.Length)
		case strings.HasSuffix(op.Name, ".idx"):
			summaries.Add(op.Length)
		}
		return nil
	})
	o.FS = r.disk
	r.use(o)
	if n := r.j.Stats(); n.Channels["a"].Pending != *many || n.IDs != *many {
		t.Errorf("stats are %+v", n)
	}
	if n := r.j.Stats().Disk.Segments; segments.Load() > int64(n)*512 || summaries.Load() == 0 {
		t.Errorf("%d bytes of %d segments were read, %d of summaries", segments.Load(), n, summaries.Load())
	}
	items, _, err := r.j.Ready("a", r.o.now, 10)
	r.must(err)
	if len(items) != 10 {
		t.Errorf("%d were handed out", len(items))
	}
	r.must(r.j.Close())
}

// TestALapsedLeaseIsAHandOver has what came back from a lease handed out, and
// the process die twice: no attempt is given twice.
func TestALapsedLeaseIsAHandOver(t *testing.T) {
	r := newRig(t, 1)
	r.open()
	r.load(1, nil)
	attempt := 0
	ready := func() outbox.Item {
		t.Helper()
		items, _, err := r.j.Ready("a", r.o.now, 1)
		r.must(err)
		if len(items) != 1 || items[0].Attempt <= attempt {
			t.Fatalf("after attempt %d: %+v", attempt, items)
		}
		attempt = items[0].Attempt
		return items[0]
	}
	x := ready()
	r.must(r.j.Settle(t.Context(), []outbox.Outcome{{Seq: x.Seq, Channel: "a", Attempt: x.Attempt, Action: outbox.Lease, At: r.o.now,
		Due: r.o.now.Add(time.Minute)}}))
	r.o.now = r.o.now.Add(time.Hour)
	later := newEntry("later", nil, outbox.Target{Channel: "b"}) // time passes by what is accepted
	later.Accepted = r.o.now
	r.put([]*outbox.Entry{later})
	for range 3 {
		r.disk = r.disk.CutSeed(1)
		r.use(r.options())
		if items, err := r.j.Resume("a"); err != nil || len(items) > 0 {
			t.Errorf("%v were resumed, %v", items, err)
		}
		ready()
	}
	r.must(r.j.Close())
}

// TestHandOversAreCountedWhenTheirRecordIsGone lets the segment go that says
// how far a channel has handed out.
func TestHandOversAreCountedWhenTheirRecordIsGone(t *testing.T) {
	r := newRig(t, 1)
	r.use(r.options())
	r.load(1, nil)
	r.take("a", 1, outbox.Done)                 // that is recorded here
	r.load(300, bytes.Repeat([]byte{'.'}, 150)) // few enough that nothing more is to be recorded
	for r.take("a", 1000, outbox.Done) > 0 {
	}
	r.load(100, nil)
	items, _, err := r.j.Ready("a", r.o.now, 1000)
	r.must(err)
	r.o.now = r.o.now.Add(2 * keepStatus)
	later := newEntry("later", nil, outbox.Target{Channel: "b"})
	later.Accepted = r.o.now
	r.put([]*outbox.Entry{later})
	r.tidy()
	if slices.Contains(r.disk.Names(), "00000001.seg") {
		t.Fatalf("the first segment is there: %v", r.disk.Names())
	}
	r.disk = r.disk.CutSeed(1)
	r.use(r.options())
	again, _, err := r.j.Ready("a", r.o.now, 1000)
	r.must(err)
	if len(again) != len(items) || len(items) != 100 {
		t.Fatalf("%d were handed out, then %d", len(items), len(again))
	}
	for _, i := range again {
		if i.Attempt < 2 {
			t.Fatalf("%s was handed out before, and is attempt %d", i.Entry.Event.ID, i.Attempt)
		}
	}
	r.must(r.j.Close())
}
