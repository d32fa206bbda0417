package ids_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/journal/ids"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func nobody(uint64) bool { return false }

// hashOf gives hashes as evenly spread as a cryptographic hash's (splitmix64).
func hashOf(n uint64) (h ids.Hash) {
	for i := range uint64(2) {
		z := (2*n + i + 1) * 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.LittleEndian.PutUint64(h[8*i:], z^z>>31)
	}
	return h
}

func knownAt(seq uint64, at time.Time) ids.Known {
	return ids.Known{Seq: seq, Digest: ids.Digest(hashOf(^seq)), At: at.UnixNano()}
}

func open(t testing.TB, o ids.Options) *ids.Set {
	t.Helper()
	s, err := ids.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func keep(t testing.TB, s *ids.Set, now time.Time) {
	t.Helper()
	if err := s.Keep(now, nobody); err != nil {
		t.Fatal(err)
	}
}

// fill adds identities from to before to, each with its number for a sequence,
// and makes a run of them.
func fill(t testing.TB, s *ids.Set, from, to uint64, at time.Time) {
	t.Helper()
	for n := from; n < to; n++ {
		s.Add(hashOf(n), knownAt(n, at))
	}
	s.Seal()
	keep(t, s, at)
}

func mustFind(t testing.TB, s *ids.Set, n uint64, want ids.Known) {
	t.Helper()
	got, ok, err := s.Find(hashOf(n))
	if err != nil || !ok || got != want {
		t.Fatalf("identity %d: %+v, %v, %v; want %+v", n, got, ok, err, want)
	}
}

func mustMiss(t testing.TB, s *ids.Set, n uint64) {
	t.Helper()
	if k, ok, err := s.Find(hashOf(n)); ok || err != nil {
		t.Fatalf("identity %d: %+v, %v, %v; want none", n, k, ok, err)
	}
}

func TestEmptySet(t *testing.T) {
	d := disktest.New(disktest.Options{})
	s := open(t, ids.Options{FS: d, Remember: time.Hour, Max: 1})
	s.Seal()
	keep(t, s, start)
	mustMiss(t, s, 1)
	if s.Len() != 0 || s.Full() || s.Covered() != 0 || s.Files() != nil || d.Names() != nil {
		t.Errorf("len %d, full %v, covered %d, files %v, on the disk %v", s.Len(), s.Full(), s.Covered(), s.Files(), d.Names())
	}
	s.Add(hashOf(1), knownAt(1, start))
	if s.Len() != 1 || !s.Full() || s.Covered() != 0 {
		t.Errorf("with one: len %d, full %v, covered %d", s.Len(), s.Full(), s.Covered())
	}
}

// The newest counts wherever the older ones are: in memory, in a younger run,
// in the same merge.
func TestNewestCounts(t *testing.T) {
	s := open(t, ids.Options{FS: disktest.New(disktest.Options{}), Remember: time.Hour})
	for seq := uint64(1); seq <= 3*ids.FewestRuns; seq++ {
		want := knownAt(seq, start)
		s.Add(hashOf(7), want)
		mustFind(t, s, 7, want)
		s.Seal()
		keep(t, s, start)
		mustFind(t, s, 7, want)
		if _, ok := s.FindNewest(hashOf(7)); ok {
			t.Fatal("still in memory after a seal")
		}
		if s.Covered() != seq {
			t.Fatalf("covered %d, want %d", s.Covered(), seq)
		}
	}
	keep(t, s, start.Add(20*time.Minute)) // the period is over: one run, one identity
	if s.Len() != 1 || len(s.Files()) != 1 {
		t.Errorf("%d identities in %v, want one", s.Len(), s.Files())
	}
}

func TestSealsWhenDue(t *testing.T) {
	for _, c := range []struct {
		name string
		adds uint64
		ask  bool
		now  time.Time
		runs int
	}{
		{"few and young", 9, false, start.Add(time.Minute), 0},
		{"enough", 10, false, start, 1},
		{"a period old", 1, false, start.Add(time.Hour), 1},
		{"asked for", 1, true, start, 1},
		{"asked for nothing", 0, true, start, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, ids.Options{FS: disktest.New(disktest.Options{}), Remember: 4 * time.Hour, Newest: 10})
			for n := uint64(1); n <= c.adds; n++ {
				s.Add(hashOf(n), knownAt(n, start))
			}
			if c.ask {
				s.Seal()
			}
			keep(t, s, c.now)
			keep(t, s, c.now)
			if got := s.Stats(); got.Runs != c.runs || got.IDs != int(c.adds) {
				t.Errorf("%+v, want %d runs and %d identities", got, c.runs, c.adds)
			}
		})
	}
}

