package zmq_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// settle makes sure that a publisher has read all subscriptions of sub made
// so far: it publishes a unique topic until it arrives.
func settle(t *testing.T, pub *zmq.Pub, sub *zmq.Sub) {
	t.Helper()
	topic := fmt.Sprint("settle", rand.Uint64())
	sub.Subscribe(topic)
	defer sub.Unsubscribe(topic)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := pub.Send(message(topic)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		got, err := sub.Recv(ctx)
		cancel()
		if err == nil && string(got.Frames[0]) == topic {
			return
		}
	}
	t.Fatal("the subscription does not arrive")
}

// next returns the next message that is no leftover of settle.
func next(t *testing.T, sub *zmq.Sub) string {
	t.Helper()
	for {
		got, err := sub.Recv(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(got.Frames[0]), "settle") {
			return text(got.Frames)
		}
	}
}

func TestPubFiltersByPrefix(t *testing.T) {
	for name, listens := range map[string]string{"pub listens": "pub", "sub listens": "sub"} {
		t.Run(name, func(t *testing.T) {
			pub, sub := zmq.NewPub(zmq.Options{}), zmq.NewSub(zmq.Options{})
			sub.Subscribe("order.")
			sub.Subscribe("order.")
			if listens == "pub" {
				connect(t, sub, listen(t, pub))
			} else {
				connect(t, pub, listen(t, sub))
			}
			run(t, pub)
			run(t, sub)
			settle(t, pub, sub)
			send := func(topics ...string) {
				for _, topic := range topics {
					if err := pub.Send(message(topic, "body")); err != nil {
						t.Fatal(err)
					}
				}
			}
			send("other", "order", "order.1", "orders", "order.")
			for _, want := range []string{`["order.1" "body"]`, `["order." "body"]`} {
				if got := next(t, sub); got != want {
					t.Fatalf("want %s, got %s", want, got)
				}
			}
			sub.Unsubscribe("order.")
			settle(t, pub, sub)
			send("order.2")
			if got := next(t, sub); got != `["order.2" "body"]` {
				t.Fatalf("one of two subscriptions was taken back: got %s", got)
			}
			sub.Unsubscribe("order.")
			sub.Subscribe("end")
			settle(t, pub, sub)
			before := pub.Stats().Matched
			send("order.3", "end")
			if got := next(t, sub); got != `["end" "body"]` {
				t.Fatalf("got %s", got)
			}
			if n := pub.Stats().Matched - before; n != 1 {
				t.Fatalf("%d messages matched", n)
			}
		})
	}
}

func TestSubscriptionsFollowReconnects(t *testing.T) {
	backoff := zmq.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}
	sub := zmq.NewSub(zmq.Options{Backoff: backoff})
	sub.Subscribe("a")
	pub := zmq.NewPub(zmq.Options{})
	endpoint := listen(t, pub)
	connect(t, sub, endpoint)
	run(t, sub)
	stop := run(t, pub)
	settle(t, pub, sub)
	stop()
	pub = zmq.NewPub(zmq.Options{})
	if _, err := pub.Listen(endpoint); err != nil {
		t.Fatal(err)
	}
	run(t, pub)
	settle(t, pub, sub)
	if err := errors.Join(pub.Send(message("b")), pub.Send(message("a"))); err != nil {
		t.Fatal(err)
	}
	if got := next(t, sub); got != `["a"]` {
		t.Fatalf("got %s", got)
	}
}

// A subscriber that reads nothing costs itself messages, nobody else, and the
// counts stay exact from overload through the loss of the subscriber.
func TestASlowSubscriberIsAlone(t *testing.T) {
	pub := zmq.NewPub(zmq.Options{Queue: 16})
	endpoint := listen(t, pub)
	run(t, pub)
	slow, fast := zmq.NewSub(zmq.Options{Queue: 1}), zmq.NewSub(zmq.Options{})
	for _, s := range []*zmq.Sub{slow, fast} {
		s.Subscribe("t")
		connect(t, s, endpoint)
	}
	run(t, fast)
	settle(t, pub, fast)
	stopSlow := run(t, slow)
	settle(t, pub, slow)

	before := map[uint64]uint64{}
	for _, p := range pub.Peers() {
		before[p.ID()] = p.Facts().Matched
	}
	const total = 300
	big := make([]byte, 256<<10)
	for i := range total {
		if err := pub.Send(zmq.Frames{fmt.Append(nil, "t", i), big}); err != nil {
			t.Fatal(err)
		}
		got, err := fast.Recv(soon(t))
		for err == nil && strings.HasPrefix(string(got.Frames[0]), "settle") {
			got, err = fast.Recv(soon(t))
		}
		if err != nil || string(got.Frames[0]) != fmt.Sprint("t", i) {
			t.Fatal(i, err)
		}
	}
	dropped := 0
	for _, p := range pub.Peers() {
		f := p.Facts()
		balanced(t, f.Counts)
		if f.Matched-before[p.ID()] != total {
			t.Errorf("matched %d", f.Matched-before[p.ID()])
		}
		if f.Dropped > 0 {
			dropped++
		}
	}
	if dropped != 1 {
		t.Fatalf("%d subscribers lost messages", dropped)
	}
	s := pub.Stats()
	balanced(t, s.Counts)
	if s.Queued == 0 {
		t.Fatalf("nothing is queued: %+v", s)
	}
	stopSlow()
	await(t, "the slow one to be gone", func() bool { return pub.Stats().Peers == 1 })
	end := pub.Stats()
	balanced(t, end.Counts)
	if end.Matched != s.Matched || end.Dropped <= s.Dropped {
		t.Fatalf("before %+v, after %+v", s, end)
	}
	await(t, "the rest to be sent", func() bool { return pub.Stats().Queued == 0 })
}

func TestPubSendNeverBlocks(t *testing.T) {
	pub := zmq.NewPub(zmq.Options{})
	if err := pub.Send(message("before Run")); err != nil {
		t.Fatal(err)
	}
	stop := run(t, pub)
	if err := errors.Join(pub.Send(nil), pub.Send(message("nobody listens"))); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := pub.Send(message("late")); !errors.Is(err, zmq.ErrClosed) {
		t.Fatal(err)
	}
	if c := pub.Stats().Counts; c != (zmq.Counts{}) {
		t.Fatalf("%+v", c)
	}
}

func TestSlowIsToldOnce(t *testing.T) {
	var events observed
	pub := zmq.NewPub(zmq.Options{Queue: 2, Observe: events.add, Heartbeat: zmq.Heartbeat{Interval: -1}})
	r := dialRaw(t, listen(t, pub))
	run(t, pub)
	r.handshake(0, "SUB")
	r.write([]byte{0, 1, 1})
	await(t, "the subscription", func() bool { return pub.Stats().Received == 1 })
	large := zmq.Frames{make([]byte, 1<<20)}
	await(t, "the first drop", func() bool {
		_ = pub.Send(large)
		return pub.Stats().Dropped > 0
	})
	for range 100 {
		_ = pub.Send(large)
	}
	slow := 0
	for _, e := range events.all() {
		if e.Kind == zmq.Slow {
			slow++
		}
	}
	if slow != 1 || !pub.Peers()[0].Facts().Slow {
		t.Errorf("%d times", slow)
	}
	balanced(t, pub.Stats().Counts)
}
