package consumer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

type badJSON struct{}

func (badJSON) MarshalJSON() ([]byte, error) { panic("no JSON of me") }

func TestWorkDecidesTheReply(t *testing.T) {
	for name, c := range map[string]struct {
		work   consumer.Work
		status string
		after  float64
		reason string // beginning
		result string
	}{
		"done":   {work: nothing, status: "done"},
		"result": {work: func(context.Context, *delivery.Delivery) (any, error) { return map[string]int{"total": 3}, nil }, status: "done", result: `{"total":3}`},
		"exact result": {work: func(context.Context, *delivery.Delivery) (any, error) {
			return strings.Repeat("x", delivery.MaxResult-2), nil
		}, status: "done", result: `"` + strings.Repeat("x", delivery.MaxResult-2) + `"`},
		"large result": {work: func(context.Context, *delivery.Delivery) (any, error) {
			return strings.Repeat("x", delivery.MaxResult-1), nil
		}, status: "done", reason: "result dropped: 65537 bytes"},
		"no JSON":    {work: func(context.Context, *delivery.Delivery) (any, error) { return make(chan int), nil }, status: "done", reason: "result dropped: json"},
		"panic JSON": {work: func(context.Context, *delivery.Delivery) (any, error) { return badJSON{}, nil }, status: "done", reason: "result dropped: panic: no JSON of me"},
		"retry": {work: func(context.Context, *delivery.Delivery) (any, error) {
			return nil, consumer.Retry(90*time.Second, "till is offline")
		}, status: "retry", after: 90, reason: "till is offline"},
		"retry late": {work: func(context.Context, *delivery.Delivery) (any, error) { return nil, consumer.Retry(1000*time.Hour, "") }, status: "retry", after: 86400},
		"retry past": {work: func(context.Context, *delivery.Delivery) (any, error) { return nil, consumer.Retry(-time.Hour, "x") }, status: "retry", reason: "x"},
		"failed":     {work: func(context.Context, *delivery.Delivery) (any, error) { return nil, consumer.Failed("no such order") }, status: "failed", reason: "no such order"},
		"wrapped": {work: func(context.Context, *delivery.Delivery) (any, error) {
			return "ignored", fmt.Errorf("ship: %w", consumer.Failed("no such order"))
		}, status: "failed", reason: "ship: no such order"},
		"other error": {work: func(context.Context, *delivery.Delivery) (any, error) { return nil, errors.New("disk on fire") }, status: "retry", reason: "disk on fire"},
		"own cancel":  {work: func(context.Context, *delivery.Delivery) (any, error) { return nil, context.Canceled }, status: "retry", reason: "context canceled"},
		"nil error":   {work: func(context.Context, *delivery.Delivery) (any, error) { return nil, (*os.PathError)(nil) }, status: "retry", reason: "panic: runtime error"},
		"long reason": {work: func(context.Context, *delivery.Delivery) (any, error) {
			return nil, errors.New("x" + strings.Repeat("é", delivery.MaxReason))
		}, status: "retry", reason: "x" + strings.Repeat("é", delivery.MaxReason/2-1)},
		"panic":  {work: func(context.Context, *delivery.Delivery) (any, error) { panic("boom") }, status: "retry", reason: "panic: boom"},
		"goexit": {work: func(context.Context, *delivery.Delivery) (any, error) { runtime.Goexit(); return nil, nil }, status: "retry", reason: "work ended its goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t)
			_, stop := start(t, r.options(), c.work)
			r.deliver(order{n: 1})
			reply := r.expect(1, 1, c.status)
			if reply.RetryAfter != c.after || !strings.HasPrefix(reply.Reason, c.reason) || c.reason == "" && reply.Reason != "" || string(reply.Result) != c.result {
				t.Errorf("reply is %+v", reply)
			}
			if len(reply.Reason) > delivery.MaxReason || strings.ContainsRune(reply.Reason, '\ufffd') {
				t.Errorf("reason of %d bytes is cut badly", len(reply.Reason))
			}
			stop()
			if last := r.next(); !last.Goodbye || last.Lease != "" {
				t.Errorf("leave taken by %+v", last)
			}
		})
	}
}

