package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// small gives a rig on a disk of so many bytes, and its options.
func small(t *testing.T, size int64) (*rig, journal.Options) {
	r := newRig(t, 1)
	r.disk = disktest.New(disktest.Options{Size: size})
	o := r.options()
	o.Segment, o.Reserve = 128<<10, size/10
	r.use(o)
	return r, o
}

// until appends events until one is refused. It gives how many were not, and
// why that one was.
func (r *rig) until(size int) (n int, err error) {
	r.Helper()
	for {
		r.ids++
		e := newEntry(fmt.Sprintf("f%d", r.ids), bytes.Repeat([]byte{'.'}, size), outbox.Target{Channel: "a"})
		e.Accepted = r.o.now
		if got := r.j.Append(r.Context(), e)[0]; got.Err != nil {
			return n, got.Err
		}
		if n++; n%50 == 0 {
			r.tidy()
		}
	}
}

// TestAFullDisk fills the disk: events are refused before it is full, ends are
// settled all the same, and accepting goes on by itself where there is room.
func TestAFullDisk(t *testing.T) {
	for _, size := range []int{100, 2000, 20_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r, _ := small(t, 8<<20)
			n, err := r.until(size)
			if !errors.Is(err, outbox.ErrDiskFull) {
				t.Fatalf("after %d: %v", n, err)
			}
			if r.j.Stats().Disk.Refusing == "" {
				t.Error("it does not say that it refuses")
			}
			free, total, err := r.disk.Free()
			r.must(err)
			if free < total/20/2 {
				t.Errorf("%d bytes are free when it refuses", free)
			}
			done := 0
			for k := 1; k > 0; done += k {
				k = r.take("a", 100, outbox.Done)
				r.tidy()
			}
			if done != n {
				t.Errorf("%d of %d were settled", done, n)
			}
			r.o.now = r.o.now.Add(2 * keepStatus)
			r.take("a", 1, outbox.Done) // time passes by what is asked
			r.tidy()
			r.tidy()
			if more, err := r.until(size); more < n/2 || !errors.Is(err, outbox.ErrDiskFull) {
				t.Errorf("after %d of %d: %v", more, n, err)
			}
			r.must(r.j.Close())
		})
	}
}

// TestADiskFullOfOthers has somebody else take what is reserved: nothing is
// lost, and room gives everything back.
func TestADiskFullOfOthers(t *testing.T) {
	r, o := small(t, 8<<20)
	r.load(1000, bytes.Repeat([]byte{'.'}, 500))
	r.tidy()
	r.disk.SetSize(1 << 20)
	if err := r.j.Tidy(); err != nil && !errors.Is(err, outbox.ErrDiskFull) && !errors.Is(err, disk.ErrFull) {
		t.Errorf("tidy: %v", err)
	}
	more, err := r.until(500)
	if !errors.Is(err, outbox.ErrDiskFull) { // what was taken in advance may be used
		t.Errorf("after %d: %v", more, err)
	}
	items, _, err := r.j.Ready("a", r.o.now, 200)
	r.must(err)
	var failed []outbox.Outcome
	for _, i := range items {
		x := outbox.Outcome{Seq: i.Seq, Channel: "a", Attempt: i.Attempt, At: r.o.now, Result: bytes.Repeat([]byte{'1'}, 3000)}
		if err := r.j.Settle(t.Context(), []outbox.Outcome{x}); err != nil {
			failed = append(failed, x)
		}
	}
	if len(items) != 200 || len(failed) == 0 {
		t.Errorf("%d were handed out, %d not settled: the disk was not full", len(items), len(failed))
	}
	r.disk.SetSize(8 << 20)
	r.tidy()
	r.must(r.j.Settle(t.Context(), failed))
	r.load(10, nil)
	want := 1000 + more - 200 + 10
	if n := r.j.Stats().Channels["a"].Pending; n != want {
		t.Errorf("%d are pending", n)
	}
	r.must(r.j.Close())
	r.disk = r.disk.CutMask(0)
	o.FS = r.disk
	r.use(o)
	if n := r.j.Stats().Channels["a"].Pending; n != want {
		t.Errorf("%d are pending after a restart", n)
	}
	r.must(r.j.Close())
}
