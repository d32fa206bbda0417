package index_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/headgate-io/headgate/core/journal/index"
)

var seeds = flag.Int("seeds", 20, "seeds of the random walks")

// walk drives a channel and the model side by side.
type walk struct {
	*testing.T
	*rand.Rand
	c      *index.Channel
	m      *model
	now    int64
	seq    uint64
	given  uint64 // the highest sequence handed out
	places uint32
	lanes  int
	step   int
}

func TestChannelIsTheModel(t *testing.T) {
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			w := &walk{T: t, Rand: r, c: index.New(), m: newModel(), now: 1, lanes: 1 + r.IntN(8)}
			for w.step = range 5000 {
				w.one()
				if got, want := w.c.Counts(), w.m.counts(); got != want {
					t.Fatalf("step %d: counts are %+v, want %+v", w.step, got, want)
				}
				if w.step%20 == 0 {
					w.compare()
				}
			}
			w.drain()
		})
	}
}

func (w *walk) one() {
	w.now += w.Int64N(50)
	switch n := w.IntN(1000); {
	case n < 250 && len(w.m.legs) < 150:
		w.add()
	case n < 500:
		w.take(w.now, w.IntN(6), w.wall())
	case n < 502:
		w.restart()
	case n < 515:
		w.unshelve(shelves[w.IntN(len(shelves))])
	default:
		w.change(n % 12)
	}
}

var shelves = []string{"p", "q", "r"}

func (w *walk) unshelve(name string) {
	w.Helper()
	if got, want := w.c.Unshelve(name), w.m.unshelve(name); got != want {
		w.Fatalf("step %d: Unshelve of %s gave %t", w.step, name, got)
	}
}

func (w *walk) place() index.Place {
	w.places++
	return index.Place{Segment: 1 + w.places%7, Offset: w.places}
}

func (w *walk) add() {
	w.seq += 1 + uint64(w.IntN(3))
	if w.IntN(500) == 0 {
		w.seq += 1 << 33
	}
	l := index.Leg{Seq: w.seq, Event: w.place(), Size: index.Size(w.Int64N(5000))}
	if n := w.IntN(w.lanes + 1); n > 0 {
		l.Lane, l.Park = uint64(n)<<40|1, n%2 == 0
	}
	w.c.Add(l)
	w.m.add(l)
}

func (w *walk) wall() uint64 {
	if w.IntN(3) > 0 {
		return 1 << 62
	}
	return w.seq - min(w.seq, uint64(w.IntN(10)))
}

func (w *walk) take(now int64, most int, upTo uint64) index.Taken {
	w.Helper()
	before := w.out()
	got, want := w.c.Take(now, most, upTo), w.m.take(now, most, upTo)
	if !slices.Equal(got.Legs, want.Legs) || got.Next != want.Next || got.Wall != want.Wall || got.Dry != want.Dry || got.More {
		w.Fatalf("step %d: Take gave\n%+v, want\n%+v", w.step, got, want)
	}
	for _, l := range got.Legs {
		w.given = max(w.given, l.Seq)
		w.isFair(before, l)
		before = append(before, l)
	}
	return got
}

func (w *walk) out() (legs []index.Leg) {
	w.c.Each(0, func(l index.Leg) bool {
		if l.Out {
			legs = append(legs, l)
		}
		return true
	})
	return legs
}

// isFair checks what is promised of a leg that was handed out, by no more than
// what legs there are.
func (w *walk) isFair(before []index.Leg, l index.Leg) {
	w.Helper()
	for _, b := range before {
		if b.Seq == l.Seq || b.Lane != 0 && b.Lane == l.Lane {
			w.Fatalf("step %d: %+v was handed out while %+v was", w.step, l, b)
		}
	}
	if l.Dead || l.Held || !l.Out || l.Due != 0 || l.Until != 0 {
		w.Fatalf("step %d: %+v was handed out", w.step, l)
	}
	for _, b := range w.m.legs {
		if b.Lane != 0 && b.Lane == l.Lane && b.Seq < l.Seq && !b.redone && !w.m.find(l.Seq).redone && (!b.Dead || b.Park) {
			w.Fatalf("step %d: %+v was handed out before %+v", w.step, l, b.Leg)
		}
	}
}

