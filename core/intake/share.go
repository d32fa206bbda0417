package intake

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

const (
	// lookEvery is how old a look at the store may be: one takes its lock.
	lookEvery = 10 * time.Millisecond
	// watchFrom is how full something is when it begins to be counted who takes
	// how much of it, so that it is known by shareFrom.
	watchFrom = 0.5
	// shareFrom is how full it is when who takes most is held back first.
	shareFrom = 0.8
	// shareHalf is the time in which half of what was taken is forgiven.
	shareHalf = 10 * time.Second
	// shareForget is after which a principal that does not come has no share, so
	// that the others have it: longer than the wait that is asked of who is held.
	shareForget = 30 * time.Second
)

// shares holds principals to fair shares of a channel, or of the whole store,
// that is nearly full. Between shareFrom and full, what one principal may have of
// all that was taken lately shrinks from all of it to an equal share. So the
// fullness itself finds the bound at which no more is taken than goes out, and
// who stays below it does not notice; one that is alone may fill everything.
type shares struct {
	stats func() outbox.Stats
	most  int // principals that are kept in mind, over all ways

	looked   atomic.Int64 // in nanoseconds since 1970
	watching atomic.Bool  // there are ways

	mu    sync.Mutex
	ways  map[string]*way // those beyond watchFrom, by channel
	kept  int
	swept time.Time
}

// wholeStore is the way that every command goes; no channel has that name.
const wholeStore = ""

// way is something that fills up.
type way struct {
	held, coming, most int64 // bytes: stored, at the store now, and in all
	total              recent
	by                 map[sdk.Principal]*taker
}

type taker struct {
	recent
	came time.Time
}

// recent is an amount that halves each shareHalf.
type recent struct {
	amount float64
	at     time.Time
}

// as gives the amount as of now.
func (r *recent) as(now time.Time) float64 {
	if passed := now.Sub(r.at); passed > 0 {
		r.amount *= math.Exp2(-float64(passed) / float64(shareHalf))
		r.at = now
	}
	return r.amount
}

func (r *recent) add(bytes float64, now time.Time) { r.amount = max(r.as(now)+bytes, 0) }

func newShares(stats func() outbox.Stats, most int) *shares {
	return &shares{stats: stats, most: most, ways: make(map[string]*way)}
}

// take counts an entry towards its principal's shares of the ways it goes, each
// of which may hold so many bytes; or refuses it.
func (s *shares) take(e *outbox.Entry, mayHold map[string]int64, now time.Time) error {
	if len(e.Targets) == 0 {
		return nil
	}
	if at := s.looked.Load(); now.UnixNano()-at >= int64(lookEvery) && s.looked.CompareAndSwap(at, now.UnixNano()) {
		s.look(mayHold, now)
	}
	if !s.watching.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var held error
	s.each(e, func(channel string, w *way) {
		if held == nil && w.holds(e.Principal, s.kept >= s.most, now) {
			held = &Problem{Code: ChannelFull, RetryAfter: retryFull, Reason: "share of " + wayName(channel)}
		}
	})
	if held == nil {
		bytes := int64(len(e.Event.Raw))
		s.each(e, func(_ string, w *way) { w.coming += bytes; s.count(w, e.Principal, bytes, now) })
	}
	return held
}

// settle ends what take began: the entry is stored, or it has taken nothing.
func (s *shares) settle(e *outbox.Entry, stored bool, now time.Time) {
	if len(e.Targets) == 0 || !s.watching.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bytes := int64(len(e.Event.Raw))
	s.each(e, func(_ string, w *way) {
		w.coming = max(w.coming-bytes, 0) // it was taken before the way was watched, maybe
		if stored {
			w.held += bytes // until the next look
		} else {
			s.count(w, e.Principal, -bytes, now)
		}
	})
}

// each gives the ways of an entry that are watched. Callers hold mu.
func (s *shares) each(e *outbox.Entry, do func(channel string, w *way)) {
	if w := s.ways[wholeStore]; w != nil {
		do(wholeStore, w)
	}
	for i := range e.Targets {
		if w := s.ways[e.Targets[i].Channel]; w != nil {
			do(e.Targets[i].Channel, w)
		}
	}
}

// count adds to what a principal took. Overflow policy: who cannot be kept in mind
// is counted for nobody, and held where there are shares. Callers hold mu.
func (s *shares) count(w *way, who sdk.Principal, bytes int64, now time.Time) {
	t := w.by[who]
	if t == nil {
		if bytes < 0 || s.kept >= s.most {
			return
		}
		t = new(taker)
		w.by[who] = t
		s.kept++
	}
	t.came = now
	t.add(float64(bytes), now)
	w.total.add(float64(bytes), now)
}

// holds tells whether a principal has more than its share. crowded says that no
// other one can be kept in mind. Callers hold mu.
func (w *way) holds(who sdk.Principal, crowded bool, now time.Time) bool {
	t := w.by[who]
	if t != nil {
		t.came = now
	}
	full := float64(w.held+w.coming) / float64(w.most)
	switch {
	case full < shareFrom:
		return false
	case t == nil:
		return crowded
	case len(w.by) == 1:
		return false
	}
	room := max(1-full, 0) / (1 - shareFrom) // from 1 to 0
	total := w.total.as(now)
	equal := total / float64(len(w.by))
	return t.as(now) > equal+room*(total-equal)
}

// look sees how full everything is.
func (s *shares) look(mayHold map[string]int64, now time.Time) {
	st := s.stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch(wholeStore, st.Bytes, st.Capacity)
	for channel, most := range mayHold {
		s.watch(channel, st.Channels[channel].Bytes, most)
	}
	for channel := range s.ways {
		if _, there := mayHold[channel]; !there && channel != wholeStore {
			s.drop(channel)
		}
	}
	s.watching.Store(len(s.ways) > 0)
	if now.Sub(s.swept) >= sweepEvery {
		s.swept = now
		s.sweep(now)
	}
}

// watch notes how full one way is. Callers hold mu.
func (s *shares) watch(channel string, held, most int64) {
	if most <= 0 || float64(held) < watchFrom*float64(most) {
		s.drop(channel)
		return
	}
	w := s.ways[channel]
	if w == nil {
		w = &way{by: make(map[sdk.Principal]*taker)}
		s.ways[channel] = w
	}
	w.held, w.most = held, most
}

func (s *shares) drop(channel string) {
	if w := s.ways[channel]; w != nil {
		s.kept -= len(w.by)
		delete(s.ways, channel)
	}
}

// sweep forgets who does not come any more. Callers hold mu.
func (s *shares) sweep(now time.Time) {
	for _, w := range s.ways {
		for who, t := range w.by {
			if now.Sub(t.came) >= shareForget {
				w.total.add(-t.as(now), now)
				delete(w.by, who)
				s.kept--
			}
		}
	}
}

func wayName(channel string) string {
	if channel == wholeStore {
		return "the store"
	}
	return channel
}
