package ids_test

import (
	"flag"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/journal/ids"
)

var many = flag.Uint64("ids", 1_000_000, "identities in the benchmarks' sets")

// aDay adds n identities over a day, and keeps the set as a journal would.
// each is called a hundred times meanwhile.
func aDay(t testing.TB, s *ids.Set, n uint64, each func(added uint64)) {
	t.Helper()
	for i := range n {
		at := start.Add(time.Duration(float64(24*time.Hour) / float64(n) * float64(i)))
		s.Add(hashOf(i), ids.Known{Seq: i + 1, At: at.UnixNano()})
		if i%(n/100) == n/100-1 {
			keep(t, s, at)
			each(i + 1)
		}
	}
}

// Fewer than one in a hundred fresh identities read the disk, at any moment of
// a day, and an identity in a run takes no more than 3 bytes of memory.
func TestFreshIdentitiesRarelyReadTheDisk(t *testing.T) {
	n := uint64(1_000_000)
	if testing.Short() || underRace {
		n = 200_000
	}
	s := open(t, ids.Options{FS: disktest.New(disktest.Options{}), Remember: 24 * time.Hour, Newest: int(n / 50)})
	worst, runs := 0.0, 0
	fresh := n
	aDay(t, s, n, func(uint64) {
		before := s.Stats()
		for range 3000 {
			fresh++
			if _, ok, err := s.Find(hashOf(fresh)); ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		after := s.Stats()
		worst = max(worst, float64(after.DiskReads-before.DiskReads)/float64(after.Finds-before.Finds))
		runs = max(runs, after.Runs)
	})
	got := s.Stats()
	average := float64(got.DiskReads) / float64(got.Finds)
	if worst >= 0.01 || average >= 0.005 {
		t.Errorf("of fresh identities %.2f %% read the disk at worst, %.2f %% on average", 100*worst, 100*average)
	}
	s.Seal()
	keep(t, s, start.Add(24*time.Hour))
	got = s.Stats()
	perID := float64(got.Memory) / float64(got.IDs)
	if got.IDs != int(n) || got.Newest != 0 || perID > 3 {
		t.Errorf("%+v: %.2f bytes of memory for an identity", got, perID)
	}
	t.Logf("%d identities, at most %d runs: of fresh ones %.3f %% read the disk at worst, %.3f %% on average; %.2f bytes each",
		n, runs, 100*worst, 100*average, perID)

	// A known one takes one read, unless its entries lie across two pages.
	before := s.Stats()
	for i := range uint64(10_000) {
		if k, ok, err := s.Find(hashOf(i * (n / 10_000))); !ok || err != nil || k.Seq == 0 {
			t.Fatal(k, ok, err)
		}
	}
	after := s.Stats()
	if reads := float64(after.DiskReads-before.DiskReads) / 10_000; reads > 1.02 {
		t.Errorf("%.3f reads for a known identity", reads)
	}
}

func day(b *testing.B) (ids.Options, *ids.Set) {
	b.Helper()
	d, err := disk.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	o := ids.Options{FS: d, Remember: 24 * time.Hour}
	s := open(b, o)
	began := time.Now()
	aDay(b, s, *many, func(uint64) {})
	b.Logf("%d identities in %v: %+v", *many, time.Since(began).Round(time.Millisecond), s.Stats())
	return o, s
}

func report(b *testing.B, s *ids.Set, before ids.Stats) {
	after := s.Stats()
	b.ReportMetric(float64(after.DiskReads-before.DiskReads)/float64(after.Finds-before.Finds), "reads/op")
	b.ReportMetric(float64(after.Memory-int64(after.Newest)*ids.ExactCost)/float64(after.IDs-after.Newest), "B/id")
	b.ReportMetric(float64(after.Runs), "runs")
}

func BenchmarkFind(b *testing.B) {
	_, s := day(b)
	b.Run("fresh", func(b *testing.B) {
		before, n := s.Stats(), *many
		for b.Loop() {
			n++
			if _, ok, err := s.Find(hashOf(n)); ok || err != nil {
				b.Fatal(ok, err)
			}
		}
		report(b, s, before)
	})
	b.Run("known", func(b *testing.B) {
		before, n := s.Stats(), uint64(0)
		for b.Loop() {
			n += 7919
			if _, ok, err := s.Find(hashOf(n % *many)); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
		report(b, s, before)
	})
}

// BenchmarkAdd adds fresh identities to a set that has many: alone, and with
// all that they cost, the look-up before and the runs after.
func BenchmarkAdd(b *testing.B) {
	end := start.Add(24 * time.Hour)
	b.Run("alone", func(b *testing.B) {
		_, s := day(b)
		n := *many
		for b.Loop() {
			n++
			s.Add(hashOf(n), ids.Known{Seq: n + 1, At: end.UnixNano()})
			if n%ids.DefaultNewest == 0 {
				b.StopTimer()
				keep(b, s, end)
				b.StartTimer()
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		_, s := day(b)
		before, n := s.Stats(), *many
		for b.Loop() {
			n++
			if _, ok, err := s.Find(hashOf(n)); ok || err != nil {
				b.Fatal(ok, err)
			}
			s.Add(hashOf(n), ids.Known{Seq: n + 1, At: end.UnixNano()})
			if n%ids.DefaultNewest == 0 {
				keep(b, s, end)
			}
		}
		report(b, s, before)
	})
}

func BenchmarkSeal(b *testing.B) {
	d, err := disk.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		s := open(b, ids.Options{FS: d, Remember: time.Minute})
		for i := range uint64(ids.DefaultNewest) {
			s.Add(hashOf(i), ids.Known{Seq: i + 1, At: start.UnixNano()})
		}
		keep(b, s, start.Add(-time.Hour)) // it is sealed because it is large
		for i := range uint64(ids.DefaultNewest) {
			s.Add(hashOf(i+ids.DefaultNewest), ids.Known{Seq: i + 1, At: start.UnixNano()})
		}
		b.StartTimer()
		keep(b, s, start.Add(-time.Hour))
		b.StopTimer()
		keep(b, s, start.Add(time.Hour))
		_ = s.Close()
		b.StartTimer()
	}
}

func BenchmarkOpen(b *testing.B) {
	o, s := day(b)
	_ = s.Close()
	for b.Loop() {
		s, err := ids.Open(o)
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}
