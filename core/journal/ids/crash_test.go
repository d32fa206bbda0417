package ids_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/journal/ids"
)

// life is some hours of a small set: seals, merges of both kinds, runs
// forgotten with and without survivors. It ends early with the process.
type life struct {
	*model
	s      *ids.Set
	relied uint64 // highest Covered seen: the journal has dropped what is below
}

var lifeOptions = ids.Options{Remember: time.Hour, Newest: 40}

func (l *life) run(t *testing.T, stopped func(error) bool) {
	t.Helper()
	const universe = 400
	for step := range 24 {
		for i := range 45 {
			n := uint64(step*31+i*7) % universe
			if !l.live[l.known[n].Seq] {
				l.add(l.s, n, step < 3 && i == 0)
			}
		}
		err := l.s.Keep(l.now, l.isLive)
		l.relied = max(l.relied, l.s.Covered())
		if err != nil {
			if !stopped(err) {
				t.Fatal(err)
			}
			return
		}
		if step%8 < 5 {
			l.now = l.now.Add(time.Minute)
		} else {
			l.now = l.now.Add(17 * time.Minute)
		}
	}
}

func (l *life) checkAll(t *testing.T, when string) {
	t.Helper()
	for n := range uint64(500) {
		if err := l.check(l.s, n, lifeOptions.Remember); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
}

func TestPowerCutAnywhere(t *testing.T) {
	t.Parallel()
	begin := func() (*disktest.Disk, *life) {
		d := disktest.New(disktest.Options{})
		o := lifeOptions
		o.FS = d
		return d, &life{model: newModel(), s: open(t, o)}
	}
	d, l := begin()
	l.run(t, func(error) bool { return false })
	l.checkAll(t, "undisturbed")
	operations := d.Operations()
	if operations < 200 {
		t.Fatalf("only %d operations: the life is too dull", operations)
	}
	seeds := 4
	if testing.Short() || underRace {
		seeds = 2
	}
	isStop := func(err error) bool { return errors.Is(err, disktest.ErrStopped) }
	for n := 2; n <= operations; n++ {
		d, l := begin()
		d.StopAt(n)
		l.run(t, isStop)
		for seed := range seeds {
			cut := d.CutSeed(int64(n*100 + seed))
			if seed == 0 { // the process died, and not the power
				cut = d.Cut(func(disktest.Op, int64) bool { return true })
			}
			when := fmt.Sprintf("stopped at %d, seed %d", n, seed)
			o := lifeOptions
			o.FS = cut
			s, err := ids.Open(o)
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			if s.Covered() < l.relied {
				t.Fatalf("%s: covered %d, and %d was relied on", when, s.Covered(), l.relied)
			}
			again := &life{model: l.model, s: s}
			for id, k := range l.known {
				if k.Seq > s.Covered() {
					continue
				}
				if err := l.check(s, id, o.Remember); err != nil {
					t.Fatalf("%s, before anything is added again: %v", when, err)
				}
			}
			again.replay(s)
			again.checkAll(t, when)
			s.Seal()
			if err := s.Keep(l.now, l.isLive); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			again.checkAll(t, when+", kept")
			if err := s.Verify(); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			if files, runs := len(cut.Names()), s.Stats().Runs; files != runs {
				t.Fatalf("%s: %d files for %d runs: %v", when, files, runs, cut.Names())
			}
			_ = s.Close()
		}
	}
}

// A second cut during the Open and Keep after a first one.
func TestPowerCutTwice(t *testing.T) {
	t.Parallel()
	if testing.Short() || underRace {
		t.Skip("long, and one goroutine")
	}
	isStop := func(err error) bool { return errors.Is(err, disktest.ErrStopped) }
	for n := 3; n < 260; n += 7 {
		for second := 1; second < 30; second += 2 {
			d := disktest.New(disktest.Options{})
			o := lifeOptions
			o.FS = d
			l := &life{model: newModel(), s: open(t, o)}
			d.StopAt(n)
			l.run(t, isStop)
			when := fmt.Sprintf("stopped at %d, then at %d", n, second)

			cut := d.CutSeed(int64(n))
			cut.StopAt(second)
			o.FS = cut
			if s, err := ids.Open(o); err == nil {
				l.relied = max(l.relied, s.Covered())
				l.s = s
				l.replay(s)
				if err := s.Keep(l.now, l.isLive); err != nil && !isStop(err) {
					t.Fatalf("%s: %v", when, err)
				}
				l.relied = max(l.relied, s.Covered())
				_ = s.Close()
			} else if !isStop(err) {
				t.Fatalf("%s: %v", when, err)
			}

			o.FS = cut.CutSeed(int64(second))
			s, err := ids.Open(o)
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			if s.Covered() < l.relied {
				t.Fatalf("%s: covered %d, and %d was relied on", when, s.Covered(), l.relied)
			}
			l.s = s
			l.replay(s)
			l.checkAll(t, when)
			_ = s.Close()
		}
	}
}

// The process dies anywhere, its next life relies on what it finds, and then
// the power fails: what a process leaves is not durable by itself.
func TestProcessDiesThenPowerFails(t *testing.T) {
	t.Parallel()
	each := 1
	if testing.Short() || underRace {
		each = 5
	}
	died := true
	for n := 2; died; n += each {
		d := disktest.New(disktest.Options{})
		o := lifeOptions
		o.FS = d
		l := &life{model: newModel(), s: open(t, o)}
		died = false
		d.Fail(func(op disktest.Op) error {
			if died = died || op.Ordinal >= n; died {
				return errDisk
			}
			return nil
		})
		l.run(t, func(err error) bool { return errors.Is(err, errDisk) })
		d.Fail(nil)
		l.s = open(t, o)
		l.relied = l.s.Covered()
		o.FS = d.Cut(func(disktest.Op, int64) bool { return false })
		l.s = open(t, o)
		if l.s.Covered() < l.relied {
			t.Fatalf("dead at %d: covered %d, and %d was relied on", n, l.s.Covered(), l.relied)
		}
		l.replay(l.s)
		l.checkAll(t, fmt.Sprintf("dead at %d", n))
	}
}

var errDisk = errors.New("the disk does not want to")

// Any operation may fail once: nothing is forgotten, and the next Keep mends it.
func TestDiskFailsOnce(t *testing.T) {
	t.Parallel()
	failed, each := 0, 1
	if testing.Short() || underRace {
		each = 5
	}
	for n := 2; ; n += each { // the first is done by Open
		d := disktest.New(disktest.Options{})
		o := lifeOptions
		o.FS = d
		l := &life{model: newModel(), s: open(t, o)}
		hit := false
		d.Fail(func(op disktest.Op) error {
			if hit = hit || op.Ordinal == n; op.Ordinal == n {
				return errDisk
			}
			return nil
		})
		for range 2 { // the life goes on after the error
			l.run(t, func(err error) bool { return errors.Is(err, errDisk) })
			l.checkAll(t, fmt.Sprintf("operation %d failed", n))
		}
		if !hit {
			break
		}
		failed++
		l.s.Seal()
		if err := l.s.Keep(l.now, l.isLive); err != nil {
			t.Fatal(err)
		}
		if files, runs := len(d.Names()), l.s.Stats().Runs; files != runs {
			t.Fatalf("operation %d failed: %d files for %d runs: %v", n, files, runs, d.Names())
		}
		o.FS = d.CutSeed(int64(n))
		l.relied = l.s.Covered()
		l.s = open(t, o)
		if l.s.Covered() < l.relied {
			t.Fatalf("operation %d failed: covered %d, and %d was relied on", n, l.s.Covered(), l.relied)
		}
		l.replay(l.s)
		l.checkAll(t, fmt.Sprintf("operation %d failed, then a power cut", n))
	}
	if failed*each < 200 {
		t.Errorf("only %d operations", failed*each)
	}
}

// A run that is whole and cannot be opened is not relied on.
func TestRunCannotBeOpened(t *testing.T) {
	d := disktest.New(disktest.Options{})
	s := open(t, ids.Options{FS: d, Remember: time.Hour})
	s.Add(hashOf(1), knownAt(1, start))
	s.Seal()
	d.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Open {
			return errDisk
		}
		return nil
	})
	if err := s.Keep(start, nobody); !errors.Is(err, errDisk) {
		t.Fatalf("%v, want %v", err, errDisk)
	}
	if s.Covered() != 0 || len(d.Names()) != 0 {
		t.Errorf("covered %d, on the disk %v; want nothing", s.Covered(), d.Names())
	}
	mustFind(t, s, 1, knownAt(1, start))
	d.Fail(nil)
	keep(t, s, start)
	mustFind(t, s, 1, knownAt(1, start))
	if s.Covered() != 1 || len(d.Names()) != 1 {
		t.Errorf("covered %d, on the disk %v; want one run", s.Covered(), d.Names())
	}
}

// Without room nothing is lost, and the set goes on when there is some.
func TestDiskFull(t *testing.T) {
	d := disktest.New(disktest.Options{Size: 10 * ids.PageSize})
	s := open(t, ids.Options{FS: d, Remember: time.Hour})
	fill(t, s, 1, 101, start)
	for n := uint64(101); n < 1000; n++ {
		s.Add(hashOf(n), knownAt(n, start))
	}
	s.Seal()
	if err := s.Keep(start, nobody); !errors.Is(err, disk.ErrFull) {
		t.Fatalf("%v, want %v", err, disk.ErrFull)
	}
	s.Add(hashOf(1000), knownAt(1000, start))
	for n := uint64(1); n <= 1000; n++ {
		mustFind(t, s, n, knownAt(n, start))
	}
	if s.Covered() != 100 {
		t.Errorf("covered %d, want 100", s.Covered())
	}
	d.SetSize(1 << 20)
	keep(t, s, start)
	if s.Covered() != 999 {
		t.Errorf("covered %d, want 999", s.Covered())
	}
	for n := uint64(1); n <= 1000; n++ {
		mustFind(t, s, n, knownAt(n, start))
	}
}
