package journal_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

var errIO = errors.New("input/output error")

// fault makes operations of one kind fail, from the k-th on so many times. It
// watches meanwhile that no file is written on whose write or sync has failed.
type fault struct {
	kind  disktest.Kind
	first int
	times int
	err   error

	mu      sync.Mutex
	seen    int
	struck  int  // how many have failed
	suspect bool // the segment's last write or sync failed
	broke   string
}

// segmentFile is the name under which every segment is made and written.
const segmentFile = "segment.tmp"

func (f *fault) strike(op disktest.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if op.Name == segmentFile && (op.Kind == disktest.Write || op.Kind == disktest.Sync) {
		if op.Kind == disktest.Write && op.Offset == 0 {
			f.suspect = false // another file
		}
		if f.suspect {
			f.broke = fmt.Sprintf("%+v after a failure in that file", op)
		}
	}
	if op.Kind != f.kind {
		return nil
	}
	if f.seen++; f.seen < f.first || f.seen >= f.first+f.times {
		return nil
	}
	f.struck++
	if op.Name == segmentFile && (op.Kind == disktest.Write || op.Kind == disktest.Sync) {
		f.suspect = true
	}
	return f.err
}

// TestFaults lets each kind of operation fail at each place of a workload: what
// was acknowledged stays, nothing is accepted until the journal is whole again,
// and then it is, also after the power was cut.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		kind disktest.Kind
		err  error
	}{
		{disktest.Sync, errIO},
		{disktest.Write, errIO},
		{disktest.Write, fmt.Errorf("%w: %w", errIO, disktest.Short(700))},
		{disktest.Create, errIO},
		{disktest.Create, disk.ErrFull},
		{disktest.Rename, errIO},
		{disktest.Remove, errIO},
		{disktest.Truncate, errIO},
		{disktest.SyncNames, errIO},
	} {
		t.Run(fmt.Sprintf("%s: %v", c.kind, c.err), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(*cuts) {
				for k := 1; k <= 200; k++ {
					if !faultAt(t, seed, &fault{kind: c.kind, first: k, times: 1 + k%3, err: c.err}) {
						break
					}
				}
			}
		})
	}
}

// faultAt reports whether the fault has struck.
func faultAt(t *testing.T, seed uint64, f *fault) bool {
	r := newRig(t, seed)
	r.at = fmt.Sprintf("seed %d, %s %d fails %d times", seed, f.kind, f.first, f.times)
	r.open()
	r.disk.Fail(f.strike)
	for step := 0; step < 200 && (step < 60 || f.struck < f.times); step++ {
		r.stepOn(f)
		if f.broke != "" {
			t.Fatalf("%s: %s", r.at, f.broke)
		}
	}
	r.disk.Fail(nil)
	if f.struck == 0 {
		r.must(r.j.Close())
		return false
	}
	for s := range int64(2) {
		third := r.on(r.disk.CutSeed(s), uint64(s), "then a cut")
		third.open()
		third.drain()
	}
	return true
}

// stepOn is a step that may fail, and may not be a restart. What was refused is
// tried again.
func (r *rig) stepOn(f *fault) {
	r.Helper()
	failing := strings.Contains(r.j.Stats().Disk.Refusing, outbox.ErrFailing.Error())
	if failing || f.suspect {
		if got := r.appendOne(); !errors.Is(got.Err, outbox.ErrFailing) {
			r.Fatalf("%s: append to a failing disk: %+v", r.at, got)
		}
	}
	switch n := r.random.IntN(100); {
	case n < 20:
		_ = r.j.Tidy()
	case n < 60:
		r.append(r.random.IntN(4) + 1)
	case n < 80:
		r.ready(channels[r.random.IntN(len(channels))], r.random.IntN(6)+1)
	default:
		r.settle(r.random.IntN(5) + 1)
	}
}

func (r *rig) appendOne() outbox.Appended {
	r.Helper()
	e := r.entry()
	got := r.j.Append(r.Context(), e)[0]
	r.must(r.o.appended(e, got))
	return got
}

// TestWhatFailedStaysGone retries what failed, ends it, and lets the journal
// drop the file that replaced the one that failed: nothing comes back.
func TestWhatFailedStaysGone(t *testing.T) {
	for _, kind := range []disktest.Kind{disktest.Write, disktest.Sync} {
		r := newRig(t, 1)
		r.open()
		r.append(3)
		f := &fault{kind: kind, first: 1, times: 1, err: errIO}
		r.disk.Fail(f.strike)
		e := r.entry()
		if got := r.j.Append(t.Context(), e)[0]; got.Err == nil {
			t.Fatal("a write that failed is acknowledged")
		}
		// Its record is in the cache of the file that failed, if not on the disk.
		r.must(r.j.Tidy())
		r.must(r.o.appended(e, r.j.Append(t.Context(), e)[0]))
		for i := range 3 { // every time what is there is left behind
			r.o.now = r.o.now.Add(3 * remember)
			for _, c := range channels {
				r.ready(c, 100)
			}
			r.endAll()
			r.fill(200 << 10)
			r.must(r.j.Tidy())
			r.must(r.j.Tidy())
			if i < 2 {
				continue
			}
			if n := r.j.Stats().Disk.Segments; n > 6 {
				t.Fatalf("%d segments are kept", n)
			}
		}
		again := r.on(r.disk.CutSeed(1), 1, "then a cut")
		again.open()
		again.drain()
	}
}

// endAll ends what is out.
func (r *rig) endAll() {
	r.Helper()
	var done []outbox.Outcome
	for _, f := range r.o.facts {
		for _, l := range f.legs {
			if l.out {
				done = append(done, outbox.Outcome{Seq: f.seq, Channel: l.Channel, Attempt: l.attempt, At: r.o.now})
			}
		}
	}
	r.end(done)
}

// fill appends so many bytes.
func (r *rig) fill(bytes int) {
	r.Helper()
	for bytes > 0 {
		e := r.entry()
		got := r.j.Append(r.Context(), e)[0]
		r.must(got.Err)
		r.must(r.o.appended(e, got))
		bytes -= len(e.Event.Raw)
	}
}
