package promise_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// batches is a consumer that works on many events at once.
type batches struct {
	*consumer.Consumer
	largest atomic.Int64
	stop    func()
}

// takeTogether starts one. A transaction now and then fails as a whole; in the
// others each event ends as fickle work has it.
func (r *router) takeTogether(l *ledger, channel string) *batches {
	r.Helper()
	c, err := consumer.New(consumer.Options{Connect: []string{r.address(channel)}, Channel: channel, Keys: consumer.Pinned(r.keys), Remember: 1})
	if err != nil {
		r.Fatal(err)
	}
	b, one, turn := &batches{Consumer: c}, fickle(l), 0
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() {
		err := c.RunBatches(ctx, prefetch/2, func(ctx context.Context, batch []*delivery.Delivery) ([]consumer.End, error) {
			b.largest.Store(max(b.largest.Load(), int64(len(batch))))
			if turn++; turn%10 == 0 {
				for _, d := range batch {
					l.see(d)
				}
				return nil, errors.New("rolled back")
			}
			ends := make([]consumer.End, len(batch))
			for i, d := range batch {
				ends[i].Result, ends[i].Err = one(ctx, d)
			}
			return ends, nil
		})
		if err != nil {
			r.Errorf("consumer of %s: %v", channel, err)
		}
	})
	b.stop = func() { cancel(); going.Wait() }
	r.Cleanup(b.stop)
	return b
}

// Work on batches loses no event and replies for each, through batches that fail,
// kills of the router and consumers that come and go.
func TestBatchesLoseNothing(t *testing.T) {
	r := newRouter(t, crashConfig)
	l := newLedger(t)
	r.take(taking{channel: "stock"}, fickle(l))
	var largest int64
	take := func() (stop func()) {
		b := []*batches{r.takeTogether(l, "orders"), r.takeTogether(l, "ledger")}
		return func() {
			for _, x := range b {
				x.stop()
				largest = max(largest, x.largest.Load())
			}
		}
	}
	stop := take()
	producers := r.produce(l, 8, time.Millisecond, func(producer, n int) (string, []byte) {
		id := fmt.Sprintf("p%d-%d", producer, n)
		if n%3 == 0 {
			return id, order("paid", id, fmt.Sprintf("account-%d", portion(id, 20)))
		}
		return id, order("created", id, "")
	})
	for turn := range turns(4) {
		before, _ := l.count()
		r.eventually("more events", func() bool { now, _ := l.count(); return now > before+300 })
		if turn%2 == 0 {
			r.crash()
			continue
		}
		stop()
		now, _ := l.count()
		r.eventually("events that wait", func() bool { later, _ := l.count(); return later > now+200 })
		stop = take()
	}
	producers.halt()
	r.drained()
	b := l.balance(r, doomed)
	stop()
	if b.pending != 0 || b.dead == 0 || b.done == 0 {
		t.Errorf("the end is %v", b)
	}
	if largest < 2 || largest > prefetch/2 {
		t.Errorf("the largest batch has %d events", largest)
	}
	proved(t, "%v, in batches of up to %d; %d deliveries came again, each of them flagged", b, largest, l.flagged())
}
