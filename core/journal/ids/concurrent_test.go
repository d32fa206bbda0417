package ids_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/journal/ids"
)

// What leaves memory between Find and FindNewest is seen by Version alone.
func TestVersionTellsWhatLeftMemory(t *testing.T) {
	s := open(t, ids.Options{FS: disktest.New(disktest.Options{}), Remember: time.Hour})
	version := s.Version()
	mustMiss(t, s, 1)
	fill(t, s, 1, 2, start) // another caller's, sealed at once
	if _, ok := s.FindNewest(hashOf(1)); ok {
		t.Fatal("still in memory: this shows nothing")
	}
	if s.Version() == version {
		t.Error("the version is the same: identity 1 would be accepted twice")
	}
}

// journal accepts identities as Version's comment says, and counts those that
// it took for fresh.
type journal struct {
	s   *ids.Set
	mu  sync.Mutex
	seq uint64
}

func (j *journal) accept(n uint64) (fresh bool, err error) {
	h := hashOf(n)
	for {
		version := j.s.Version()
		if _, ok, err := j.s.Find(h); ok || err != nil {
			return false, err
		}
		if fresh, sure := j.add(h, version); sure {
			return fresh, nil
		}
	}
}

func (j *journal) add(h ids.Hash, version uint64) (fresh, sure bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, ok := j.s.FindNewest(h); ok {
		return false, true
	}
	if j.s.Version() != version {
		return false, false
	}
	j.seq++
	j.s.Add(h, knownAt(j.seq, start))
	return true, true
}

// Many callers accept the same identities while runs are sealed and merged all
// the time, on a real disk: each is accepted once.
func TestAcceptedOnceByManyCallers(t *testing.T) {
	const rounds, each, callers = 80, 64, 8
	d, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, ids.Options{FS: d, Remember: time.Hour})
	j := &journal{s: s}
	var accepted [rounds * each]atomic.Int32
	var round atomic.Uint64
	var done sync.WaitGroup
	for c := range callers {
		done.Go(func() {
			random := rand.New(rand.NewPCG(uint64(c), 2))
			for now := round.Load(); now < rounds; now = round.Load() {
				n := now*each + random.Uint64N(each)
				if random.IntN(4) == 0 {
					n = random.Uint64N(n + 1)
				}
				fresh, err := j.accept(n)
				if err != nil {
					t.Error(err)
					return
				}
				if fresh {
					accepted[n].Add(1)
				}
			}
		})
	}
	done.Go(func() {
		defer round.Store(rounds)
		for now := range uint64(rounds) {
			round.Store(now)
			for s.Stats().Newest < each/2 && !t.Failed() {
				runtime.Gosched()
			}
			s.Seal()
			if err := s.Keep(start, nobody); err != nil {
				t.Error(err)
				return
			}
			_, _, _ = s.Stats(), s.Files(), s.Full()
		}
	})
	done.Wait()
	total := 0
	for n := range accepted {
		got := int(accepted[n].Load())
		if got > 1 {
			t.Errorf("identity %d was accepted %d times", n, got)
		}
		total += got
	}
	if got := s.Len(); got != total || s.Stats().Runs == 0 {
		t.Errorf("%d were accepted; %+v", total, s.Stats())
	}
}

// A run that is merged and closed under a Find is looked for again.
func TestFindWhileRunsAreReplaced(t *testing.T) {
	d := disktest.New(disktest.Options{})
	s := open(t, ids.Options{FS: d, Remember: time.Hour})
	fill(t, s, 1, 100, start)
	fill(t, s, 100, 200, start)
	replaced := false
	d.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Read && !replaced {
			replaced = true
			return s.Keep(start.Add(30*time.Minute), nobody) // reads too
		}
		return nil
	})
	mustFind(t, s, 50, knownAt(50, start))
	if len(s.Files()) != 1 {
		t.Errorf("%v: nothing was replaced", s.Files())
	}
}

// A long merge seals what comes in meanwhile, and gives up when the set is
// closed.
func TestLongMerge(t *testing.T) {
	const each = 20_000
	for _, c := range []struct {
		name  string
		close bool
	}{{"seals", false}, {"closes", true}} {
		t.Run(c.name, func(t *testing.T) {
			d := disktest.New(disktest.Options{})
			o := ids.Options{FS: d, Remember: time.Hour}
			s := open(t, o)
			closed := make(chan error, 1)
			const late = 1_000_000
			sealed := false
			drafts := 0 // the last of them is that of the merge
			d.Fail(func(op disktest.Op) error {
				if drafts < ids.FewestRuns {
					if op.Kind == disktest.Sync {
						drafts++
					}
					return nil
				}
				switch {
				case op.Kind != disktest.Write || op.Name != "ids-00000005.tmp":
				case op.Offset == ids.PageSize && c.close:
					go func() { closed <- s.Close() }()
					for !s.Closing() {
						runtime.Gosched()
					}
				case op.Offset == ids.PageSize:
					s.Add(hashOf(late), knownAt(late, start))
					s.Seal()
				case op.Offset == 0 && !c.close: // the header, which comes last
					_, inMemory := s.FindNewest(hashOf(late))
					sealed = !inMemory
				}
				return nil
			})
			var err error
			for i := range uint64(ids.FewestRuns) {
				for n := i * each; n < (i+1)*each; n++ {
					s.Add(hashOf(n), knownAt(n+1, start))
				}
				s.Seal()
				err = errors.Join(err, s.Keep(start, nobody))
			}
			if c.close {
				if !errors.Is(err, ids.ErrClosed) {
					t.Errorf("the merge ended with %v, want %v", err, ids.ErrClosed)
				}
				if err := <-closed; err != nil {
					t.Error(err)
				}
				if err := s.Keep(start, nobody); !errors.Is(err, ids.ErrClosed) {
					t.Errorf("%v, want %v", err, ids.ErrClosed)
				}
				if s := open(t, o); s.Len() != ids.FewestRuns*each {
					t.Errorf("%d identities, want %d", s.Len(), ids.FewestRuns*each)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !sealed {
				t.Error("what was added during the merge waited for its end")
			}
			mustFind(t, s, late, knownAt(late, start))
			if got := s.Stats(); got.Runs != 2 || got.IDs != ids.FewestRuns*each+1 || s.Covered() != late {
				t.Errorf("%+v, covered %d", got, s.Covered())
			}
		})
	}
}

// A set that is closed still tells an identity that is not known from one that
// cannot be looked up.
func TestFindAfterClose(t *testing.T) {
	s := open(t, ids.Options{FS: disktest.New(disktest.Options{}), Remember: time.Hour})
	fill(t, s, 1, 2, start)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Find(hashOf(1)); ok || !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v, %v; want %v", ok, err, os.ErrClosed)
	}
}
