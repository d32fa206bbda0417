package journal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

var errIO = errors.New("input/output error")

// fault makes operations of one kind fail, from the k-th on so many times.
type fault struct {
	kind  disktest.Kind
	first int
	times int
	err   error

	seen, struck int
}

func (f *fault) strike(op disktest.Op) error {
	if op.Kind != f.kind {
		return nil
	}
	if f.seen++; f.seen < f.first || f.seen >= f.first+f.times {
		return nil
	}
	f.struck++
	return f.err
}

// wary is a disk that tells when a file is written to after a write or a sync
// of it has failed.
type wary struct {
	*disktest.Disk
	broke string
}

func (w *wary) Create(name string, size int64) (disk.File, error) {
	f, err := w.Disk.Create(name, size)
	return &waryFile{File: f, disk: w, name: name}, err
}

func (w *wary) Open(name string) (disk.File, error) {
	f, err := w.Disk.Open(name)
	return &waryFile{File: f, disk: w, name: name}, err
}

type waryFile struct {
	disk.File
	disk   *wary
	name   string
	failed bool
}

func (f *waryFile) WriteAt(p []byte, off int64) (int, error) {
	if f.failed {
		f.disk.broke = fmt.Sprintf("%d bytes are written at %d of %s, which has failed", len(p), off, f.name)
	}
	n, err := f.File.WriteAt(p, off)
	f.failed = f.failed || err != nil
	return n, err
}

func (f *waryFile) Sync() error {
	err := f.File.Sync()
	f.failed = f.failed || err != nil
	return err
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
			stride := max(1, 4-*cuts) // all of them where there is time
			for seed := range uint64(*cuts) {
				for k := 1; k <= 200; k += stride {
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
	if f.first%2 == 0 {
		r.w = newWitness(f.first%4 == 0)
	}
	r.at = fmt.Sprintf("seed %d, %s %d fails %d times", seed, f.kind, f.first, f.times)
	w := &wary{Disk: r.disk}
	r.fs = w
	r.open()
	r.disk.Fail(f.strike)
	for step := 0; step < 200 && (step < 60 || f.struck < f.times); step++ {
		r.stepOn()
		if w.broke != "" {
			t.Fatalf("%s: %s", r.at, w.broke)
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
func (r *rig) stepOn() {
	r.Helper()
	if strings.Contains(r.j.Stats().Disk.Refusing, outbox.ErrFailing.Error()) {
		if got := r.appendOne(); !errors.Is(got.Err, outbox.ErrFailing) {
			r.Fatalf("%s: append to a failing disk: %+v", r.at, got)
		}
	}
	if r.w != nil && r.random.IntN(3) == 0 {
		r.poll(r.random.IntN(8))
	}
	switch n := r.random.IntN(100); {
	case n < 20:
		_ = r.j.Tidy()
	case n < 60:
		r.append(r.random.IntN(4) + 1)
	case n < 80:
		r.ready(channels[r.random.IntN(len(channels))], r.random.IntN(6)+1)
	case n < 85:
		r.shelve()
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
		r.fill(100 << 10)
		f := &fault{kind: kind, first: 1, times: 1, err: errIO}
		r.disk.Fail(f.strike)
		e := r.entry()
		if got := r.j.Append(t.Context(), e)[0]; got.Err == nil {
			t.Fatal("a write that failed is acknowledged")
		}
		// Its record is in the cache of the file that failed, if not on the disk.
		r.must(r.j.Tidy())
		r.must(r.o.appended(e, r.j.Append(t.Context(), e)[0]))
		for range 3 { // each time what was there is left behind
			r.o.now = r.o.now.Add(3 * remember)
			r.finish()
			r.fill(200 << 10)
			r.o.now = r.o.now.Add(3 * remember)
			r.append(1)
			r.must(r.j.Tidy())
		}
		if n := r.j.Stats().Disk.Segments; n > 6 {
			t.Fatalf("%d segments are kept", n)
		}
		again := r.on(r.disk.CutSeed(1), 1, "then a cut")
		again.open()
		again.drain()
	}
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

// linking is a disk with links that lead nowhere.
type linking struct{ *disktest.Disk }

func (linking) Link(string, string) error { return nil }

// TestABackupWritesToNoFileThatFailed asks for a backup, which ends the segment,
// while the segment is not trusted.
func TestABackupWritesToNoFileThatFailed(t *testing.T) {
	r := newRig(t, 1)
	r.fs = linking{r.disk}
	r.open()
	r.append(3)
	f := &fault{kind: disktest.Sync, first: 1, times: 1, err: errIO}
	r.disk.Fail(f.strike)
	if got := r.appendOne(); got.Err == nil {
		t.Fatal("a sync that failed is acknowledged")
	}
	if err := r.j.Backup(t.Context(), t.TempDir()); !errors.Is(err, outbox.ErrFailing) {
		t.Errorf("backup: %v", err)
	}
	r.must(r.j.Tidy())
	r.must(r.j.Backup(t.Context(), t.TempDir()))
	r.append(3)
	again := r.on(r.disk.CutSeed(1), 1, "then a cut")
	again.open()
	again.drain()
}

// TestAMendLeavesNoGap replaces a segment that is not the first, and starts
// again: nothing is missing.
func TestAMendLeavesNoGap(t *testing.T) {
	for stop := range 12 {
		r := newRig(t, 1)
		r.at = fmt.Sprintf("stopped %d operations later", stop)
		r.open()
		r.fill(100 << 10)
		f := &fault{kind: disktest.Sync, first: 1, times: 1, err: errIO}
		r.disk.Fail(f.strike)
		if got := r.appendOne(); got.Err == nil {
			t.Fatal("a sync that failed is acknowledged")
		}
		r.disk.StopAt(r.disk.Operations() + 1 + stop)
		_ = r.j.Tidy()
		for s := range int64(3) {
			again := r.on(r.disk.CutSeed(s), uint64(s), "then a cut")
			again.open()
			again.drain()
		}
	}
}
