package intake_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"
	"weak"

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

// TestSettledForgetsNothing: however often rules come and go while an acceptance is
// under way; and what is over is not kept, though each began before the last ended.
func TestSettledForgetsNothing(t *testing.T) {
	b := newBench(t, intake.Options{}, generation(t, 1, route.Rate{}))
	entered, let := make(chan struct{}), make(map[string]chan struct{})
	const n = 8
	for i := range n {
		let[fmt.Sprint("e", i)] = make(chan struct{})
	}
	b.store.answer = func(_ int, a outbox.Appended) outbox.Appended {
		last := b.store.last()
		entered <- struct{}{}
		<-let[last]
		return a
	}
	ended := make(chan error, 1)
	accept := func(i int) {
		id := fmt.Sprint("e", i)
		s := b.submission(1, id, event(id, ""))
		go func() { _, err := b.Accept(context.Background(), s); ended <- err }()
		<-entered
	}
	end := func(i int) {
		close(let[fmt.Sprint("e", i)])
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	use := func() weak.Pointer[intake.Generation] {
		g := generation(t, 1, route.Rate{})
		b.Use(g)
		return weak.Make(g)
	}
	accept(0)
	for i := range 4 {
		use()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		if err := b.Settled(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("e0 is under way, and after %d others it is %v", i+1, err)
		}
		cancel()
	}
	var used []weak.Pointer[intake.Generation]
	for i := 1; i < n; i++ {
		used = append(used, use())
		accept(i)
		if i > 1 {
			end(i - 2)
		}
	}
	use()
	runtime.GC()
	for i, g := range used[:n-3] {
		if g.Value() != nil {
			t.Errorf("the rules of e%d are over, and kept", i+1)
		}
	}
	end(n - 2)
	end(n - 1)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.Settled(ctx); err != nil {
		t.Error(err)
	}
}
