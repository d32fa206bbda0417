package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// occupy has somebody else take all of the disk but so many bytes.
func (r *rig) occupy(left int64) {
	r.Helper()
	free, total, err := r.disk.Free()
	r.must(err)
	r.disk.SetSize(total - free + left)
}

func (r *rig) hasSpare() bool { return slices.Contains(r.disk.Names(), "spare") }

// TestAFullDiskIsMended lets a sync fail on a disk that is full: the journal is
// whole again in the spare segment, or in the room that old segments give back.
// It accepts, and starts, as before.
func TestAFullDiskIsMended(t *testing.T) {
	for _, spare := range []bool{true, false} {
		name := "with a spare segment"
		if !spare {
			name = "without"
		}
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			r.disk = disktest.New(disktest.Options{Size: 4 << 20})
			o := r.options()
			o.Segment = 256 << 10
			r.use(o)
			r.churn(300)
			r.tidy()
			x := r.event("x", nil, "b")
			left := int64(0)
			if !spare {
				left = 100 << 10 // for identities and summaries; a segment is more
			}
			r.occupy(left)
			for !spare && r.hasSpare() {
				r.churn(1)
			}
			if r.hasSpare() != spare {
				t.Fatalf("there are %v", r.disk.Names())
			}
			r.disk.Fail((&fault{kind: disktest.Sync, first: 1, times: 1, err: errIO}).strike)
			e := newEntry("y", nil, outbox.Target{Channel: "a"})
			if got := r.j.Append(t.Context(), e)[0]; got.Err == nil {
				t.Fatal("a sync that failed is acknowledged")
			}
			if spare {
				r.tidy()
				r.put([]*outbox.Entry{newEntry("at once", nil, outbox.Target{Channel: "c"})})
			}
			r.o.now = r.o.now.Add(2 * keepStatus)
			r.take("a", 1, outbox.Done) // time passes by what is asked
			var err error
			for range 3 { // one to make room, one to mend, one that finds nothing to do
				err = r.j.Tidy()
			}
			r.must(err)
			r.put([]*outbox.Entry{e})
			r.must(r.j.Close())
			r.use(o)
			if st := r.j.Stats().Channels; st["a"].Pending != 1 || st["b"].Pending != 1 {
				t.Errorf("after a restart there are %+v", st)
			}
			r.legs(x)
			r.must(r.j.Close())
		})
	}
}

// TestAStartOnAFullDisk cuts the power on a disk that is full: the journal
// begins in the spare segment.
func TestAStartOnAFullDisk(t *testing.T) {
	for seed := range int64(8) {
		r := newRig(t, 1)
		r.open()
		r.tidy()
		x := r.event("x", nil, "b")
		r.disk = r.disk.CutSeed(seed)
		r.occupy(0)
		if !r.hasSpare() {
			t.Fatalf("there are %v", r.disk.Names())
		}
		r.use(r.options())
		r.legs(x)
		r.must(r.j.Close())
	}
}

// TestAttemptsThatCannotBeNoted starts on a full disk with more hand-overs to be
// noted than the spare segment has room for: it starts, and hands them all out.
func TestAttemptsThatCannotBeNoted(t *testing.T) {
	const events = 4000
	r := newRig(t, 1)
	r.open()
	r.load(events, nil)
	if items, _, err := r.j.Ready("a", r.o.now, events); err != nil || len(items) == 0 {
		t.Fatalf("%d were handed out, %v", len(items), err)
	}
	r.tidy()
	r.disk = r.disk.CutSeed(1)
	r.occupy(0)
	r.use(r.options())
	if free, _, err := r.disk.Free(); err != nil || free > 0 || r.hasSpare() {
		t.Fatalf("%d bytes are free, %v, there are %v", free, err, r.disk.Names())
	}
	r.disk.SetSize(disktest.DefaultSize)
	r.tidy()
	n := 0
	for k := 1; k > 0; n += k {
		k = r.take("a", 1000, outbox.Done)
	}
	if n != events {
		t.Errorf("%d were handed out", n)
	}
	r.must(r.j.Close())
}

// TestADrainedDiskAccepts fills a disk and ends all of it: events are accepted
// at once, before keep_status has passed.
func TestADrainedDiskAccepts(t *testing.T) {
	r := newRig(t, 1)
	r.disk = disktest.New(disktest.Options{Size: 2 << 20})
	o := r.options()
	o.Reserve = 100 << 10
	r.use(o)
	err := error(nil)
	for err == nil { // a spare segment is there whenever there is room for one
		r.tidy()
		r.ids++
		e := newEntry(fmt.Sprintf("f%d", r.ids), bytes.Repeat([]byte{'.'}, 2000), outbox.Target{Channel: "a"})
		e.Accepted = r.o.now
		err = r.j.Append(t.Context(), e)[0].Err
	}
	if !errors.Is(err, outbox.ErrDiskFull) {
		t.Fatalf("after %d: %v", r.ids, err)
	}
	for r.take("a", 1000, outbox.Done) > 0 {
	}
	r.tidy()
	r.tidy() // the first makes room
	r.load(1, bytes.Repeat([]byte{'.'}, 2000))
	r.must(r.j.Close())
}

// TestTheSpareMakesRoomForIdentities has old segments wait for their identities
// to be written, on a disk that has room for the spare segment alone: that is
// given up, and the disk comes back.
func TestTheSpareMakesRoomForIdentities(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.NewestIDs, o.Reserve = 10_000, 100<<10
	r.use(o)
	r.churn(300)
	r.tidy()
	r.occupy(0)
	if !r.hasSpare() {
		t.Fatalf("there are %v", r.disk.Names())
	}
	_ = r.j.Tidy() // makes room, and may tell that there was none
	r.tidy()
	r.wantGone()
	r.load(1, nil)
	r.must(r.j.Close())
}
