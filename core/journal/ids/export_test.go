package ids

import "time"

// What tests need of the format, to make runs that are not what they seem.
const (
	PageSize    = pageSize
	PageEntries = pageEntries
	FewestRuns  = fewest
	ExactCost   = exactCost
)

var SealPage = sealPage

func (s *Set) Closing() bool { return s.closing.Load() }

// Shape is a run as a plan sees it.
type Shape struct {
	Count  uint64
	Newest int64
	Bad    bool
}

func Plan(remember time.Duration, shapes []Shape, now int64) (from, to int) {
	var runs []*run
	for _, s := range shapes {
		runs = append(runs, &run{header: header{count: s.Count, newest: s.Newest}, bad: s.Bad})
	}
	return periodsOf(remember).plan(runs, now)
}

// Shapes are those of the runs that the set has now, oldest first.
func (s *Set) Shapes() []Shape {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var shapes []Shape
	for _, r := range s.runs {
		shapes = append(shapes, Shape{r.count, r.newest, r.bad})
	}
	return shapes
}
