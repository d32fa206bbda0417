package ids

import "time"

// minPeriod keeps seals by age, and so the runs of a set that is hardly used,
// to six an hour.
const minPeriod = 10 * time.Minute

// fewest is how many runs of the present period a merge takes at least.
const fewest = 4

// periods cuts time so that a run holds no more than one period, and is
// dropped no later than about one period after its ids have expired.
type periods time.Duration

func periodsOf(remember time.Duration) periods { return periods(max(remember/4, minPeriod)) }

// of tells in which period a moment lies, given in Unix nanoseconds.
func (p periods) of(at int64) int64 { return at / int64(p) }

// plan chooses the runs to merge next, those from the first to before the
// last; none when from equals to. Only neighbours of one period are merged.
//
// Once a period is over, its runs become one. In the present one, the longest
// tail of at least four is merged whose oldest run is not larger than the rest
// of it. Then each run left, but for the last three, is larger than all after
// it together: there are at most 3 + log2(ids) of them whatever their sizes,
// and an id is rewritten at most log2(ids) times, and once when its period ends.
func (p periods) plan(runs []*run, now int64) (from, to int) {
	for to = len(runs); to > 0; to = from {
		from = to - 1
		if runs[from].bad {
			continue
		}
		period := p.of(runs[from].newest)
		for from > 0 && !runs[from-1].bad && p.of(runs[from-1].newest) == period {
			from--
		}
		tail := from
		if period >= p.of(now) {
			tail += longTail(runs[from:to])
		}
		if to-tail > 1 {
			return tail, to
		}
	}
	return 0, 0
}

// longTail gives the start of the tail to merge, or the end for none.
func longTail(runs []*run) int {
	tail := len(runs)
	var after uint64
	for i := len(runs) - 1; i >= 0; i-- {
		if len(runs)-i >= fewest && runs[i].count <= after {
			tail = i
		}
		after += runs[i].count
	}
	return tail
}
