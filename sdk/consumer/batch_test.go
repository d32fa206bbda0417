package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// startBatches is start for RunBatches.
func startBatches(t testing.TB, o consumer.Options, most int, work consumer.BatchWork) (c *consumer.Consumer, stop func()) {
	t.Helper()
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, running(t, func(ctx context.Context) error { return c.RunBatches(ctx, most, work) })
}

// held delivers order 0, and then others while work is kept at it: they are the
// next batch.
func (r *router) held(c *consumer.Consumer, begun <-chan []int, release chan<- struct{}, orders ...order) {
	r.t.Helper()
	r.deliver(order{n: 0})
	if first := <-begun; !slices.Equal(first, []int{0}) {
		r.t.Fatalf("the first batch is %v", first)
	}
	r.deliver(orders...)
	await(r.t, "what is delivered", func() bool { return c.Counts().Opened == uint64(1+len(orders)) })
	release <- struct{}{}
	r.expect(0, 1, "done")
}

// gated is work that tells which orders it has begun with and waits for release.
func gated(work consumer.BatchWork) (gated consumer.BatchWork, begun chan []int, release chan struct{}) {
	begun, release = make(chan []int, 10), make(chan struct{}, 10)
	return func(ctx context.Context, batch []*delivery.Delivery) ([]consumer.End, error) {
		var orders []int
		for _, d := range batch {
			orders = append(orders, int(d.Header.Seq))
		}
		begun <- orders
		select {
		case <-release:
		case <-ctx.Done(): // a test that fails ends all the same
			return nil, ctx.Err()
		}
		if orders[0] == 0 {
			return nil, nil
		}
		return work(ctx, batch)
	}, begun, release
}

func allDone(context.Context, []*delivery.Delivery) ([]consumer.End, error) { return nil, nil }

func TestBatchIsWhatHasComeUpToTheMost(t *testing.T) {
	r := newRouter(t)
	work, begun, release := gated(allDone)
	c, stop := startBatches(t, r.options(), 3, work)
	r.held(c, begun, release, order{n: 1}, order{n: 2}, order{n: 3}, order{n: 4}, order{n: 5})
	for _, want := range [][]int{{1, 2, 3}, {4, 5}} {
		if got := <-begun; !slices.Equal(got, want) {
			t.Errorf("the batch is %v, want %v", got, want)
		}
		release <- struct{}{}
		replies, err := delivery.ParseReplies(<-r.frames)
		if err != nil || len(replies) != len(want) {
			t.Fatalf("the batch %v is answered by %+v, %v", want, replies, err)
		}
		for i, reply := range replies {
			if reply.Lease != lease(want[i], 1) || reply.Status != delivery.StatusDone {
				t.Errorf("order %d: %+v", want[i], reply)
			}
		}
	}
	stop()
	if n := c.Counts(); n.Done != 6 {
		t.Errorf("counts are %+v", n)
	}
}

