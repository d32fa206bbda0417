package consumer_test

import (
	"testing"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func TestRouterThatIsAwayHoldsUpNobody(t *testing.T) {
	r := newRouter(t)
	gone := newRouter(t)
	gone.stop()
	c, stop := start(t, r.options(), nothing)
	const lost = 20
	for n := range lost {
		r.deliver(order{n: n, change: func(h *delivery.Header) { h.Reply = gone.reply }})
	}
	r.deliver(order{n: 100})
	r.expect(100, 1, "done")
	stop()
	if n := c.Counts(); n.Done != lost+1 || n.Unsent != lost+1 { // with the goodbye
		t.Errorf("counts are %+v", n)
	}
}

func TestManyReplyAddresses(t *testing.T) {
	r := newRouter(t)
	const addresses = consumer.MaxRepliers + 3
	_, stop := start(t, r.options(), nothing)
	answered := func(n int, address string) {
		t.Helper()
		r.deliver(order{n: n, change: func(h *delivery.Header) { h.Reply = address }})
		r.expect(n, 1, "done")
	}
	for n := range addresses - 1 {
		answered(2*n, listen(t, r.desk, "tcp://127.0.0.1:0"))
		answered(2*n+1, r.reply) // used all the time, so never left
	}
	await(t, "the connections that were left", func() bool { return len(r.desk.Peers()) == consumer.MaxRepliers })
	if n := r.desk.Stats().Accepted; n != addresses {
		t.Errorf("%d connections to %d addresses", n, addresses)
	}
	stop()
}