func TestWorkSeesTheEvent(t *testing.T) {
	r := newRouter(t)
	seen := make(chan *delivery.Delivery, 1)
	start(t, r.options(), func(_ context.Context, d *delivery.Delivery) (any, error) {
		seen <- d
		return nil, nil
	})
	r.deliver(order{n: 4, attempt: 2})
	r.expect(4, 2, "done")
	if d := <-seen; d.Event.Type != eventType || string(d.Event.Data) != `{"n":4}` || d.Header.Attempt != 2 {
		t.Errorf("delivery is %+v", d)
	}
}

func TestPanicIsLoggedAndSurvived(t *testing.T) {
	r := newRouter(t)
	var text bytes.Buffer
	o := r.options()
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	c, stop := start(t, o, func(_ context.Context, d *delivery.Delivery) (any, error) {
		if d.Event.ID == id(1) {
			panic("boom")
		}
		return nil, nil
	})
	r.deliver(order{n: 1}, order{n: 2})
	r.expect(1, 1, "retry")
	r.expect(2, 1, "done")
	stop()
	if n := c.Counts(); n.Panicked != 1 || n.Retried != 1 || n.Done != 1 || n.Opened != 2 {
		t.Errorf("counts are %+v", n)
	}
	if s := text.String(); !strings.Contains(s, "boom") || !strings.Contains(s, "TestPanicIsLoggedAndSurvived") {
		t.Errorf("no stack in the log:\n%s", s)
	}
	if strings.Contains(text.String(), lease(1, 1)) {
		t.Error("a lease is in the log")
	}
}

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

// vectors is what this package reads of sdk/testdata/vectors/delivery.json.
type vectors struct {
	Keys     delivery.Keys `json:"keys"`
	Channels []string      `json:"channels"`
	Now      int64         `json:"now"`
	Open     []struct {
		Name    string   `json:"name"`
		Frames  []string `json:"frames_base64"`
		Outcome string   `json:"outcome"`
	} `json:"open"`
}

func TestVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", "delivery.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	// The vectors' reply address is fixed; without it their silence shows nothing.
	const replyAddress = "tcp://127.0.0.1:5557"
	probe := zmq.NewPull(zmq.Options{})
	if _, err := probe.Listen(replyAddress); err != nil {
		t.Skipf("%s is taken: %v", replyAddress, err)
	}
	release, cancel := context.WithCancel(context.Background())
	cancel()
	_ = probe.Run(release)

	r := newRouterAt(t, "tcp://127.0.0.1:0", replyAddress)
	o := r.options()
	o.Keys, o.Channel = consumer.Pinned(v.Keys), v.Channels[0]
	for _, vector := range v.Open {
		t.Run(vector.Name, func(t *testing.T) {
			frames := make([][]byte, len(vector.Frames))
			for i, f := range vector.Frames {
				if frames[i], err = base64.StdEncoding.DecodeString(f); err != nil {
					t.Fatal(err)
				}
			}
			// Each has its own consumer: one that knows a root asks for no signature of it.
			c, err := consumer.New(o)
			if err != nil {
				t.Fatal(err)
			}
			c.SetClock(func() time.Time { return time.Unix(v.Now, 0) })
			var worked recorder
			stop := run(t, c, worked.work)
			r.send(frames)
			if vector.Outcome == "ok" {
				if reply := r.next(); reply.Status != delivery.StatusDone || !slices.Equal(worked.worked(), []string{reply.ID}) {
					t.Errorf("reply is %+v, worked on %v", reply, worked.worked())
				}
			} else {
				await(t, vector.Outcome, func() bool { return maps.Equal(c.Counts().Refused, map[string]uint64{vector.Outcome: 1}) })
			}
			stop()
			if vector.Outcome == "ok" {
				if last := r.next(); !last.Goodbye || last.Lease != "" {
					t.Errorf("leave taken by %+v", last)
				}
			} else if got := worked.worked(); len(got) > 0 {
				t.Errorf("worked on %v", got)
			}
			await(t, "the connection's end", func() bool { return len(r.channel.Peers()) == 0 })
		})
	}
	r.silent()
}

