package promise_test

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// oneChannel is one channel with nothing special, and a route to it.
const oneChannel = `
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["orders"]
`

// D7: what a producer sends again is accepted once, whatever happened between.
func TestD7RetriesAreAcceptedOnce(t *testing.T) {
	r := newRouter(t, oneChannel)
	l := newLedger(t)
	name := func(i int) string { return fmt.Sprintf("retry-%d", i) }

	each(*ids, 32, func(i int) {
		a, err := r.edge.post(t.Context(), name(i), order("order.created", name(i), ""))
		if err != nil || a.says() != accepted {
			t.Errorf("%s: %s, %v", name(i), a.Body, err)
		}
		l.accept(name(i))
	})
	again := retries{router: r, name: name}
	r.crash()
	again.singly("after kill -9, before delivery")
	again.batched("the same in batches")
	again.conflicting("before delivery")

	r.take(taking{channel: "orders"}, doing(l))
	r.drained()
	again.batched("after delivery")
	r.stop()
	r.start()
	again.batched("after SIGTERM and a restart")
	r.crash()
	again.singly("after another kill -9")
	again.conflicting("after delivery and restarts")
	r.drained()

	b := l.balance(r, never)
	if b.done != *ids || b.legs != *ids {
		t.Errorf("%d ids: %v", *ids, b)
	}
	for at, attempts := range l.seen {
		if len(attempts) != 1 {
			t.Errorf("%v was delivered %d times", at, len(attempts))
		}
	}
	proved(t, "%d ids, %d retries: 0 second acceptances, 0 second deliveries", *ids, again.sent.Load())
}

// retries send every id again, signed and traced anew.
type retries struct {
	*router
	name func(int) string
	sent atomic.Int64
}

// event is the same event as at first, in other bytes.
func (s *retries) event(i int) []byte {
	trace := fmt.Sprintf(`,"traceparent":"00-%032x-%016x-01"`, s.sent.Add(1), i+1)
	return marked("order.created", s.name(i), "", trace)
}

func (s *retries) singly(when string) {
	s.Helper()
	each(*ids, 32, func(i int) {
		a, err := s.edge.post(s.Context(), s.name(i), s.event(i))
		if err != nil || a.says() != duplicate {
			s.Errorf("%s: %s: %s, %v", when, s.name(i), a.Body, err)
		}
	})
	s.unchanged(when)
}

func (s *retries) batched(when string) {
	s.Helper()
	const size = 500
	each((*ids+size-1)/size, 4, func(n int) {
		var events [][]byte
		for i := n * size; i < min((n+1)*size, *ids); i++ {
			events = append(events, s.event(i))
		}
		results, err := s.edge.batch(s.Context(), fmt.Sprintf("batch-%d", s.sent.Load()), events)
		if err != nil || len(results) != len(events) {
			s.Errorf("%s: %d results, %v", when, len(results), err)
		}
		for _, a := range results {
			if a.says() != duplicate {
				s.Errorf("%s: %s: %s", when, a.ID, a.says())
			}
		}
	})
	s.unchanged(when)
}

// conflicting sends other events under some of the ids.
func (s *retries) conflicting(when string) {
	s.Helper()
	each(*ids/20, 8, func(n int) {
		id := s.name(n * 20)
		a, err := s.edge.post(s.Context(), id, order("order.changed", id, ""))
		if err != nil || a.says() != "409 conflict" {
			s.Errorf("%s: another event as %s: %s, %v", when, id, a.Body, err)
		}
	})
	s.unchanged(when)
}

// unchanged wants that this process has accepted nothing.
func (s *retries) unchanged(when string) {
	s.Helper()
	if n := s.now().Intake.Accepted; n != 0 {
		s.Fatalf("%s: %d were accepted", when, n)
	}
}