// Whole runs go when all in them has expired; what is live stays, as new.
func TestForgets(t *testing.T) {
	d := disktest.New(disktest.Options{})
	o := ids.Options{FS: d, Remember: time.Hour}
	s := open(t, o)
	s.Add(hashOf(1000), ids.Known{At: start.UnixNano()}) // without an entry: never live
	fill(t, s, 1, 201, start)
	fill(t, s, 201, 301, start.Add(50*time.Minute))
	live := func(seq uint64) bool {
		if seq == 0 {
			t.Error("asked whether nothing is live")
		}
		return seq%50 == 0
	}
	if err := s.Keep(start.Add(time.Hour), live); err != nil {
		t.Fatal(err)
	}
	if s.Len() != 301 {
		t.Errorf("%d identities when none has expired, want 301", s.Len())
	}
	now := start.Add(time.Hour + 1)
	if err := s.Keep(now, live); err != nil {
		t.Fatal(err)
	}
	check := func(s *ids.Set) {
		t.Helper()
		mustMiss(t, s, 1000)
		for n := uint64(1); n <= 200; n++ {
			if n%50 == 0 {
				mustFind(t, s, n, knownAt(n, now))
			} else {
				mustMiss(t, s, n)
			}
		}
		if s.Len() != 104 || s.Covered() != 300 {
			t.Errorf("%d identities, covered %d; want 104, 300", s.Len(), s.Covered())
		}
	}
	check(s)
	check(open(t, o))

	// With the last of them gone, how far all is covered stays known.
	keep(t, s, now.Add(2*time.Hour))
	keep(t, s, now.Add(2*time.Hour))
	if s := open(t, o); s.Len() != 0 || s.Covered() != 300 || len(d.Names()) != 1 {
		t.Errorf("%d identities, covered %d, on the disk %v; want 0, 300, one file", s.Len(), s.Covered(), d.Names())
	}
	fill(t, s, 301, 302, now.Add(2*time.Hour))
	keep(t, s, now.Add(2*time.Hour))
	if len(d.Names()) != 1 || s.Covered() != 301 {
		t.Errorf("on the disk %v, covered %d; want one file, 301", d.Names(), s.Covered())
	}
}

// model is what a set must say, and the journal's part: what was added is
// added again after a restart when it lies above Covered.
type model struct {
	known   map[uint64]ids.Known
	log     []logged
	live    map[uint64]bool // by sequence
	carried map[uint64]bool // sequences that were live once
	now     time.Time
	seq     uint64
}

type logged struct {
	n uint64
	k ids.Known
}

func newModel() *model {
	return &model{known: map[uint64]ids.Known{}, live: map[uint64]bool{}, carried: map[uint64]bool{}, now: start}
}

func (m *model) add(s *ids.Set, n uint64, live bool) {
	m.seq++
	k := knownAt(m.seq, m.now)
	s.Add(hashOf(n), k)
	m.known[n] = k
	m.log = append(m.log, logged{n, k})
	if live {
		m.live[m.seq], m.carried[m.seq] = true, true
	}
}

func (m *model) replay(s *ids.Set) {
	covered := s.Covered()
	for _, l := range m.log {
		if l.k.Seq > covered {
			s.Add(hashOf(l.n), l.k)
		}
	}
}

func (m *model) isLive(seq uint64) bool { return m.live[seq] }

func (m *model) check(s *ids.Set, n uint64, remember time.Duration) error {
	got, ok, err := s.Find(hashOf(n))
	if err != nil {
		return err
	}
	want, added := m.known[n]
	switch {
	case ok && !added:
		return fmt.Errorf("identity %d is invented: %+v", n, got)
	case !ok && added && (m.live[want.Seq] || m.now.UnixNano()-want.At <= int64(remember)):
		return fmt.Errorf("identity %d is forgotten too early: %+v at %v", n, want, m.now)
	case ok && (got.Seq != want.Seq || got.Digest != want.Digest || got.At < want.At || got.At > want.At && !m.carried[want.Seq]):
		return fmt.Errorf("identity %d: %+v, want %+v", n, got, want)
	}
	return nil
}

func TestLikeAMap(t *testing.T) {
	const universe = 3000
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			d := disktest.New(disktest.Options{})
			o := ids.Options{FS: d, Remember: time.Hour, Newest: 150}
			s := open(t, o)
			m := newModel()
			merged, forgot := false, false
			for range 25_000 {
				switch r := random.IntN(1000); {
				case r < 560:
					// As the journal: what is live is a duplicate, not added again.
					if n := random.Uint64N(universe); !m.live[m.known[n].Seq] {
						m.add(s, n, random.IntN(50) == 0)
					}
				case r < 980:
					if err := m.check(s, random.Uint64N(universe), o.Remember); err != nil {
						t.Fatal(err)
					}
				case r < 985:
					m.now = m.now.Add(time.Duration(random.Int64N(int64(8 * time.Minute))))
				case r < 990:
					for seq := range m.live {
						delete(m.live, seq)
						break
					}
				case r < 992:
					s.Seal()
				case r < 999:
					before := s.Stats()
					if err := s.Keep(m.now, m.isLive); err != nil {
						t.Fatal(err)
					}
					after := s.Stats()
					merged = merged || after.Runs < before.Runs
					forgot = forgot || after.IDs < before.IDs
				default:
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					s = open(t, o)
					m.replay(s)
				}
			}
			for n := range uint64(universe) {
				if err := m.check(s, n, o.Remember); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Verify(); err != nil {
				t.Fatal(err)
			}
			if !merged || !forgot {
				t.Errorf("merged %v, forgot %v: the walk showed too little", merged, forgot)
			}
			if got := len(d.Names()); got != s.Stats().Runs {
				t.Errorf("%d files for %d runs: %v", got, s.Stats().Runs, d.Names())
			}
		})
	}
}
