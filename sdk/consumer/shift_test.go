package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func TestDoneIsAnsweredAgain(t *testing.T) {
	r := newRouter(t)
	var times atomic.Int32
	c, stop := start(t, r.options(), func(context.Context, *delivery.Delivery) (any, error) { return times.Add(1), nil })
	for attempt := 1; attempt <= 3; attempt++ {
		r.deliver(order{n: 1, attempt: attempt})
		if reply := r.expect(1, attempt, "done"); string(reply.Result) != "1" {
			t.Errorf("attempt %d: result %s", attempt, reply.Result)
		}
	}
	stop()
	if n := c.Counts(); times.Load() != 1 || n.Done != 1 || n.Repeated != 2 {
		t.Errorf("worked %d times, %+v", times.Load(), n)
	}
	r.next() // goodbye
	// It remembers beyond a Run.
	await(t, "the connection's end", func() bool { return len(r.channel.Peers()) == 0 })
	run(t, c, nothing)
	r.deliver(order{n: 1, attempt: 4})
	if reply := r.expect(1, 4, "done"); string(reply.Result) != "1" {
		t.Errorf("result %s", reply.Result)
	}
}

func TestNotDoneIsWorkedOnAgain(t *testing.T) {
	r := newRouter(t)
	var times atomic.Int32
	start(t, r.options(), func(context.Context, *delivery.Delivery) (any, error) {
		if times.Add(1) == 1 {
			return nil, errors.New("not yet")
		}
		return nil, nil
	})
	r.deliver(order{n: 1})
	r.expect(1, 1, "retry")
	r.deliver(order{n: 1, attempt: 2})
	r.expect(1, 2, "done")
}

func TestEventIsNeverWorkedOnTwiceAtOnce(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	o.Parallel = 4
	release := make(chan struct{})
	var times atomic.Int32
	c, _ := start(t, o, func(context.Context, *delivery.Delivery) (any, error) {
		times.Add(1)
		<-release
		return nil, nil
	})
	r.deliver(order{n: 1}, order{n: 1, attempt: 2}, order{n: 1, attempt: 2})
	await(t, "the second delivery", func() bool { return c.Counts().Repeated == 2 })
	close(release)
	r.expect(1, 1, "done")
	r.expect(1, 2, "done")
	if times.Load() != 1 {
		t.Errorf("worked %d times", times.Load())
	}
	// The same delivery, replayed, is not owed two answers.
	r.deliver(order{n: 2})
	r.expect(2, 1, "done")
}

func TestWaitingEventIsWorkedOnAsLastDelivered(t *testing.T) {
	r := newRouter(t)
	attempts, release := make(chan int, 2), make(chan struct{})
	c, _ := start(t, r.options(), func(_ context.Context, d *delivery.Delivery) (any, error) {
		attempts <- d.Header.Attempt
		<-release
		return nil, nil
	})
	r.deliver(order{n: 1}, order{n: 2}, order{n: 2, attempt: 2})
	await(t, "all three", func() bool { return c.Counts().Opened == 3 })
	close(release)
	r.expect(1, 1, "done")
	r.expect(2, 1, "done")
	r.expect(2, 2, "done")
	if first, second := <-attempts, <-attempts; first != 1 || second != 2 {
		t.Errorf("worked on attempts %d and %d", first, second)
	}
}

func TestHeldIsBounded(t *testing.T) {
	r := newRouter(t)
	release := make(chan struct{})
	c, _ := start(t, r.options(), func(context.Context, *delivery.Delivery) (any, error) {
		<-release
		return nil, nil
	})
	const events = consumer.MaxHeld + 10
	for n := range events {
		r.deliver(order{n: n})
	}
	await(t, "what can be held", func() bool { return c.Counts().Opened == consumer.MaxHeld })
	close(release)
	for range events {
		if reply := r.next(); reply.Status != delivery.StatusDone {
			t.Fatalf("reply is %+v", reply)
		}
		if n := c.Counts(); n.Opened > n.Done+consumer.MaxHeld+1 {
			t.Fatalf("too many are held: %+v", n)
		}
	}
}

