package index

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// sorted is the table told the obvious way.
type sorted []uint64

func (s sorted) from(seq uint64) uint64 {
	i, _ := slices.BinarySearch(s, seq)
	if i == len(s) {
		return 0
	}
	return s[i]
}

// tagged adds a sequence whose slot says so.
func tagged(t *table, seq uint64) ref {
	r := t.add(seq)
	s := t.at(r)
	if *s != (slot{seq: s.seq}) {
		panic("a slot is not empty")
	}
	s.segment, s.offset = uint32(seq), uint32(seq>>32)
	return r
}

func seqAt(t *table, r ref) uint64 {
	if r == 0 {
		return 0
	}
	s := t.at(r)
	if seq := t.seq(r); uint32(seq) == s.segment && uint32(seq>>32) == s.offset {
		return seq
	}
	return ^uint64(0)
}

func check(t *testing.T, tab *table, want sorted, r *rand.Rand) {
	t.Helper()
	if tab.count != len(want) {
		t.Fatalf("it counts %d, want %d", tab.count, len(want))
	}
	i := 0
	for x := tab.from(0); x != 0; x = tab.after(x) {
		if i == len(want) || seqAt(tab, x) != want[i] {
			t.Fatalf("number %d is %d", i, seqAt(tab, x))
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("it has %d, want %d", i, len(want))
	}
	for range 20 {
		seq := r.Uint64N(1 << 12)
		if len(want) > 0 && r.IntN(2) == 0 {
			seq = want[r.IntN(len(want))] + r.Uint64N(3) - 1
		}
		x := tab.find(seq)
		_, is := slices.BinarySearch(want, seq)
		if is != (x != 0) || is && seqAt(tab, x) != seq {
			t.Fatalf("find(%d) gave %d", seq, seqAt(tab, x))
		}
		if got := seqAt(tab, tab.from(seq)); got != want.from(seq) {
			t.Fatalf("from(%d) gave %d, want %d", seq, got, want.from(seq))
		}
	}
	places := 0
	for at, number := range tab.order {
		c := &tab.chunks[number]
		if c.live == 0 || c.live&^c.kept != 0 || at > 0 && tab.chunks[tab.order[at-1]].highest() >= c.base {
			t.Fatalf("chunk %d is %b of %b from %d", at, c.live, c.kept, c.base)
		}
		places += len(c.slots)
	}
	if last := len(tab.order) * 2; places > 2*len(want)+chunkSize+last {
		t.Fatalf("%d slots are kept for %d", places, len(want))
	}
	if len(tab.order)+len(tab.free) != len(tab.chunks) {
		t.Fatalf("of %d chunks %d are in use, and %d free", len(tab.chunks), len(tab.order), len(tab.free))
	}
}

// A table has what a sorted list has, in whatever order it came.
func TestTable(t *testing.T) {
	heads := [2]uint64{1, 1 << 20}
	runs := func(which uint64) uint64 { heads[which]++; return heads[which] }
	next := map[string]func(r *rand.Rand, have sorted) uint64{
		"anywhere":  func(r *rand.Rand, _ sorted) uint64 { return 1 + r.Uint64N(1<<12) },
		"far apart": func(r *rand.Rand, _ sorted) uint64 { return 1 + r.Uint64N(1<<12)<<r.IntN(50) },
		"two runs":  func(r *rand.Rand, s sorted) uint64 { return runs(r.Uint64N(2)) },
		"from behind": func(r *rand.Rand, s sorted) uint64 {
			return max(2, append(s, 1<<40)[0]) - 1 - r.Uint64N(2)*r.Uint64N(2)
		},
		"in order": func(r *rand.Rand, s sorted) uint64 { return s.top() + 1 + r.Uint64N(2) },
	}
	for name, next := range next {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 7))
			var tab table
			var want sorted
			most := 0
			for step := range 20_000 {
				fill := step/4000%2 == 0
				if seq := next(r, want); (r.IntN(10) < 7) == fill {
					i, is := slices.BinarySearch(want, seq)
					if is || seq == 0 {
						continue
					}
					if got := seqAt(&tab, tagged(&tab, seq)); got != seq {
						t.Fatalf("add(%d) gave %d", seq, got)
					}
					want = slices.Insert(want, i, seq)
				} else if len(want) > 0 {
					i := r.IntN(len(want))
					if r.IntN(2) == 0 {
						i = 0
					}
					x := tab.find(want[i])
					tab.remove(x)
					if tab.holds(x, want[i]) {
						t.Fatalf("it holds %d, which was removed", want[i])
					}
					want = slices.Delete(want, i, i+1)
				}
				most = max(most, len(want))
				if step%50 == 0 {
					check(t, &tab, want, r)
				}
			}
			for len(want) > 0 {
				tab.remove(tab.from(0))
				want = want[1:]
			}
			check(t, &tab, want, r)
			if most < 1000 {
				t.Fatalf("there were %d at most", most)
			}
		})
	}
}

