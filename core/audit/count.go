package audit

import (
	"sync"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// sumsMost is how many tallies are kept apart in a minute; the rest shares one.
const sumsMost = 4096

// Tally is what telemetry is summed by. Nothing in it may be made up by a sender
// who was not proven.
type Tally struct {
	Principal sdk.Principal
	Ingress   string
	Route     string
	Channel   string
	Outcome   string // Success for sent, Failure for dropped
	Reason    string // why dropped
}

// sums are the tallies of a minute.
type sums struct {
	mu    sync.Mutex
	since time.Time
	of    map[Tally]*sum
}

type sum struct{ events, bytes uint64 }

// Count adds events of telemetry to what is written each minute as a
// telemetry.sum for each tally. It never blocks.
func (l *Log) Count(of Tally, events, bytes uint64) {
	s := &l.sums
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(of, events, bytes, l.o.Now)
}

func (s *sums) add(of Tally, events, bytes uint64, now func() time.Time) {
	if s.of == nil {
		s.of, s.since = make(map[Tally]*sum), now()
	}
	t := s.of[of]
	if t == nil {
		if len(s.of) >= sumsMost {
			of = Tally{Reason: "other"}
			t = s.of[of]
		}
		if t == nil {
			t = new(sum)
			s.of[of] = t
		}
	}
	t.events += events
	t.bytes += bytes
}

// take gives the tallies of a minute that is over, or of any.
func (s *sums) take(now time.Time, all bool) (since time.Time, of map[Tally]*sum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil || !all && now.Sub(s.since) < time.Minute {
		return since, nil
	}
	since, of = s.since, s.of
	s.of = nil
	return since, of
}
