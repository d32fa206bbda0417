package ids_test

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/ids"
)

func TestPlan(t *testing.T) {
	const period = int64(time.Hour) // of a set that remembers for four
	now := 10*period + 5
	run := func(count uint64, period int64) ids.Shape {
		return ids.Shape{Count: count, Newest: period * int64(time.Hour)}
	}
	bad := run(9, 9)
	bad.Bad = true
	for _, c := range []struct {
		name     string
		runs     []ids.Shape
		from, to int
	}{
		{"none", nil, 0, 0},
		{"one", []ids.Shape{run(5, 10)}, 0, 0},
		{"three of now", []ids.Shape{run(5, 10), run(5, 10), run(5, 10)}, 0, 0},
		{"four of now", []ids.Shape{run(5, 10), run(5, 10), run(5, 10), run(5, 10)}, 0, 4},
		{"behind a large one", []ids.Shape{run(99, 10), run(5, 10), run(5, 10), run(5, 10), run(5, 10)}, 1, 5},
		{"a large one among them", []ids.Shape{run(5, 10), run(99, 10), run(5, 10), run(5, 10), run(5, 10)}, 0, 5},
		{"larger than all after it", []ids.Shape{run(16, 10), run(5, 10), run(5, 10), run(5, 10)}, 0, 0},
		{"a period that is over", []ids.Shape{run(99, 9), run(1, 9), run(5, 10)}, 0, 2},
		{"one each of many", []ids.Shape{run(5, 7), run(5, 8), run(5, 9), run(5, 10)}, 0, 0},
		{"the youngest first", []ids.Shape{run(5, 8), run(5, 8), run(5, 9), run(5, 9)}, 2, 4},
		{"around a bad one", []ids.Shape{run(5, 9), bad, run(5, 9), bad, run(5, 9)}, 0, 0},
		{"beside a bad one", []ids.Shape{run(5, 9), run(5, 9), bad, run(5, 9)}, 0, 2},
		{"an heir before its neighbours", []ids.Shape{run(5, 10), run(5, 7), run(5, 8)}, 0, 0},
	} {
		if from, to := ids.Plan(4*time.Hour, c.runs, now); from != c.from || to != c.to {
			t.Errorf("%s: %d to %d, want %d to %d", c.name, from, to, c.from, c.to)
		}
	}
}

// Whatever the sizes, the runs of a period stay few, and ids are not rewritten
// often.
func TestPlanIsBounded(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		var runs []ids.Shape
		var total, written uint64
		for range 5000 {
			count := uint64(1)
			if seed > 0 {
				count += random.Uint64N(1 << random.IntN(18))
			}
			runs = append(runs, ids.Shape{Count: count, Newest: 1})
			total += count
			for {
				from, to := ids.Plan(time.Hour, runs, 1)
				if from == to {
					break
				}
				var sum uint64
				for _, r := range runs[from:to] {
					sum += r.Count
				}
				written += sum
				runs = slices.Replace(runs, from, to, ids.Shape{Count: sum, Newest: 1})
			}
			if most := 3 + bits.Len64(total); len(runs) > most {
				t.Fatalf("seed %d: %d runs of %d ids, want at most %d", seed, len(runs), total, most)
			}
		}
		if most := total * uint64(bits.Len64(total)); written > most {
			t.Errorf("seed %d: %d ids written for %d added, want at most %d", seed, written, total, most)
		}
	}
}
