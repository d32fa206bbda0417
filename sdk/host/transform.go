package host

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Transform is the transform that was configured as kind. It errs, beside what
// the transform errs with, by sdk.ErrUnavailable, ErrEnded, ErrTooLarge,
// ErrBreach, ErrNotConfigured or context.DeadlineExceeded.
//
// A batch of more bytes than a call may have goes in several. Parts that the kind
// does not need are not sent, and are in a Replace as they were; one that sets
// them all the same is a permanent Fail of that event. So is one that changes what
// no transform may, or whose data are said to be JSON and are none.
func (c *Conn) Transform(kind string) sdk.Transform {
	k, _ := c.description.Transform(kind) // one that it does not have errs at each call
	return &remote{conn: c, kind: kind, needs: k.Needs}
}

// remote is a transform in a plugin process.
type remote struct {
	conn  *Conn
	kind  string
	needs sdk.Needs
}

var _ sdk.Transform = (*remote)(nil)

// answerRoom is how much larger than a request its answer may become: a request
// takes only its part of MaxBytes.
const answerRoom = 4

func (t *remote) Transform(ctx context.Context, in []sdk.Input) ([]sdk.Outcome, error) {
	events := wire.ToEvents(in, t.needs)
	outcomes := make([]sdk.Outcome, 0, len(in))
	for len(outcomes) < len(in) || len(in) == 0 {
		from := len(outcomes)
		n, tooLarge := t.fit(events[from:])
		if tooLarge > 0 {
			outcomes = append(outcomes, sdk.Outcome{Verdict: sdk.Fail, Reason: fmt.Sprintf("the event has %d bytes for its transform, where %d are the most", tooLarge, t.conn.options.MaxBytes)})
			continue
		}
		part, err := t.call(ctx, events[from:from+n])
		if err != nil {
			return nil, err
		}
		for i := range part {
			part[i] = t.restored(in[from+i].Event, part[i])
		}
		if outcomes = append(outcomes, part...); len(in) == 0 {
			break
		}
	}
	return outcomes, nil
}

// fit tells how many events go in one request; or how large the first is when it
// goes in none.
func (t *remote) fit(events []*pb.Event) (n, tooLarge int) {
	const head = 256 // bytes of the kind and of gRPC's own
	size := head
	for n < len(events) {
		one := wire.Size(events[n])
		if n == 0 && head+one > t.conn.options.MaxBytes {
			return 0, one
		}
		if size += one; n > 0 && size > t.conn.options.MaxBytes/answerRoom {
			return n, 0
		}
		n++
	}
	return n, 0
}

func (t *remote) call(ctx context.Context, events []*pb.Event) (outcomes []sdk.Outcome, err error) {
	err = t.conn.call(ctx, func(ctx context.Context) error {
		r, err := t.conn.transforms.Transform(ctx, &pb.TransformRequest{Kind: t.kind, Events: events})
		if err != nil {
			return err
		}
		outcomes, err = wire.FromOutcomes(r.GetOutcomes(), len(events))
		return err
	})
	return outcomes, err
}

// restored gives a Replace what it does not say, and refuses what it may not.
func (t *remote) restored(was *sdk.Event, o sdk.Outcome) sdk.Outcome {
	if o.Verdict != sdk.Replace {
		return o
	}
	e := o.Event
	if what := was.CoreDifference(e); what != "" {
		return sdk.Outcome{Verdict: sdk.Fail, Reason: "the transform changed " + what + ", which no transform may"}
	}
	switch {
	case !t.needs.Data && e.Data != nil:
		return sdk.Outcome{Verdict: sdk.Fail, Reason: "the transform set data, which it does not say that it needs"}
	case !t.needs.Extensions && len(e.Extensions) > 0:
		return sdk.Outcome{Verdict: sdk.Fail, Reason: "the transform set extensions, which it does not say that it needs"}
	case e.DataIsJSON && !json.Valid(e.Data):
		return sdk.Outcome{Verdict: sdk.Fail, Reason: "the transform gave data as JSON that are none"}
	}
	if !t.needs.Data {
		e.Data, e.DataIsJSON = was.Data, was.DataIsJSON
	}
	if !t.needs.Extensions {
		e.Extensions = was.Extensions
	}
	return o
}
