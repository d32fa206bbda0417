package promise_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

const neighbourConfig = `
[[channels]]
name = "bad"
class = "command"
listen = "tcp://127.0.0.1:0"
ack_timeout = "ACK"
max_attempts = 1000
backoff = { min = "1ms", max = "50ms" }
[[channels]]
name = "good"
class = "command"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "both"
type = ["com.example.order.*"]
channels = ["bad", "good"]
`

// D3: whatever a consumer does, nothing is lost, and who shares neither its
// channel nor its faults makes all progress meanwhile.
func TestD3ABadConsumerHurtsNobody(t *testing.T) {
	for name, c := range map[string]struct {
		ack       string // long where the end of the connection is what gives back
		misbehave func(r *router, l *ledger, address string)
	}{
		"reset every 100 ms": {"30s", func(r *router, l *ledger, address string) {
			k := r.relay(address)
			r.take(taking{channel: "bad", by: k.endpoint()}, doing(l))
			r.Cleanup(k.flap(100 * time.Millisecond))
		}},
		"stalled": {"1s", func(r *router, l *ledger, address string) {
			k := r.relay(address)
			r.take(taking{channel: "bad", by: k.endpoint()}, doing(l))
			r.connected("bad", 1)
			k.freeze()
		}},
		"half open": {"1s", func(r *router, l *ledger, address string) {
			k := r.relay(address)
			r.take(taking{channel: "bad", by: k.endpoint()}, doing(l))
			r.connected("bad", 1)
			k.freeze()
			k.halve()
		}},
		"mute":   {"1s", func(r *router, _ *ledger, address string) { r.mute(address) }},
		"killed": {"30s", func(r *router, _ *ledger, _ string) { r.killed() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRouter(t, strings.Replace(neighbourConfig, "ACK", c.ack, 1))
			l := newLedger(t)
			c.misbehave(r, l, r.address("bad"))
			r.take(taking{channel: "good"}, doing(l))
			const events = 500
			each(events, 8, func(i int) {
				id := fmt.Sprintf("e%d", i)
				if _, err := r.edge.insist(t.Context(), id, order("order.created", id, "")); err != nil {
					t.Errorf("send: %v", err)
				}
				l.accept(id)
				time.Sleep(10 * time.Millisecond) // so that the faults come meanwhile
			})
			r.eventually("the others have done all", func() bool { return r.channel("good").Pending == 0 })
			l.balance(r, never)
			r.take(taking{channel: "bad"}, doing(l)) // one that does well
			r.drained()
			b := l.balance(r, never)
			if b.done != 2*events {
				t.Errorf("of %d events the end is %v", events, b)
			}
			l.flagged()
		})
	}
}

// connected waits for so many consumers of a channel.
func (r *router) connected(channel string, n int) {
	r.Helper()
	r.eventually("a consumer is connected", func() bool { return len(r.channel(channel).Conns) >= n })
}

// mute takes deliveries and never replies.
func (r *router) mute(address string) {
	r.Helper()
	socket := zmq.NewPull(zmq.Options{})
	if err := socket.Connect(address); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() { _ = socket.Run(ctx) })
	going.Go(func() {
		for {
			if _, err := socket.Recv(ctx); err != nil {
				return
			}
		}
	})
	r.Cleanup(func() { cancel(); going.Wait() })
	r.connected("bad", 1)
}

// killed has processes that take deliveries and are killed, until the test ends.
func (r *router) killed() {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() {
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, *binary, "consume", "bad", "--hold", "1m")
			cmd.Dir = r.dir // it finds address and keys by the configuration there
			if err := cmd.Start(); err != nil {
				r.Error(err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	r.Cleanup(func() { cancel(); going.Wait() })
	r.eventually("one is connected", func() bool { return r.channel("bad").Socket.Connected > 0 })
}

// deadConfig gives the bad channel little room, which full load soon takes.
const deadConfig = `
[[channels]]
name = "bad"
class = "command"
listen = "tcp://127.0.0.1:0"
max_pending = "256KiB"
[[channels]]
name = "good"
class = "command"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "bad"
type = ["com.example.bad.*"]
channels = ["bad"]
[[routes]]
name = "good"
type = ["com.example.good.*"]
channels = ["good"]
`

// D3: a channel that nobody takes fills up, refuses what goes to it, and costs
// no other route a single 503.
func TestD3ADeadChannelRefusesAlone(t *testing.T) {
	r := newRouter(t, deadConfig)
	l := newLedger(t)
	r.take(taking{channel: "good"}, doing(l))
	const events = 6000
	said := make(map[string]int)
	var mu sync.Mutex
	each(events, 16, func(i int) {
		kind := []string{"bad", "good"}[i%2]
		id := fmt.Sprintf("%s-%d", kind, i)
		a, err := r.edge.post(t.Context(), id, order(kind+".happened", id, ""))
		if err != nil {
			t.Errorf("%s: %v", id, err)
			return
		}
		if a.says() == accepted {
			l.accept(id)
		} else if a.RetryAfter == "" {
			t.Errorf("%s: %s without Retry-After", id, a.says())
		}
		mu.Lock()
		defer mu.Unlock()
		said[kind+": "+a.says()]++
	})
	if said["good: "+accepted] != events/2 || said["bad: "+accepted] == 0 || said["bad: 503 channel_full"] == 0 || len(said) != 3 {
		t.Errorf("answers are %v", said)
	}
	r.eventually("the others have done all", func() bool { return r.channel("good").Pending == 0 })
	r.take(taking{channel: "bad"}, doing(l)) // it comes back
	r.drained()
	if b := l.balance(r, never); b.done != said["good: "+accepted]+said["bad: "+accepted] {
		t.Errorf("the end is %v", b)
	}
	proved(t, "%v", said)
}
