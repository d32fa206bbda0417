package consumer_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

func TestSubscriber(t *testing.T) {
	pub := zmq.NewPub(zmq.Options{})
	at := listen(t, pub, "tcp://127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	var going sync.WaitGroup
	going.Go(func() { _ = pub.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		going.Wait()
	})

	keys := new(source)
	s, err := consumer.NewSubscriber(consumer.SubscriberOptions{Connect: []string{at}, Channel: "telemetry", Topics: []string{"com.example."}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	var seen recorder
	stop := running(t, func(ctx context.Context) error {
		return s.Run(ctx, func(d *delivery.Delivery) {
			seen.add(d)
			if d.Event.ID == id(2) {
				panic("boom")
			}
		})
	})
	r := &router{t: t}
	telemetry := func(h *delivery.Header) { h.Channel, h.Lease, h.Seq, h.Attempt = "telemetry", "", 0, 0 }
	publish := func(frames [][]byte) {
		t.Helper()
		if err := pub.Send(frames); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "a subscription", func() bool {
		publish(r.frame(order{n: 1, change: telemetry}))
		return len(seen.worked()) > 0
	})
	publish(r.frame(order{n: 2, change: telemetry}))
	publish(r.frame(order{n: 3, change: telemetry, spoil: func(f [][]byte) { f[2][40] ^= 1 }}))
	publish(r.frame(order{n: 4})) // of another channel
	publish(r.frame(order{n: 5, change: telemetry, spoil: func(f [][]byte) { f[0] = []byte("org.example") }}))
	keys.rotated.Store(true)
	publish(r.frame(order{n: 6, change: telemetry, key: otherKey}))
	await(t, "the new key", func() bool {
		publish(r.frame(order{n: 7, change: telemetry, key: otherKey}))
		return slices.Contains(seen.worked(), id(7))
	})
	stop()
	got := slices.Compact(seen.worked())
	if want := []string{id(1), id(2), id(7)}; !slices.Equal(got, want) {
		t.Errorf("saw %v, want %v", got, want)
	}
	n := s.Counts()
	if n.Panicked != 1 || n.Refused["root"] != 1 || n.Refused["channel"] != 1 || n.Refused["kid"] == 0 || n.Done != 0 {
		t.Errorf("counts are %+v", n)
	}
	if keys.read.Load() != 2 {
		t.Errorf("keys were read %d times", keys.read.Load())
	}
}

func TestNewSubscriberRefuses(t *testing.T) {
	good := consumer.SubscriberOptions{Connect: []string{"tcp://127.0.0.1:5556"}, Channel: "telemetry", Keys: consumer.Pinned{}}
	for name, spoil := range map[string]func(*consumer.SubscriberOptions){
		"Connect": func(o *consumer.SubscriberOptions) { o.Connect = nil },
		"address": func(o *consumer.SubscriberOptions) { o.Connect = []string{"5556"} },
		"Channel": func(o *consumer.SubscriberOptions) { o.Channel = "" },
		"Keys":    func(o *consumer.SubscriberOptions) { o.Keys = nil },
		"size":    func(o *consumer.SubscriberOptions) { o.MaxEvent = -1 },
	} {
		o := good
		spoil(&o)
		if _, err := consumer.NewSubscriber(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
