package promise_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// flow is senders that post events with the tokens of the moment until they are
// halted. Each has to be accepted at once, whatever happens.
type flow struct {
	*load
	tokens atomic.Pointer[[]string]
	sent   atomic.Int64
	r      *router
}

// flow starts so many senders, whose events have ids of this name.
func (r *router) flow(l *ledger, name string, senders int, tokens ...string) *flow {
	f := &flow{load: &load{stop: make(chan struct{})}, r: r}
	f.tokens.Store(&tokens)
	for sender := range senders {
		f.going.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-f.stop:
					return
				case <-time.After(time.Millisecond):
				}
				with := *f.tokens.Load()
				id := fmt.Sprintf("%s-%d-%d", name, sender, n)
				a, err := r.edge.bear(context.Background(), with[n%len(with)], note(id))
				if err != nil || a.says() != accepted {
					r.Errorf("REFUSED: %s: %s, %v", id, a.Body, err)
					return
				}
				l.accept(id)
				f.sent.Add(1)
			}
		})
	}
	r.Cleanup(f.halt)
	return f
}

// pass waits until so many more events were accepted.
func (f *flow) pass(n int64) {
	f.r.Helper()
	until := f.sent.Load() + n
	f.r.eventually("more events pass", func() bool { return f.sent.Load() >= until || f.r.Failed() })
	if f.r.Failed() {
		f.r.FailNow()
	}
}
