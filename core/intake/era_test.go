package intake_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/route"
)

// TestSettledWaitsForEveryEarlierAcceptance: for those of the rules just before,
// and of rules before them, and for nobody that began with those of now.
func TestSettledWaitsForEveryEarlierAcceptance(t *testing.T) {
	b := newBench(t, intake.Options{}, generation(t, 1, route.Rate{}))
	entered, let := make(chan struct{}), make(map[string]chan struct{})
	for _, id := range []string{"e1", "e2", "e3"} {
		let[id] = make(chan struct{})
	}
	b.store.answer = func(_ int, a outbox.Appended) outbox.Appended {
		last := b.store.last()
		entered <- struct{}{}
		<-let[last]
		return a
	}
	ended := make(chan error, 3)
	accept := func(id string) {
		s := b.submission(1, id, event(id, ""))
		go func() { _, err := b.Accept(context.Background(), s); ended <- err }()
		<-entered
	}
	settled := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		return b.Settled(ctx)
	}
	accept("e1")
	if err := settled(time.Minute); err != nil {
		t.Errorf("there were no other rules, and it is %v", err)
	}
	b.Use(generation(t, 1, route.Rate{}))
	accept("e2")
	b.Use(generation(t, 1, route.Rate{}))
	accept("e3")
	for _, id := range []string{"e2", "e1"} {
		if err := settled(20 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s is under way, and it is %v", id, err)
		}
		close(let[id])
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if err := settled(time.Minute); err != nil {
		t.Error(err)
	}
	close(let["e3"])
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
