package promise_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
)

// restartConfig lets a router end while consumers are at work: some of it takes
// longer than its drain.
const restartConfig = oneChannel + `
[limits]
drain = "1s"
`

const (
	drainTime = time.Second
	aim       = 60 * time.Millisecond
)

// D10: a restart by SIGTERM loses nothing, and gives no work to a second
// consumer that the first one brings to its end.
func TestD10RestartsDoubleNothing(t *testing.T) {
	dice := chance(t)
	r := newRouter(t, restartConfig)
	l := newLedger(t)
	var generation, across atomic.Int64
	var signalled atomic.Pointer[chan struct{}] // closed when the router is told to end
	arm := func() chan struct{} { c := make(chan struct{}); signalled.Store(&c); return c }
	signal := arm()
	work := func(_ context.Context, d *delivery.Delivery) (any, error) {
		at := l.see(d)
		began := generation.Load()
		select { // the work
		case <-time.After(time.Duration(portion(at.id, 1500)) * time.Millisecond):
		case <-*signalled.Load(): // then it ends just when the router does, before and after
			time.Sleep(drainTime - aim + time.Duration(portion(at.id, uint64(2*aim))))
		}
		if generation.Load() != began {
			across.Add(1)
		}
		l.act(at)
		return nil, nil
	}
	for range 4 {
		r.take(taking{channel: "orders"}, work)
	}
	producers := r.produce(l, 8, 60*time.Millisecond, func(producer, n int) (string, []byte) {
		id := fmt.Sprintf("p%d-%d", producer, n)
		return id, order("order.created", id, "")
	})
	restarts := turns(10)
	for cycle := range restarts {
		r.eventually("consumers hold work, and have not fallen behind", func() bool {
			c := r.channel("orders")
			return c.Out > 16 && c.Pending < 1000
		})
		time.Sleep(time.Duration(dice.IntN(200)) * time.Millisecond) // the signal comes whenever it comes
		under := r.underWay(l, cycle)
		r.terminate()
		close(signal)
		under.answered()
		r.ended()
		generation.Add(1)
		signal = arm()
		r.start()
	}
	producers.halt()
	r.drained()
	b := l.balance(r, never)
	if b.pending != 0 {
		t.Errorf("the end is %v", b)
	}
	doubled := 0
	for at, attempts := range l.seen {
		if len(attempts) > 1 {
			doubled++
			t.Errorf("DOUBLED: %v was settled within its lease and came again: %v", at, attempts)
		}
	}
	if across.Load() == 0 {
		t.Error("no work went on across a restart")
	}
	proved(t, "%d restarts: %d pieces of work across them, %d doubled", restarts, across.Load(), doubled)
}

// underWay is requests that the router has begun with and not answered.
type underWay struct {
	*router
	l     *ledger
	going sync.WaitGroup
	halfs []*half
}

// half is a request of which the last byte has not been sent.
type half struct {
	id   string
	conn net.Conn
	said *bufio.Reader
	rest []byte
}

// underWay begins requests that are still there when the signal comes: some
// that wait for the end of their event, and some that have not come whole.
func (r *router) underWay(l *ledger, cycle int) *underWay {
	r.Helper()
	u := &underWay{router: r, l: l}
	const waiting = 4
	before := r.now().Intake.Accepted
	for n := range waiting {
		id := fmt.Sprintf("waits-%d-%d", cycle, n)
		u.going.Go(func() {
			req, err := r.edge.request(r.Context(), "application/cloudevents+json", id, order("order.created", id, ""), time.Now())
			if err != nil {
				r.Error(err)
				return
			}
			req.Header.Set("Prefer", "wait=25")
			a, err := r.edge.do(req)
			if err != nil || a.HTTP != http.StatusAccepted && a.HTTP != http.StatusOK {
				r.Errorf("UNANSWERED: %s: %s, %v", id, a.Body, err)
				return
			}
			l.accept(id)
		})
	}
	r.eventually("they are accepted", func() bool { return r.now().Intake.Accepted >= before+waiting })
	for n := range waiting {
		id := fmt.Sprintf("half-%d-%d", cycle, n)
		req, err := r.edge.request(r.Context(), "application/cloudevents+json", id, order("order.created", id, ""), time.Now())
		if err != nil {
			r.Fatal(err)
		}
		req.Header.Set("Expect", "100-continue")
		var whole strings.Builder
		if err := req.Write(&whole); err != nil {
			r.Fatal(err)
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.edge.url, "http://"))
		if err != nil {
			r.Fatal(err)
		}
		text := []byte(whole.String())
		if _, err := conn.Write(text[:len(text)-1]); err != nil {
			r.Fatal(err)
		}
		h := &half{id, conn, bufio.NewReader(conn), text[len(text)-1:]}
		u.halfs = append(u.halfs, h)
	}
	for _, h := range u.halfs { // "100 Continue" says that the router reads the rest
		if resp, err := http.ReadResponse(h.said, nil); err != nil || resp.StatusCode != http.StatusContinue {
			r.Fatalf("%s: %v, %v", h.id, resp, err)
		}
	}
	return u
}

// answered wants an answer to each, now that the router drains.
func (u *underWay) answered() {
	u.Helper()
	for _, h := range u.halfs {
		u.going.Go(func() { u.finish(h) })
	}
	u.going.Wait()
}

// finish sends what is left of a request and reads its answer. What is refused
// is sent again to the next router, as producers do.
func (u *underWay) finish(h *half) {
	u.Helper()
	defer h.conn.Close()
	if _, err := h.conn.Write(h.rest); err != nil {
		u.Errorf("UNANSWERED: %s: %v", h.id, err)
		return
	}
	resp, err := http.ReadResponse(h.said, nil)
	if err != nil {
		u.Errorf("UNANSWERED: %s: %v", h.id, err)
		return
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		u.Errorf("UNANSWERED: %s: %v", h.id, err)
	}
	switch {
	case resp.StatusCode == http.StatusAccepted:
		u.l.accept(h.id)
	case resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "":
		u.Errorf("%s: %d %s", h.id, resp.StatusCode, body)
	}
}

// D10: what reports progress keeps its lease over a restart, for longer than
// ack_timeout.
func TestD10ProgressKeepsALease(t *testing.T) {
	r := newRouter(t, strings.Replace(restartConfig, `class = "command"`, "class = \"command\"\nack_timeout = \"2s\"", 1))
	l := newLedger(t)
	release := make(chan struct{})
	for range 2 {
		r.take(taking{channel: "orders", progress: 100 * time.Millisecond}, func(_ context.Context, d *delivery.Delivery) (any, error) {
			at := l.see(d)
			<-release
			l.act(at)
			return nil, nil
		})
	}
	const events = 2 // one for each: a new connection has credit for one
	for n := range events {
		id := fmt.Sprintf("long-%d", n)
		if _, err := r.edge.insist(t.Context(), id, order("order.created", id, "")); err != nil {
			t.Fatal(err)
		}
		l.accept(id)
	}
	r.eventually("they are at work", func() bool { return r.channel("orders").Out == events })
	r.stop()
	r.start()
	time.Sleep(5 * time.Second) // the leases would have lapsed twice
	close(release)
	r.drained()
	l.balance(r, never)
	for at, attempts := range l.seen {
		if len(attempts) != 1 {
			t.Errorf("DOUBLED: %v reported progress and came again: %v", at, attempts)
		}
	}
}
