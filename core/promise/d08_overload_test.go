package promise_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// overloadConfig takes a fraction of what is offered.
const overloadConfig = oneChannel + `
[limits]
requests = 64
`

// overloadMemory bounds the router's memory while it is overloaded: 64 requests
// of 4 KiB with what serving them costs, the journal's caches, and the room
// that Go's collector takes for itself.
const overloadMemory = 96 << 20

// D8: a router whose disk is slow answers what it cannot take with 503, keeps
// what it has accepted, stays small, and recovers by itself.
func TestD8OverloadAnswersAndNeverLies(t *testing.T) {
	r := newRouter(t, overloadConfig)
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	s := r.trace("-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=100000")
	filler := fmt.Sprintf(`,"filler":"%s"`, strings.Repeat("x", 4000))
	var refused, most atomic.Int64
	said := make(map[string]int)
	var mu sync.Mutex
	each(3000, 640, func(i int) { // ten times as many at once as are worked on
		id := fmt.Sprintf("flood-%d", i)
		a, err := r.edge.post(t.Context(), id, marked("order.created", id, "", filler))
		if err != nil {
			t.Errorf("%s got no answer: %v", id, err)
			return
		}
		mu.Lock()
		said[a.says()]++
		mu.Unlock()
		switch {
		case a.says() == accepted:
			l.accept(id)
		case a.HTTP != http.StatusServiceUnavailable && a.HTTP != http.StatusTooManyRequests, a.RetryAfter == "":
			t.Errorf("%s: %s, Retry-After %q", id, a.says(), a.RetryAfter)
		default:
			refused.Add(1)
		}
		if i%50 == 0 {
			most.Store(max(most.Load(), r.rssAnon()))
		}
	})
	s.detach()
	n, _ := l.count()
	if n == 0 || refused.Load() < int64(n) {
		t.Errorf("it was no overload: %v", said)
	}
	if most.Load() > overloadMemory {
		t.Errorf("the router took %d MiB, at most %d are allowed", most.Load()>>20, overloadMemory>>20)
	}
	r.drained()
	each(200, 8, func(i int) {
		id := fmt.Sprintf("after-%d", i)
		a, err := r.edge.post(t.Context(), id, order("order.created", id, ""))
		if err != nil || a.says() != accepted {
			t.Errorf("after the overload: %s, %v", a.Body, err)
		}
		l.accept(id)
	})
	r.drained()
	l.balance(r, never)
	proved(t, "%v, %d MiB at most", said, most.Load()>>20)
}
