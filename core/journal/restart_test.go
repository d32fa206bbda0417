package journal_test

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

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
