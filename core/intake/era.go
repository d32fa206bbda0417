package intake

import (
	"context"
	"sync"
	"sync/atomic"
)

// era is the time of one generation: from its Use to the end of the last
// acceptance that began with it.
type era struct {
	*Generation
	users  atomic.Int64
	past   atomic.Bool
	before atomic.Pointer[era]
	over   chan struct{} // closed when it is past and nobody uses it
	close  sync.Once
}

// visit is one acceptance in an era.
type visit struct {
	*era
	left bool
}

func newEra(g *Generation) *era { return &era{Generation: g, over: make(chan struct{})} }

// enter gives the era of now, which lasts until the visit has left.
func (in *Intake) enter() *visit {
	for {
		e := in.now.Load()
		e.users.Add(1)
		if in.now.Load() == e {
			return &visit{era: e}
		}
		e.leave() // it may have been over already
	}
}

func (v *visit) leave() {
	if !v.left {
		v.left = true
		v.era.leave()
	}
}

func (e *era) leave() {
	if e.users.Add(-1) == 0 {
		e.end()
	}
}

func (e *era) end() {
	if e.past.Load() && e.users.Load() == 0 {
		e.close.Do(func() { close(e.over) })
	}
}

// Use swaps the rules; acceptances under way end with those they began with.
func (in *Intake) Use(g *Generation) {
	in.admission.use(g.Admission, in.o.Now())
	e := newEra(g)
	was := in.now.Swap(e)
	e.before.Store(was)
	was.past.Store(true)
	was.end()
	was.forget()
}

// forget lets go of those before it that are over: else all that ever was is kept.
func (e *era) forget() {
	for ; e != nil; e = e.before.Load() {
		b := e.before.Load()
		for b != nil && b.isOver() {
			b = b.before.Load()
		}
		e.before.Store(b)
	}
}

// Settled waits until every acceptance that began with other rules than those of
// now has ended, or ctx has.
func (in *Intake) Settled(ctx context.Context) error {
	for e := in.now.Load().before.Load(); e != nil; e = e.before.Load() {
		select {
		case <-e.over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (e *era) isOver() bool {
	select {
	case <-e.over:
		return true
	default:
		return false
	}
}
