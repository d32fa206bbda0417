package promise_test

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// taking is how a consumer takes a channel.
type taking struct {
	channel  string
	by       string // an address instead of the channel's own
	parallel int    // 0 for as many as a router may hand it
	progress time.Duration
}

// prefetch is the router's default window of a connection.
const prefetch = 64

// take starts a consumer. It remembers nothing, so that its work sees every
// delivery.
func (r *router) take(o taking, work consumer.Work) (stop func()) {
	r.Helper()
	c, err := consumer.New(consumer.Options{Connect: []string{cmp.Or(o.by, r.address(o.channel))}, Channel: o.channel, Keys: consumer.Pinned(r.keys),
		Parallel: cmp.Or(o.parallel, prefetch), Remember: 1, ProgressEvery: o.progress})
	if err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() {
		if err := c.Run(ctx, work); err != nil {
			r.Errorf("consumer of %s: %v", o.channel, err)
		}
	})
	stop = func() { cancel(); going.Wait() }
	r.Cleanup(stop)
	return stop
}

// doing is work that is done at once.
func doing(l *ledger) consumer.Work {
	return func(_ context.Context, d *delivery.Delivery) (any, error) {
		l.act(l.see(d))
		return nil, nil
	}
}