func TestTamperedIsNeitherWorkedOnNorAcknowledged(t *testing.T) {
	r := newRouter(t)
	var text bytes.Buffer
	o := r.options()
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	var worked recorder
	c, stop := start(t, o, worked.work)
	want := map[string]uint64{}
	for name, bad := range map[string]order{
		"root":    {n: 1, spoil: func(f [][]byte) { f[2] = bytes.Replace(f[2], []byte(`"n":1`), []byte(`"n":9`), 1) }},
		"block":   {n: 2, spoil: func(f [][]byte) { f[4] = append(f[4], 0) }},
		"frames":  {n: 3, spoil: func(f [][]byte) { f[1] = []byte("{}") }},
		"channel": {n: 4, change: func(h *delivery.Header) { h.Channel = "billing" }},
		"kid":     {n: 5, key: otherKey},
		"expired": {n: 6, change: func(h *delivery.Header) { h.Expires = time.Now().Unix() - 1 }},
		"reply":   {n: 7, change: func(h *delivery.Header) { h.Lease = "" }},
	} {
		r.deliver(bad)
		want[name]++
	}
	r.deliver(order{n: 8, change: func(h *delivery.Header) { h.Reply = "tcp://nowhere" }})
	want["reply"]++
	r.deliver(order{n: 9})
	r.expect(9, 1, "done")
	stop()
	if n := c.Counts(); !maps.Equal(n.Refused, want) {
		t.Errorf("refused %v, want %v", n.Refused, want)
	}
	for name := range want {
		if !strings.Contains(text.String(), "check="+name) {
			t.Errorf("%s is not in the log", name)
		}
	}
	if got := worked.worked(); !slices.Equal(got, []string{id(9)}) {
		t.Errorf("worked on %v", got)
	}
	r.next() // goodbye
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

// source counts its readings and gives the keys of a switch.
type source struct {
	read    atomic.Int32
	rotated atomic.Bool
	broken  atomic.Bool
}

func (s *source) Keys(context.Context) (delivery.Keys, error) {
	s.read.Add(1)
	if s.broken.Load() {
		return nil, errors.New("no keys today")
	}
	if s.rotated.Load() {
		return delivery.NewKeys(public(otherKey)), nil
	}
	return delivery.NewKeys(public(routerKey)), nil
}

func TestUnknownKeyIsFetchedAndTheDeliveryOpened(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	keys := new(source)
	o.Keys = keys
	c, _ := start(t, o, nothing)
	r.deliver(order{n: 1})
	r.expect(1, 1, "done")
	keys.rotated.Store(true)
	r.deliver(order{n: 2, key: otherKey})
	r.expect(2, 1, "done")
	if got := keys.read.Load(); got != 2 {
		t.Errorf("keys were read %d times", got)
	}
	// The key that is gone opens nothing more, and the next reading has to wait.
	for n := 3; n < 10; n++ {
		r.deliver(order{n: n})
	}
	await(t, "refusals", func() bool { return c.Counts().Refused["kid"] == 8 })
	r.deliver(order{n: 10, key: otherKey})
	r.expect(10, 1, "done")
	if got := keys.read.Load(); got != 2 {
		t.Errorf("keys were read %d times", got)
	}
}

func TestUnknownKeyIsAskedForUntilItIsThere(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	keys := new(source)
	o.Keys = keys
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.SetKeyPause(time.Millisecond)
	run(t, c, nothing)
	r.deliver(order{n: 1, key: otherKey})
	await(t, "readings", func() bool { return keys.read.Load() > 3 })
	keys.broken.Store(true)
	before := keys.read.Load()
	await(t, "failed readings", func() bool { return keys.read.Load() > before+3 })
	r.deliver(order{n: 2}) // the known key stays
	r.expect(2, 1, "done")
	keys.rotated.Store(true)
	keys.broken.Store(false)
	r.expect(1, 1, "done")
}

func TestParkedIsBounded(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	keys := new(source)
	o.Keys = keys
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.SetKeyPause(time.Millisecond)
	run(t, c, nothing)
	const size = 4_000_000
	const parked, sent = consumer.MaxParked / size, consumer.MaxParked/size + 2
	for n := range sent {
		r.deliver(order{n: n, key: otherKey, pad: size})
	}
	await(t, "refusals", func() bool { return c.Counts().Refused["kid"] == sent })
	keys.rotated.Store(true)
	for range parked {
		r.next()
	}
	r.deliver(order{n: sent, key: otherKey})
	r.expect(sent, 1, "done")
	if n := c.Counts(); n.Opened != parked+1 {
		t.Errorf("counts are %+v", n)
	}
}

func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	r := newRouter(t)
	var text bytes.Buffer
	o := r.options()
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.SetClock(func() time.Time { return now })
	stop := run(t, c, nothing)
	for n := range 10 {
		r.deliver(order{n: n, change: func(h *delivery.Header) { h.Channel = strings.Repeat("x", 10_000) }})
	}
	await(t, "refusals", func() bool { return c.Counts().Refused["channel"] == 10 })
	stop()
	if n := strings.Count(text.String(), "check=channel"); n != 1 || text.Len() > 5_000 {
		t.Errorf("%d lines, %d bytes", n, text.Len())
	}
}

