package server

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/headgate-io/headgate/sdk"
)

// place holds the open instance of a kind, and counts the calls of those that it
// held before.
type place[T any] struct {
	mu  sync.Mutex
	now *instance[T]
}

// instance is what an Open gave.
type instance[T any] struct {
	it      T
	calls   int             // under way; guarded by the place's mu, like retired
	retired bool            // it is closed with its last call
	ctx     context.Context // ends when it is retired
	retire  context.CancelFunc
}

func newInstance[T any](it T) *instance[T] {
	i := &instance[T]{it: it}
	i.ctx, i.retire = context.WithCancel(context.Background())
	return i
}

// take gives the open instance for one call, nil when there is none. Whoever
// takes gives back.
func (p *place[T]) take() *instance[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		p.now.calls++
	}
	return p.now
}

func (p *place[T]) giveBack(i *instance[T]) error {
	p.mu.Lock()
	i.calls--
	last := i.retired && i.calls == 0
	p.mu.Unlock()
	if last {
		return i.close()
	}
	return nil
}

// put opens the place with another instance, or with none. It errs when the one
// before had no calls and could not be closed.
func (p *place[T]) put(next *instance[T]) error {
	p.mu.Lock()
	old := p.now
	p.now = next
	last := false
	if old != nil {
		old.retired = true
		old.retire()
		last = old.calls == 0
	}
	p.mu.Unlock()
	if last {
		return old.close()
	}
	return nil
}

// close closes what can be closed. A panic there is an error like any.
func (i *instance[T]) close() (err error) {
	i.retire()
	c, ok := any(i.it).(io.Closer)
	if !ok {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			o := sdk.Panicked(p)
			err = fmt.Errorf("%s\n%s", o.Reason, o.Stack)
		}
	}()
	return c.Close()
}
