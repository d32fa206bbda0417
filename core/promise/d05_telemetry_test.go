package promise_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/sdk/zmq"
)

const telemetryConfig = `
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
[[channels]]
name = "view"
class = "telemetry"
listen = "tcp://127.0.0.1:0"
high_water_mark = 50
[[routes]]
name = "both"
type = ["com.example.order.*"]
channels = ["orders", "view"]
[[routes]]
name = "readings"
type = ["com.example.reading.*"]
channels = ["view"]
[limits]
telemetry_ring = 16
write_timeout = "5m"
heartbeat = "0s"
`

// listener is a subscriber that counts what it receives, once it may begin.
type listener struct {
	received atomic.Uint64
	begin    chan struct{}
}

// listen starts a subscriber. One that has not begun takes as much as its
// socket's buffers do, and nothing more.
func (r *router) listen(channel string) *listener {
	r.Helper()
	l := &listener{begin: make(chan struct{})}
	socket := zmq.NewSub(zmq.Options{Queue: 1})
	if err := socket.Connect(r.address(channel)); err != nil {
		r.Fatal(err)
	}
	socket.Subscribe("")
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() { _ = socket.Run(ctx) })
	going.Go(func() {
		select {
		case <-l.begin:
		case <-ctx.Done():
		}
		for {
			if _, err := socket.Recv(ctx); err != nil {
				return
			}
			l.received.Add(1)
		}
	})
	r.Cleanup(func() { cancel(); going.Wait() })
	return l
}

// D5: telemetry is handed over or counted as dropped, each event once for each
// subscriber, and commands do not notice.
func TestD5TelemetryIsCounted(t *testing.T) {
	r := newRouter(t, telemetryConfig)
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	fast, slow := r.listen("view"), r.listen("view")
	close(fast.begin)
	view := func() admin.Telemetry { return r.now().Telemetry[0] }
	r.eventually("both listen", func() bool {
		conns := view().Socket.Connections
		return len(conns) == 2 && conns[0].Topics == 1 && conns[1].Topics == 1
	})

	const readings, orders = 2000, 1000
	filler := fmt.Sprintf(`,"filler":"%s"`, strings.Repeat("x", 4000))
	var published atomic.Uint64
	each(readings+orders, 16, func(i int) {
		id, kind, want := fmt.Sprintf("t%d", i), "reading.temperature", "202 queued"
		if i%3 == 0 {
			kind, want = "order.created", accepted
		}
		event := marked(kind, id, "", filler)
		a, err := r.edge.post(t.Context(), id, event)
		if err != nil || a.says() != want {
			t.Errorf("%s: %s, %v", id, a.Body, err)
			return
		}
		published.Add(1)
		if want == accepted {
			l.accept(id)
		}
	})
	r.drained()
	n, done := l.count()
	if n != orders || done != orders {
		t.Errorf("of %d commands %d are done", n, done)
	}
	var c admin.Telemetry
	r.eventually("the ring is empty", func() bool {
		c = view()
		return c.Published+c.RingDropped == published.Load()
	})
	close(slow.begin)
	r.eventually("nothing is queued", func() bool { c = view(); return c.Queued == 0 })
	if c.Sent+c.Dropped != 2*c.Published {
		t.Errorf("sent %d + dropped %d, of %d for 2 subscribers", c.Sent, c.Dropped, c.Published)
	}
	r.eventually("all that was sent is received", func() bool { return fast.received.Load()+slow.received.Load() == c.Sent })
	if c.Dropped == 0 {
		t.Error("nothing was dropped: it was no overload")
	}
	proved(t, "%d sent: %d left out at the ring; of %d for 2 subscribers received %d (slow one %d) + dropped %d; %d commands done",
		published.Load(), c.RingDropped, c.Published, fast.received.Load()+slow.received.Load(), slow.received.Load(), c.Dropped, done)
}
