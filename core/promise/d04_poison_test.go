package promise_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

const poisonConfig = `
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
ack_timeout = "500ms"
max_attempts = 4
backoff = { min = "1ms", max = "50ms" }
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["orders"]
[limits]
drain = "100ms"
`

// poison tells what is wrong with an event: one in a hundred always fails, one
// in a hundred never comes to an end.
func poison(id string) string {
	switch portion(id, 100) {
	case 0:
		return "failed"
	case 1:
		return "lapsed"
	}
	return ""
}

// D4: poison ends in the dead letters, once and with its history, and nothing
// healthy does, over restarts and on a link that is cut again and again.
func TestD4OnlyPoisonDies(t *testing.T) {
	dice := chance(t)
	r := newRouter(t, poisonConfig)
	l := newLedger(t)
	work := func(ctx context.Context, d *delivery.Delivery) (any, error) {
		at := l.see(d)
		switch poison(at.id) {
		case "failed":
			return nil, consumer.Failed("poison")
		case "lapsed":
			select { // until long after its lease, so that the connection gets its credit back
			case <-ctx.Done():
			case <-time.After(2 * time.Second):
			}
			return nil, consumer.Retry(0, "too late")
		}
		l.act(at)
		return nil, nil
	}
	flapping := r.relay(r.address("orders"))
	r.take(taking{channel: "orders", by: flapping.endpoint()}, work)
	r.take(taking{channel: "orders"}, work)

	const events = 1500
	restarts := turns(10)
	for cycle := range restarts {
		each(events/restarts, 8, func(n int) {
			id := fmt.Sprintf("e%d-%d", cycle, n)
			if _, err := r.edge.insist(t.Context(), id, order("order.created", id, "")); err != nil {
				t.Errorf("send: %v", err)
			}
			l.accept(id)
		})
		flapping.cut()
		time.Sleep(time.Duration(dice.IntN(200)) * time.Millisecond) // the end comes whenever it comes
		if cycle%2 == 0 {
			r.crash()
		} else {
			r.stop()
			r.start()
		}
	}
	r.drained()
	b := l.balance(r, func(at leg) bool { return poison(at.id) != "" })
	sick := 0
	for id := range l.accepted {
		if kind := poison(id); kind != "" {
			sick++
			r.buried(id, kind)
		}
	}
	if sick == 0 || b.dead != sick || b.done != len(l.accepted)-sick {
		t.Errorf("%d accepted, %d of them poison: %v", len(l.accepted), sick, b)
	}
	proved(t, "%d restarts, %d poisoned of %d: %d dead, 0 healthy ones", restarts, sick, len(l.accepted), b.dead)
}

// buried wants an event dead with the history of its kind of poison.
func (r *router) buried(id, kind string) {
	r.Helper()
	c := r.event(id).Channels[0]
	if c.State != outbox.StateFailed {
		r.Errorf("%s is %s", id, c.State)
	}
	told := map[string]int{}
	for _, try := range c.History {
		told[try.What]++
	}
	switch {
	case kind == "failed" && told["failed"] != 1:
		r.Errorf("%s failed once, its history is %+v", id, c.History)
	case kind == "lapsed" && (told["lapsed"]+told["lost"] != 4 || told["lapsed"] == 0):
		r.Errorf("%s lapsed or was lost 4 times, its history is %+v", id, c.History)
	}
}