func TestParallel(t *testing.T) {
	for _, parallel := range []int{1, 3} {
		r := newRouter(t)
		o := r.options()
		o.Parallel = parallel
		begun, release := make(chan string, 10), make(chan struct{})
		var now, most atomic.Int32
		c, _ := start(t, o, func(_ context.Context, d *delivery.Delivery) (any, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			begun <- d.Event.ID
			<-release
			return nil, nil
		})
		for n := 1; n <= 5; n++ {
			r.deliver(order{n: n})
		}
		for range parallel {
			<-begun
		}
		await(t, "all five", func() bool { return c.Counts().Opened == 5 })
		if len(begun) > 0 {
			t.Errorf("parallel %d: one more was begun", parallel)
		}
		close(release)
		for range 5 {
			r.next()
		}
		if int(most.Load()) != parallel {
			t.Errorf("parallel %d: %d at once", parallel, most.Load())
		}
	}
}

func TestProgressIsReportedByItself(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	o.ProgressEvery = 5 * time.Millisecond
	release := make(chan struct{})
	start(t, o, func(context.Context, *delivery.Delivery) (any, error) {
		<-release
		return nil, nil
	})
	r.deliver(order{n: 1}, order{n: 2})
	// What waits behind slow work would lapse too.
	seen := map[string]int{}
	for seen[lease(1, 1)] < 2 || seen[lease(2, 1)] < 2 {
		reply := r.nextOfAll()
		if reply.Status != delivery.StatusProgress {
			t.Fatalf("reply is %+v", reply)
		}
		seen[reply.Lease]++
	}
	close(release)
	r.expect(1, 1, "done")
	r.expect(2, 1, "done")
}

func TestEndFinishesWorkAndGivesBackTheRest(t *testing.T) {
	r := newRouter(t)
	begun, release := make(chan struct{}), make(chan struct{})
	var worked recorder
	c, stop := start(t, r.options(), func(ctx context.Context, d *delivery.Delivery) (any, error) {
		worked.add(d)
		close(begun)
		<-release
		return nil, ctx.Err()
	})
	r.deliver(order{n: 1}, order{n: 2}, order{n: 3})
	<-begun
	await(t, "all three", func() bool { return c.Counts().Opened == 3 })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		stop()
	}()
	// The consumer goes on taking in, to give back, but begins nothing.
	r.deliver(order{n: 4})
	await(t, "the fourth", func() bool { return c.Counts().Opened == 4 })
	close(release)
	r.expect(1, 1, "done")
	back := r.next()
	if !back.Goodbye || back.Source == "" || back.Status != "" || !slices.Contains([]string{lease(2, 1), lease(3, 1), lease(4, 1)}, back.Lease) {
		t.Errorf("given back by %+v", back)
	}
	<-ended
	if got := worked.worked(); len(got) != 1 {
		t.Errorf("worked on %v", got)
	}
	r.silent() // one connection, one goodbye
}

func TestWorkThatOutlastsTheGraceIsGivenBack(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	o.Grace = time.Millisecond
	begun := make(chan struct{})
	c, stop := start(t, o, func(ctx context.Context, _ *delivery.Delivery) (any, error) {
		close(begun)
		<-ctx.Done()
		return nil, fmt.Errorf("ship: %w", ctx.Err())
	})
	r.deliver(order{n: 1})
	<-begun
	stop()
	if back := r.next(); !back.Goodbye || back.Lease != lease(1, 1) {
		t.Errorf("given back by %+v", back)
	}
	if n := c.Counts(); n.Retried != 0 {
		t.Errorf("counts are %+v", n)
	}
	r.silent()
}

func TestEndWithoutAnyDeliverySaysNothing(t *testing.T) {
	r := newRouter(t)
	_, stop := start(t, r.options(), nothing)
	await(t, "a connection", func() bool { return len(r.channel.Peers()) == 1 })
	stop()
	r.silent()
}

func TestExpiredWhileItWaitedIsNotWorkedOn(t *testing.T) {
	r := newRouter(t)
	c, err := consumer.New(r.options())
	if err != nil {
		t.Fatal(err)
	}
	var late atomic.Int64
	c.SetClock(func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
	begun, release := make(chan struct{}, 2), make(chan struct{})
	run(t, c, func(context.Context, *delivery.Delivery) (any, error) {
		begun <- struct{}{}
		<-release
		return nil, nil
	})
	r.deliver(order{n: 1}, order{n: 2})
	<-begun
	await(t, "both", func() bool { return c.Counts().Opened == 2 })
	late.Store(int64(2 * time.Hour))
	close(release)
	r.expect(1, 1, "done")
	r.expect(2, 1, "retry")
	if len(begun) > 0 {
		t.Error("it was begun")
	}
}