func TestBatchWorkDecidesEachReply(t *testing.T) {
	type reply struct{ status, reason, result string }
	retry := func(reason string) []reply { return slices.Repeat([]reply{{status: "retry", reason: reason}}, 3) }
	ends := func(ends ...consumer.End) consumer.BatchWork {
		return func(context.Context, []*delivery.Delivery) ([]consumer.End, error) { return ends, nil }
	}
	for name, c := range map[string]struct {
		work     consumer.BatchWork
		want     []reply
		panicked uint64
	}{
		"done": {work: allDone, want: slices.Repeat([]reply{{status: "done"}}, 3)},
		"ends": {work: ends(consumer.End{Result: 7}, consumer.End{Err: consumer.Failed("no such order")}, consumer.End{}),
			want: []reply{{"done", "", "7"}, {"failed", "no such order", ""}, {"done", "", ""}}},
		"error": {work: func(context.Context, []*delivery.Delivery) ([]consumer.End, error) {
			return slices.Repeat([]consumer.End{{Result: "ignored"}}, 3), errors.New("rolled back")
		}, want: retry("rolled back")},
		"failed": {work: func(context.Context, []*delivery.Delivery) ([]consumer.End, error) {
			return nil, fmt.Errorf("insert: %w", consumer.Failed("no such table"))
		}, want: slices.Repeat([]reply{{status: "failed", reason: "insert: no such table"}}, 3)},
		"too few":  {work: ends(consumer.End{}, consumer.End{}), want: retry("work returned 2 ends for 3 events")},
		"none":     {work: ends([]consumer.End{}...), want: retry("work returned 0 ends for 3 events")},
		"too many": {work: ends(make([]consumer.End, 4)...), want: retry("work returned 4 ends for 3 events")},
		"panic":    {work: func(context.Context, []*delivery.Delivery) ([]consumer.End, error) { panic("boom") }, want: retry("panic: boom"), panicked: 3},
		"goexit": {work: func(context.Context, []*delivery.Delivery) ([]consumer.End, error) { runtime.Goexit(); return nil, nil },
			want: retry("work ended its goroutine")},
		"its own slice": {work: func(_ context.Context, batch []*delivery.Delivery) ([]consumer.End, error) {
			ends := []consumer.End{{Result: batch[0].Header.Seq}, {Result: batch[1].Header.Seq}, {Err: consumer.Failed("third")}}
			clear(batch)
			return ends, nil
		}, want: []reply{{"done", "", "1"}, {"done", "", "2"}, {"failed", "third", ""}}},
		"one broken": {work: ends(consumer.End{}, consumer.End{Err: (*os.PathError)(nil)}, consumer.End{Result: make(chan int)}),
			want: []reply{{status: "done"}, {status: "retry", reason: "panic: runtime error"}, {status: "done", reason: "result dropped: json"}}, panicked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t)
			work, begun, release := gated(c.work)
			by, stop := startBatches(t, r.options(), 10, work)
			r.held(by, begun, release, order{n: 1}, order{n: 2}, order{n: 3})
			release <- struct{}{}
			for i, want := range c.want {
				got := r.expect(i+1, 1, want.status)
				if !strings.HasPrefix(got.Reason, want.reason) || want.reason == "" && got.Reason != "" || string(got.Result) != want.result {
					t.Errorf("order %d: %+v", i+1, got)
				}
			}
			stop()
			if n := by.Counts(); n.Panicked != c.panicked || n.Done+n.Retried+n.Failed != 4 {
				t.Errorf("counts are %+v", n)
			}
		})
	}
}

func TestBatchHasEachEventOnceAndAsLastDelivered(t *testing.T) {
	r := newRouter(t)
	var attempts []int
	work, begun, release := gated(func(_ context.Context, batch []*delivery.Delivery) ([]consumer.End, error) {
		ends := make([]consumer.End, len(batch))
		for i, d := range batch {
			attempts = append(attempts, d.Header.Attempt)
			ends[i].Result = d.Header.Seq
		}
		return ends, nil
	})
	c, _ := startBatches(t, r.options(), 10, work)
	r.held(c, begun, release, order{n: 1}, order{n: 2}, order{n: 1, attempt: 2})
	if got := <-begun; !slices.Equal(got, []int{1, 2}) {
		t.Errorf("the batch is %v", got)
	}
	release <- struct{}{}
	r.expect(1, 1, "done")
	r.expect(1, 2, "done")
	r.expect(2, 1, "done")
	if !slices.Equal(attempts, []int{2, 1}) {
		t.Errorf("worked on attempts %v", attempts)
	}
	// And it is remembered, each with its own result.
	r.deliver(order{n: 2, attempt: 2})
	if again := r.expect(2, 2, "done"); string(again.Result) != "2" {
		t.Errorf("answered again by %+v", again)
	}
}

