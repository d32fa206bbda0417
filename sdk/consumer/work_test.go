package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
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
