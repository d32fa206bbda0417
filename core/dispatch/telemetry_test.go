package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// listener keeps what is published, by id.
type listener struct {
	mu  sync.Mutex
	got map[string]delivery.Delivery
	t   *testing.T
}

func (l *listener) Publish(deliveries [][][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, frames := range deliveries {
		d, err := delivery.NewVerifier(keys, "t").Open(frames, time.Now())
		if err != nil {
			l.t.Error(err)
		}
		l.got[d.Header.ID] = d
	}
}

func (l *listener) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.got)
}

func (l *listener) get(id string) (delivery.Delivery, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok := l.got[id]
	return d, ok
}

// broadcast is a running telemetry channel.
type broadcast struct {
	*testing.T
	*dispatch.Telemetry
	to  *listener
	log *lockedBuffer
	end func()
	n   int
}

func newBroadcast(t *testing.T, transforms map[string]dispatch.Transform, patience time.Duration) *broadcast {
	b := &broadcast{T: t, to: &listener{got: map[string]delivery.Delivery{}, t: t}, log: new(lockedBuffer)}
	b.Telemetry = dispatch.NewTelemetry(dispatch.TelemetryOptions{Name: "t", Ring: 10_000, Transforms: dispatch.NewTransforms(transforms), Patience: patience, Signer: signer, To: b.to, Log: zerolog.New(b.log)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Telemetry.Run(ctx) }()
	b.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(b.end)
	return b
}

func (b *broadcast) say(n int, transforms ...string) {
	b.Helper()
	for range n {
		b.n++
		e, err := sdk.ParseEvent(fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"/b","type":"t","data":{"n":%d}}`, b.n, b.n))
		if err != nil {
			b.Fatal(err)
		}
		b.Publish(&outbox.Entry{Event: e, Accepted: time.Now()}, transforms)
	}
}

func TestTelemetryGoesThroughItsTransforms(t *testing.T) {
	drop := &fake{each: func(e *sdk.Event) sdk.Outcome {
		switch e.ID {
		case "3":
			return sdk.Outcome{Verdict: sdk.Drop, Reason: "no"}
		case "4":
			return sdk.Outcome{Verdict: sdk.Fail, Reason: "bad", Retry: true}
		}
		return sdk.Outcome{}
	}}
	b := newBroadcast(t, map[string]dispatch.Transform{"a": wrap("a"), "drop": drop}, 0)
	b.say(1)
	b.say(4, "drop", "a")
	b.end()
	if b.to.len() != 3 {
		t.Fatalf("%d came", b.to.len())
	}
	plain, _ := b.to.get("1")
	changed, _ := b.to.get("2")
	if len(plain.Header.Transforms) != 0 || string(plain.Event.Data) != `{"n":1}` {
		t.Errorf("one is %s", plain.Event.Raw)
	}
	if x := changed.Header.Transforms; len(x) != 2 || x[1] != (delivery.Transform{Name: "a", Version: "1.2.3"}) || string(changed.Event.Data) != `{"a":{"n":2}}` {
		t.Errorf("one is %s, by %v", changed.Event.Raw, x)
	}
	if f := b.Facts(); f != (dispatch.TelemetryFacts{Sent: 3, Unready: 1, Ended: 1}) {
		t.Errorf("facts are %+v", f)
	}
}

// TestTelemetryNeverLeavesUntransformed: what cannot be transformed is dropped,
// and counted, and logged once.
func TestTelemetryNeverLeavesUntransformed(t *testing.T) {
	away := pass()
	away.set(false)
	fails := &fake{batch: func(context.Context, []sdk.Input) ([]sdk.Outcome, error) { return nil, errors.New("boom") }}
	refuses := &fake{each: func(*sdk.Event) sdk.Outcome { return sdk.Outcome{Verdict: sdk.Fail, Reason: "refused"} }}
	for name, reason := range map[string]string{"away": "unavailable", "fails": "boom", "refuses": "refused", "unknown": "no such transform"} {
		t.Run(name, func(t *testing.T) {
			b := newBroadcast(t, map[string]dispatch.Transform{"away": away, "fails": fails, "refuses": refuses, "p": pass()}, 0)
			for range 100 {
				b.say(1, "p", name)
				b.say(1)
			}
			b.until("the others are out", func() bool { return b.to.len() == 100 })
			b.end()
			if f := b.Facts(); f != (dispatch.TelemetryFacts{Sent: 100, Unready: 100}) || b.to.len() != 100 {
				t.Errorf("%d came, facts are %+v", b.to.len(), f)
			}
			if sent, dropped := b.Counts(); sent != 100 || dropped != 100 {
				t.Errorf("sent %d, dropped %d", sent, dropped)
			}
			if n := strings.Count(b.log.String(), reason); n != 1 {
				t.Errorf("it is logged %d times: %s", n, b.log)
			}
		})
	}
}

func (b *broadcast) until(what string, is func() bool) {
	b.Helper()
	until(b.T, what, is)
}

// TestSlowTelemetryIsDroppedForItselfAlone: its line is bounded, and the others
// go on.
func TestSlowTelemetryIsDroppedForItselfAlone(t *testing.T) {
	hold := make(chan struct{})
	slow := &fake{batch: func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return make([]sdk.Outcome, len(events)), ctx.Err()
	}}
	b := newBroadcast(t, map[string]dispatch.Transform{"slow": slow, "p": pass()}, time.Hour)
	b.say(1, "slow")
	b.until("it is slow", func() bool { return slow.calls() == 1 })
	const many = 3000
	b.say(many, "slow")
	b.say(100, "p")
	b.say(100)
	b.until("the others are out", func() bool { return b.to.len() == 200 })
	if f := b.Facts(); f.Dropped != many-1024 {
		t.Errorf("facts are %+v", f)
	}
	close(hold)
	b.end() // what is in the line at the end goes out
	if f := b.Facts(); f != (dispatch.TelemetryFacts{Sent: 200 + 1 + 1024, Dropped: many - 1024}) {
		t.Errorf("facts are %+v", f)
	}
}

func TestTelemetryHasLittlePatience(t *testing.T) {
	hung := &fake{batch: func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	b := newBroadcast(t, map[string]dispatch.Transform{"hung": hung}, time.Millisecond)
	b.say(300, "hung")
	b.until("it is dropped", func() bool { return b.Facts().Unready == 300 })
	b.say(300, "hung")
	b.end()
	if f := b.Facts(); f.Unready != 600 {
		t.Errorf("facts are %+v", f)
	}
}

func TestTelemetryComesBackWithItsTransforms(t *testing.T) {
	f := wrap("a")
	f.set(false)
	b := newBroadcast(t, map[string]dispatch.Transform{"f": f}, 0)
	b.say(1, "f")
	b.until("it is dropped", func() bool { return b.Facts().Unready == 1 })
	f.set(true)
	b.say(1, "f")
	b.until("one is out", func() bool { return b.to.len() == 1 })
	if _, ok := b.to.get("2"); !ok || !strings.Contains(b.log.String(), "there again") {
		t.Errorf("the log is %s", b.log)
	}
}

// TestTelemetryChainsThatAreGoneLeaveNothing, as those of commands.
func TestTelemetryChainsThatAreGoneLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transforms := make(map[string]dispatch.Transform)
		for i := range 100 {
			transforms[fmt.Sprint("t", i)] = pass()
		}
		b := newBroadcast(t, transforms, 0)
		for i := range 100 {
			b.say(10, fmt.Sprint("t", i))
			synctest.Wait()
			if n := carriers(); n > 0 || b.to.len() != 10*(i+1) {
				t.Fatalf("%d are there for %d chains that have nothing, %d events came", n, i+1, b.to.len())
			}
			time.Sleep(time.Minute)
		}
	})
}