func TestBatchLeavesOutWhatHasExpired(t *testing.T) {
	r := newRouter(t)
	c, err := consumer.New(r.options())
	if err != nil {
		t.Fatal(err)
	}
	var late atomic.Int64
	c.SetClock(func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
	work, begun, release := gated(allDone)
	running(t, func(ctx context.Context) error { return c.RunBatches(ctx, 2, work) })
	longer := func(h *delivery.Header) { h.Expires += 24 * 3600 }
	r.deliver(order{n: 0}, order{n: 1}, order{n: 2, change: longer}, order{n: 3}, order{n: 4, change: longer})
	<-begun
	await(t, "all", func() bool { return c.Counts().Opened == 5 })
	late.Store(int64(2 * time.Hour))
	release <- struct{}{}
	r.expect(0, 1, "done")
	r.expect(1, 1, "retry")
	r.expect(3, 1, "retry")
	if got := <-begun; !slices.Equal(got, []int{2, 4}) {
		t.Errorf("the batch is %v", got)
	}
	release <- struct{}{}
	r.expect(2, 1, "done")
	r.expect(4, 1, "done")
}

func TestBatchesRunInParallel(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	o.Parallel = 2
	work, begun, release := gated(allDone)
	c, _ := startBatches(t, o, 2, work)
	r.deliver(order{n: 0})
	<-begun
	r.deliver(order{n: 1})
	<-begun
	r.deliver(order{n: 2}, order{n: 3}, order{n: 4})
	await(t, "all", func() bool { return c.Counts().Opened == 5 })
	if len(begun) > 0 {
		t.Error("a third batch was begun")
	}
	close(release)
	seen := map[string]bool{}
	for range 5 {
		seen[r.next().Lease] = true
	}
	rest := append(<-begun, <-begun...) // in whichever order the two were scheduled
	slices.Sort(rest)
	if len(seen) != 5 || !slices.Equal(rest, []int{2, 3, 4}) {
		t.Errorf("answered %v, begun with %v", seen, rest)
	}
}

func TestBatchOfTwoRoutersIsAnsweredToEach(t *testing.T) {
	a, b := newRouter(t), newRouter(t)
	work, begun, release := gated(allDone)
	c, _ := startBatches(t, a.options(), 10, work)
	to := func(n int, r *router) order {
		return order{n: n, change: func(h *delivery.Header) { h.Reply = r.reply }}
	}
	a.held(c, begun, release, to(1, a), to(2, b), to(3, a), to(4, b))
	<-begun
	release <- struct{}{}
	for r, want := range map[*router][]int{a: {1, 3}, b: {2, 4}} {
		replies, err := delivery.ParseReplies(<-r.frames)
		if err != nil || len(replies) != 2 || replies[0].Lease != lease(want[0], 1) || replies[1].Lease != lease(want[1], 1) {
			t.Errorf("%v are answered by %+v, %v", want, replies, err)
		}
	}
}

func TestBatchThatOutlastsTheGraceIsGivenBack(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	o.Grace, o.ProgressEvery = time.Millisecond, 5*time.Millisecond
	// Of the batch one was done in time; the others go back.
	work, begun, release := gated(func(ctx context.Context, batch []*delivery.Delivery) ([]consumer.End, error) {
		<-ctx.Done()
		return []consumer.End{{Err: ctx.Err()}, {}, {Err: ctx.Err()}}, nil
	})
	c, stop := startBatches(t, o, 10, work)
	r.held(c, begun, release, order{n: 1}, order{n: 2}, order{n: 3})
	<-begun
	seen := map[string]bool{}
	for !seen[lease(1, 1)] || !seen[lease(3, 1)] {
		if reply := r.nextOfAll(); reply.Status == delivery.StatusProgress {
			seen[reply.Lease] = true
		}
	}
	release <- struct{}{}
	stop()
	r.expect(2, 1, "done")
	if back := r.next(); !back.Goodbye || back.Status != "" || back.Lease != lease(1, 1) && back.Lease != lease(3, 1) {
		t.Errorf("given back by %+v", back)
	}
	if n := c.Counts(); n.Retried != 0 || n.Done != 2 {
		t.Errorf("counts are %+v", n)
	}
	r.silent()
}

func TestBatchOfNone(t *testing.T) {
	c, err := consumer.New(newRouter(t).options())
	if err != nil {
		t.Fatal(err)
	}
	for _, most := range []int{0, -1} {
		ended, end := context.WithCancel(t.Context())
		end()
		if err := c.RunBatches(ended, most, allDone); err == nil {
			t.Errorf("most %d", most)
		}
	}
}