// change does one thing to a leg, mostly one that fits.
func (w *walk) change(what int) {
	if len(w.m.legs) == 0 {
		return
	}
	l := w.m.legs[w.IntN(len(w.m.legs))]
	for range 3 {
		if l.Out == (what < 5 || what > 9) && l.Dead == (what == 5) {
			break
		}
		l = w.m.legs[w.IntN(len(w.m.legs))]
	}
	p := l.Past
	p.State, p.Until = w.place(), 0
	switch what {
	case 0, 1:
		if l.Out || w.IntN(10) == 0 {
			w.c.End(l.Seq)
			w.m.end(l)
			w.c.End(l.Seq)
		}
	case 2:
		p.Failures++
		p.Due = 0
		w.c.Die(l.Seq, p)
		w.m.die(l, p)
	case 3:
		if !l.Out && l.at != "line" && l.at != "unseen" && l.at != "shelf" {
			return
		}
		p.Failures++
		if p.Due = 0; w.IntN(2) == 0 {
			p.Due = w.later()
		}
		w.c.Again(l.Seq, p, w.now)
		w.m.retry(l, p, w.now)
	case 4:
		w.c.Unsent(l.Seq)
		w.m.unsent(l)
	case 5:
		p.Failures, p.Due, p.Since = 0, 0, w.now
		w.c.Redrive(l.Seq, p)
		w.m.redrive(l, p)
	case 6:
		if l.Out && w.IntN(2) == 0 {
			p.Attempt, p.Due = p.Attempt-1, w.later() // it was made before the leg was handed out
		}
		w.c.Hold(l.Seq, p)
		w.m.hold(l, p)
	case 7, 8:
		w.c.Release(l.Seq, p, w.now)
		w.m.release(l, p, w.now)
	case 9:
		to := w.place()
		w.c.Move(l.Seq, to)
		l.Event = to
		if l.State != (index.Place{}) {
			w.c.Restate(l.Seq, to)
			l.State = to
		}
	default:
		name := shelves[w.IntN(len(shelves))]
		attempt := l.Attempt
		if w.IntN(10) == 0 {
			attempt-- // an older one
		}
		if got, want := w.c.Shelve(l.Seq, attempt, name), w.m.shelve(l, attempt, name); got != want {
			w.Fatalf("step %d: Shelve of %+v as attempt %d gave %t", w.step, l, attempt, got)
		}
	}
}

// later is a time that no other leg is due at.
func (w *walk) later() int64 {
	for {
		at := w.now + 1 + w.Int64N(5000)
		if !slices.ContainsFunc(w.m.legs, func(l *modelLeg) bool { return wait(l) == at }) {
			return at
		}
	}
}

// restart makes both anew, of what a journal has on disk.
func (w *walk) restart() {
	for _, l := range w.m.legs {
		if l.Out && w.IntN(2) == 0 {
			l.State, l.Until = w.place(), w.later()
			w.c.Lease(l.Seq, l.Past)
		}
	}
	var legs []index.Leg
	w.c.Each(0, func(l index.Leg) bool {
		if l.Out = false; l.State == (index.Place{}) {
			l.Past = index.Past{}
		}
		legs = append(legs, l)
		return true
	})
	redone := make(map[uint64]bool)
	for _, l := range w.m.legs {
		redone[l.Seq] = l.redone
	}
	w.c, w.m = index.New(), newModel()
	for _, i := range w.Perm(len(legs)) {
		w.c.Add(legs[i])
		w.m.add(legs[i])
	}
	for _, l := range w.m.legs {
		l.redone = redone[l.Seq]
	}
	w.c.Restarted(w.given)
	w.m.restarted(w.given)
	w.compare()
	for range w.IntN(40) { // as the rest of the records has it
		w.change(w.IntN(10)) // nothing is out that could be shelved
	}
	for range 2 { // the second time there is nothing
		if got, want := w.c.Resume(w.now), w.m.resume(w.now); !slices.Equal(got, want) {
			w.Fatalf("step %d: Resume gave\n%+v, want\n%+v", w.step, got, want)
		}
	}
	for range w.IntN(40) {
		w.change(w.IntN(12))
	}
}

func (w *walk) compare() {
	w.Helper()
	from := w.Uint64N(w.seq + 2)
	var got, want []index.Leg
	w.c.Each(from, func(l index.Leg) bool { got = append(got, l); return true })
	for _, l := range w.m.legs {
		if l.Seq >= from {
			want = append(want, l.Leg)
		}
	}
	if !slices.Equal(got, want) {
		w.Fatalf("step %d: legs from %d are\n%+v, want\n%+v", w.step, from, got, want)
	}
	for range 10 {
		seq := w.Uint64N(w.seq + 2)
		l, ok := w.c.Find(seq)
		if x := w.m.find(seq); ok != (x != nil) || ok && l != x.Leg {
			w.Fatalf("step %d: Find(%d) gave %+v %t", w.step, seq, l, ok)
		}
	}
}

// drain lets everything go and end: nothing is lost on the way.
func (w *walk) drain() {
	for _, l := range slices.Clone(w.m.legs) {
		p := l.Past
		switch {
		case l.Dead:
			w.c.Redrive(l.Seq, p)
			w.m.redrive(l, p)
		case l.Held:
			w.c.Release(l.Seq, p, w.now)
			w.m.release(l, p, w.now)
		}
	}
	for _, name := range shelves {
		w.unshelve(name)
	}
	w.now += 1 << 40
	for len(w.m.legs) > 0 {
		w.take(w.now, 7, 1<<62)
		out := w.out()
		if len(out) == 0 {
			w.Fatalf("%d legs are never handed out: %+v", len(w.m.legs), w.m.legs[0])
		}
		for _, l := range out {
			w.c.End(l.Seq)
			w.m.end(w.m.find(l.Seq))
		}
	}
	if got := w.c.Counts(); got != (index.Counts{}) {
		w.Fatalf("counts are %+v", got)
	}
	if got := w.take(w.now, 7, 1<<62); got.Next != 0 || !got.Dry {
		w.Fatalf("Take of nothing gave %+v", got)
	}
}
