package promise_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
)

const backlogConfig = `
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
prefetch = 256
ack_timeout = "20s"
max_hold = "20s"
max_pending = "100%"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["orders"]
`

// fewSegments is what a journal may keep of a backlog that is gone, and whose
// end nobody can ask for any more: the segment it writes, the spare one, and
// those that are not worth moving things for.
const fewSegments = 6 * 64 << 20

// D11: a router with a backlog accepts and delivers at once after kill -9, and
// all of the backlog.
func TestD11ABacklogDoesNotDelay(t *testing.T) {
	r := newRouter(t, backlogConfig+"[journal]\ncapacity = \""+fmt.Sprint(max(4, *backlog/400_000))+"GiB\"\nkeep_status = \"20s\"\n")
	filler := fmt.Sprintf(`,"filler":"%s"`, strings.Repeat("x", 800))
	const size = 500
	each((*backlog+size-1)/size, 4, func(n int) {
		var events [][]byte
		for i := n * size; i < min((n+1)*size, *backlog); i++ {
			id := fmt.Sprintf("back-%d", i)
			events = append(events, marked("order.created", id, "", filler))
		}
		results, err := r.edge.batch(t.Context(), fmt.Sprintf("batch-%d", n), events)
		if err != nil {
			t.Errorf("batch %d: %v", n, err)
		}
		for _, a := range results {
			if a.says() != accepted {
				t.Errorf("%s: %s", a.ID, a.says())
			}
		}
	})
	r.kill()

	began := time.Now()
	r.launch()
	a, err := r.edge.insist(t.Context(), "first", order("order.created", "first", ""))
	if err != nil || a.says() != accepted {
		t.Fatalf("%s: %v", a.Body, err)
	}
	taken := time.Since(began)
	r.eventually("the router answers", func() bool { _, err := r.ask.Top(t.Context()); return err == nil })
	var mu sync.Mutex
	seen := make(map[string]int, *backlog)
	var delivered time.Duration
	r.take(taking{channel: "orders", parallel: 256}, func(_ context.Context, d *delivery.Delivery) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		if len(seen) == 0 {
			delivered = time.Since(began)
		}
		seen[d.Event.ID]++
		return nil, nil
	})
	for end := time.Now().Add(patience + time.Duration(*backlog)*time.Millisecond); r.channel("orders").Pending > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the backlog does not drain")
		}
	}
	if len(seen) != *backlog+1 {
		t.Errorf("LOST: %d of %d were delivered", len(seen), *backlog+1)
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s was delivered %d times", id, times)
		}
	}
	r.eventually("the disk is given back", func() bool { return r.now().Outbox.Disk.Bytes <= fewSegments })
	disk := r.now().Outbox.Disk
	proved(t, "%d pending: accepting after %.2f s, the first delivery after %.2f s; at the end %d MiB in %d segments", *backlog,
		taken.Seconds(), delivered.Seconds(), disk.Bytes>>20, disk.Segments)
}