func (s sorted) top() uint64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1]
}

// A slot is found by its ref for as long as it is used, whatever comes above it
// and goes around it; and by no ref of one that is gone.
func TestRefsLast(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var tab table
	refs := make(map[uint64]ref)
	type gone struct {
		ref ref
		seq uint64
	}
	var past []gone
	seq := uint64(0)
	for range 100_000 {
		if n := len(refs); n < 10 || r.IntN(2000) > n {
			seq += 1 + r.Uint64N(2)
			refs[seq] = tagged(&tab, seq)
			continue
		}
		for s, x := range refs {
			tab.remove(x)
			delete(refs, s)
			past = append(past, gone{x, s})
			break
		}
	}
	for s, x := range refs {
		if seqAt(&tab, x) != s || !tab.holds(x, s) || tab.holds(x, s+1) || tab.find(s) != x {
			t.Fatalf("%d is at %d no more", s, x)
		}
	}
	for _, g := range past {
		if tab.holds(g.ref, g.seq) {
			t.Fatalf("%d is there, which is gone", g.seq)
		}
	}
}

// Legs that come in any order are few chunks, however they come.
func TestChunksAreFilled(t *testing.T) {
	const n = 64 * 1000
	orders := map[string]func(i int) uint64{
		"up":      func(i int) uint64 { return uint64(i + 1) },
		"down":    func(i int) uint64 { return uint64(n - i) },
		"twice":   func(i int) uint64 { return uint64(i%(n/2)*2 + i/(n/2) + 1) },
		"at once": func(i int) uint64 { return uint64(i)*(n+1)%(n+3) + 1 },
		"shuffled": func() func(int) uint64 {
			p := rand.New(rand.NewPCG(1, 2)).Perm(n)
			return func(i int) uint64 { return uint64(p[i] + 1) }
		}(),
	}
	for name, seq := range orders {
		t.Run(name, func(t *testing.T) {
			var tab table
			for i := range n {
				tab.add(seq(i))
			}
			if most := n / chunkSize * 5 / 2; len(tab.order) > most {
				t.Errorf("%d slots take %d chunks, which is more than %d", n, len(tab.order), most)
			}
			for _, number := range tab.order[:len(tab.order)-1] {
				if name == "up" && len(tab.chunks[number].slots) != chunkSize {
					t.Fatalf("a chunk has %d slots", len(tab.chunks[number].slots))
				}
			}
		})
	}
}

// An event whose record was copied comes a second time when a journal is read:
// it is removed and added again, and nothing else makes room for it.
func TestAddedAgain(t *testing.T) {
	var tab table
	for seq := range uint64(6400) {
		tab.add(seq + 1)
	}
	for seq := range uint64(6400) {
		tab.remove(tab.find(seq + 1))
		tab.add(seq + 1)
	}
	if len(tab.order) > 110 {
		t.Errorf("6400 slots take %d chunks", len(tab.order))
	}
}
