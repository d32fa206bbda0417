package consumer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
)

// Work acts on one event. Its error is the reply:
//
//   - nil: done. The result, unless nil, is shown to the sender as JSON, of at
//     most 64 KiB;
//   - [Retry]: not now, come again after a time;
//   - [Failed]: never; the event goes to the dead letters;
//   - any other, and a panic: not now, and the router decides when.
//
// The error's text is the reason that operators read. Work may be called again
// for an event it has acted on, after a crash for example: make it idempotent.
// With Options.Parallel over 1 it runs several times at once. To act on several
// events at once, see [BatchWork].
type Work func(ctx context.Context, d *delivery.Delivery) (result any, err error)

// Retry makes the error for work that is to be done later: after so long, at
// most 24 h, or when the router decides for 0.
func Retry(after time.Duration, reason string) error {
	return &verdict{delivery.StatusRetry, reason, min(max(after, 0), delivery.MaxRetryAfter)}
}

// Failed makes the error for work that can never be done.
func Failed(reason string) error { return &verdict{status: delivery.StatusFailed, reason: reason} }

// verdict is an error that says what to reply.
type verdict struct {
	status string
	reason string
	after  time.Duration
}

func (v *verdict) Error() string { return v.reason }

// panicked is a panic as an error.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// guard calls f and returns a panic in it, or nil.
func guard(f func()) (p *panicked) {
	defer func() {
		if v := recover(); v != nil {
			p = &panicked{v, debug.Stack()}
		}
	}()
	f()
	return nil
}

// perform does the work and says what to reply for each event; nothing, when the
// work was stopped by the end of ctx.
func (c *Consumer) perform(ctx context.Context, work BatchWork, batch []*delivery.Delivery) []delivery.Reply {
	var ends []End
	var err error
	broken := guard(func() { ends, err = work(ctx, slices.Clone(batch)) }) // the slice is its own
	switch {
	case broken != nil:
		first := &batch[0].Event
		c.o.Log.Error("work panicked", "id", first.ID, "source", first.Source, "events", len(batch), "panic", broken.value, "stack", string(broken.stack))
		err = broken
	case err == nil && ends == nil:
		ends = make([]End, len(batch))
	case err == nil && len(ends) != len(batch):
		err = fmt.Errorf("work returned %d ends for %d events", len(ends), len(batch))
	}
	replies := make([]delivery.Reply, len(batch))
	for i, d := range batch {
		end := End{Err: err}
		if err == nil {
			end = ends[i]
		}
		replies[i] = c.reply(ctx, d, end)
	}
	return replies
}

// reply makes the reply of an end.
func (c *Consumer) reply(ctx context.Context, d *delivery.Delivery, end End) (reply delivery.Reply) {
	log := c.o.Log.With("id", d.Event.ID, "source", d.Event.Source, "attempt", d.Header.Attempt)
	broken, of := end.Err.(*panicked)
	if !of {
		broken = guard(func() { // an error that is a nil pointer panics when asked
			if end.Err == nil {
				reply = done(end.Result, log)
			} else {
				reply = undone(ctx, end.Err)
			}
		})
		if broken != nil {
			log.Error("the error of work panicked", "panic", broken.value, "stack", string(broken.stack))
		}
	}
	if broken != nil {
		c.tally.add(func(n *Counts) { n.Panicked++ })
		reply = delivery.Reply{Status: delivery.StatusRetry, Reason: reason(broken.Error())}
	}
	if reply.Status != delivery.StatusDone {
		log.Info("work not done", "reply", cmp.Or(reply.Status, "goodbye"), "reason", reply.Reason)
	}
	return reply
}

// undone makes the reply for work that returned an error.
func undone(ctx context.Context, err error) delivery.Reply {
	if v, is := errors.AsType[*verdict](err); is {
		return delivery.Reply{Status: v.status, RetryAfter: v.after.Seconds(), Reason: reason(err.Error())}
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return delivery.Reply{}
	}
	return delivery.Reply{Status: delivery.StatusRetry, Reason: reason(err.Error())}
}

// done makes the reply for work that is done. It stays done whatever becomes of
// the result.
func done(result any, log *slog.Logger) delivery.Reply {
	reply := delivery.Reply{Status: delivery.StatusDone}
	if result == nil {
		return reply
	}
	var text []byte
	var err error
	if broken := guard(func() { text, err = json.Marshal(result) }); broken != nil {
		err = broken
	}
	if err == nil && len(text) > delivery.MaxResult {
		err = fmt.Errorf("%d bytes, at most %d are kept", len(text), delivery.MaxResult)
	}
	if err != nil {
		reply.Reason = reason("result dropped: " + err.Error())
		log.Warn("result dropped", "error", err)
		return reply
	}
	reply.Result = text
	return reply
}

// reason cuts text to what the router keeps.
func reason(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), delivery.MaxReason)], "")
}
