package promise_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

const crashConfig = `
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
backoff = { min = "1ms", max = "20ms" }
[[channels]]
name = "stock"
class = "command"
listen = "tcp://127.0.0.1:0"
backoff = { min = "1ms", max = "20ms" }
[[channels]]
name = "ledger"
class = "command"
listen = "tcp://127.0.0.1:0"
order_by = "event.subject"
backoff = { min = "1ms", max = "20ms" }
[[routes]]
name = "created"
type = ["com.example.created"]
channels = ["orders", "stock"]
[[routes]]
name = "paid"
type = ["com.example.paid"]
channels = ["ledger"]
`

// doomed are the legs whose work fails for good.
func doomed(at leg) bool { return portion(at.channel+at.id, 40) == 0 }

// fickle work fails for good, or for the first time, or not, by its leg's name.
func fickle(l *ledger) consumer.Work {
	return func(_ context.Context, d *delivery.Delivery) (any, error) {
		at := l.see(d)
		switch {
		case doomed(at):
			return nil, consumer.Failed("never")
		case portion("again"+at.id, 20) == 0 && d.Header.Attempt == 1:
			return nil, errors.New("not now")
		}
		l.act(at)
		return nil, nil
	}
}

// D2: a process that is killed at any moment loses no event that was accepted.
func TestD2KillsLoseNothing(t *testing.T) {
	dice := chance(t)
	r := newRouter(t, crashConfig)
	l := newLedger(t)
	for _, channel := range []string{"orders", "stock", "ledger"} {
		r.take(taking{channel: channel}, fickle(l))
		r.take(taking{channel: channel}, fickle(l))
	}
	producers := r.produce(l, 8, time.Millisecond, func(producer, n int) (string, []byte) {
		id := fmt.Sprintf("p%d-%d", producer, n)
		if n%3 == 0 {
			return id, order("paid", id, fmt.Sprintf("account-%d", portion(id, 20)))
		}
		return id, order("created", id, "")
	})
	kills := turns(20)
	for range kills {
		moment := time.Duration(dice.IntN(400)) * time.Millisecond
		time.Sleep(moment) // the kill comes whenever it comes
		r.crash()
		dropSome(r, l)
	}
	producers.halt()
	l.balance(r, doomed)
	r.crash()
	l.balance(r, doomed)
	r.drained()
	b := l.balance(r, doomed)
	if b.pending != 0 || b.dead == 0 || b.dropped == 0 || b.done == 0 {
		t.Errorf("the end is %v", b)
	}
	proved(t, "%d kills: 0 lost, %d deliveries came again, each of them flagged", kills+1, l.flagged())
}

// dropSome throws some dead letters away, as an operator does.
func dropSome(r *router, l *ledger) {
	dead, err := r.ask.Events(context.Background(), outbox.Filter{Channel: "orders", State: outbox.StateFailed, Limit: 3})
	if err != nil {
		r.Fatal(err)
	}
	for _, e := range dead {
		if err := r.act(admin.Drop, "orders", e.ID); err != nil {
			r.Fatal(err)
		}
		l.drop(leg{"orders", e.ID})
	}
}
