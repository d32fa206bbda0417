package promise_test

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
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
	each(3000*turns(1), 640, func(i int) { // ten times as many at once as are worked on
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

// another gives one more principal, with a key of its own, to a router that runs.
func (r *router) another(id string) *edge {
	r.Helper()
	secret := webhook.NewSecret()
	signer, err := webhook.NewHMACSigner(secret)
	err = errors.Join(err, config.WriteKey(filepath.Join(r.dir, "keys"), config.Key{ID: id, Principal: id, State: "active",
		Sources: []string{"//shop.example/**"}, Types: []string{"com.example.**"}}, webhook.FormatSecret(secret)))
	if err != nil {
		r.Fatal(err)
	}
	e := newEdge(r.T, r.edge.url, signer)
	e.key = id
	return e
}

// known waits until a router takes the keys of all senders.
func (r *router) known(senders ...*edge) {
	r.Helper()
	for _, s := range senders {
		r.eventually("the key of "+s.key+" counts", func() bool {
			a, err := s.post(r.Context(), "no-route", order("nothing", "no-route", "")) // nobody takes it
			return err == nil && a.says() == "422 no_route"
		})
	}
}

// ratedConfig has a second door, where each principal has a rate.
const ratedConfig = `
[limits]
admission = "400/s"
[[ingress]]
name = "rated"
listen = "http://127.0.0.1:0"
rate = { per_principal = "20/s", burst = 40 }
` + oneChannel

// D8: what is beyond a rate is refused as such, all else is taken and delivered,
// and who was refused needs nothing but to come again.
func TestD8RatesAnswerAndNeverLie(t *testing.T) {
	r := newRouter(t, ratedConfig)
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	rated := newEdge(t, r.top.Doors[1].Address, r.edge.signer)
	said := make(map[string]int)
	var mu sync.Mutex
	each(2000*turns(1), 16, func(i int) {
		id, by := fmt.Sprintf("rated-%d", i), rated
		if i%2 == 0 {
			by = r.edge
		}
		a, err := by.post(t.Context(), id, order("order.created", id, ""))
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
		case a.says() == "429 rate_limited" && by == r.edge:
			t.Errorf("%s is refused by the rate of another door", id)
		case a.says() != "503 overloaded" && a.says() != "429 rate_limited", a.RetryAfter == "":
			t.Errorf("%s: %s, Retry-After %q", id, a.says(), a.RetryAfter)
		}
	})
	if said[accepted] == 0 || said["503 overloaded"] == 0 || said["429 rate_limited"] == 0 {
		t.Errorf("it was no overload: %v", said)
	}
	for i := range 10 {
		id := fmt.Sprintf("later-%d", i)
		if _, err := rated.insist(t.Context(), id, order("order.created", id, "")); err != nil {
			t.Error(err)
		}
		l.accept(id)
	}
	r.drained()
	l.balance(r, never)
	proved(t, "%v", said)
}

// D8: of a channel that fills up, because nobody consumes, one sender that floods
// leaves the others their share; and all goes on once somebody does.
func TestD8AFlooderLeavesTheOthersTheirShare(t *testing.T) {
	r := newRouter(t, strings.Replace(oneChannel, `class = "command"`, "class = \"command\"\nmax_pending = \"2MiB\"", 1))
	l := newLedger(t)
	others := make([]*edge, 9)
	for i := range others {
		others[i] = r.another(fmt.Sprintf("other-%d", i))
	}
	r.known(others...)
	filler := fmt.Sprintf(`,"filler":"%s"`, strings.Repeat("x", 4000))
	var flooded atomic.Int64
	flood := func() answer {
		id := fmt.Sprintf("flood-%d", flooded.Add(1))
		a, err := r.edge.post(t.Context(), id, marked("order.created", id, "", filler))
		switch {
		case err != nil:
			t.Errorf("%s got no answer: %v", id, err)
		case a.says() == accepted:
			l.accept(id)
		case a.says() != "503 channel_full" || a.RetryAfter == "":
			t.Errorf("%s: %s, Retry-After %q", id, a.says(), a.RetryAfter)
		}
		return a
	}
	little := func(round string) {
		for n, by := range others {
			id := fmt.Sprintf("little-%s-%d", round, n)
			if a, err := by.post(t.Context(), id, order("order.created", id, "")); err != nil || a.says() != accepted {
				t.Errorf("%s, of one who sends little: %s, %v", id, a.says(), err)
			}
			l.accept(id)
		}
	}
	for r.now().Outbox.Channels["orders"].Bytes < 1200<<10 { // more than half: it is watched
		flood()
	}
	time.Sleep(20 * time.Millisecond) // the router looks each 10 ms
	flood()
	little("before")
	r.eventually("the flooder is held", func() bool { return flood().says() != accepted })
	held := r.now().Outbox.Channels["orders"].Bytes
	refused := 0
	for round := range 10 {
		each(50, 10, func(int) { flood() })
		little(fmt.Sprint(round))
	}
	for range 100 {
		if flood().says() != accepted {
			refused++
		}
	}
	if refused == 0 || held > 1900<<10 {
		t.Errorf("the flooder was held at %d bytes, and refused %d of 100 times", held, refused)
	}
	r.take(taking{channel: "orders"}, doing(l))
	r.drained()
	r.eventually("the flooder is taken again", func() bool { return flood().says() == accepted })
	r.drained()
	l.balance(r, never)
	n, _ := l.count()
	proved(t, "held at %d KiB of 2048, of %d others' events 0 refused; %d accepted in all", held>>10, 11*len(others), n)
}