func TestRunFailsWithoutKeys(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	o.Keys = consumer.KeysFromFile(filepath.Join(t.TempDir(), "none.json"))
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context(), nothing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "headgate key export") {
		t.Errorf("Run: %v", err)
	}
}

func TestRouterRestarts(t *testing.T) {
	r := newRouter(t)
	_, stop := start(t, r.options(), nothing)
	r.deliver(order{n: 1})
	r.expect(1, 1, "done")
	r.stop()
	r = newRouterAt(t, r.at, r.reply)
	r.deliver(order{n: 2})
	r.expect(2, 1, "done")
	stop()
	r.next() // goodbye
	r.silent()
}

func TestTwoRouters(t *testing.T) {
	a, b := newRouter(t), newRouter(t)
	o := a.options()
	o.Connect = append(o.Connect, b.at)
	_, stop := start(t, o, nothing)
	a.deliver(order{n: 1})
	b.deliver(order{n: 2})
	a.expect(1, 1, "done")
	b.expect(2, 1, "done")
	stop()
	for _, r := range []*router{a, b} {
		if last := r.next(); !last.Goodbye {
			t.Errorf("leave taken by %+v", last)
		}
		r.silent()
	}
}

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

func TestLoad(t *testing.T) {
	const events = 2000
	r := newRouter(t)
	o := r.options()
	o.Parallel = 8
	c, stop := start(t, o, func(_ context.Context, d *delivery.Delivery) (any, error) { return d.Event.ID, nil })
	go func() {
		for n := range events {
			r.deliver(order{n: n})
		}
	}()
	seen := map[string]bool{}
	for range events {
		reply := r.next()
		if reply.Status != "done" || seen[reply.Lease] || string(reply.Result) != `"`+reply.ID+`"` {
			t.Fatalf("reply is %+v", reply)
		}
		seen[reply.Lease] = true
	}
	stop()
	if n := c.Counts(); n.Done != events || n.Unsent != 0 {
		t.Errorf("counts are %+v", n)
	}
}

func TestNewRefuses(t *testing.T) {
	good := consumer.Options{Connect: []string{"tcp://127.0.0.1:5555"}, Channel: "commands", Keys: consumer.Pinned{}}
	for name, spoil := range map[string]func(*consumer.Options){
		"Connect":  func(o *consumer.Options) { o.Connect = nil },
		"Channel":  func(o *consumer.Options) { o.Channel = "" },
		"Keys":     func(o *consumer.Options) { o.Keys = nil },
		"negative": func(o *consumer.Options) { o.Parallel = -1 },
		"5555":     func(o *consumer.Options) { o.Connect = []string{"127.0.0.1:5555"} },
	} {
		o := good
		spoil(&o)
		if _, err := consumer.New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := consumer.New(good); err != nil {
		t.Error(err)
	}
}

func TestRunRunsOnceAtATime(t *testing.T) {
	r := newRouter(t)
	c, _ := start(t, r.options(), nothing)
	await(t, "a connection", func() bool { return len(r.channel.Peers()) == 1 })
	if err := c.Run(t.Context(), nothing); err == nil {
		t.Error("a second Run beside the first")
	}
}
