package core

import (
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/metrics"
	"github.com/headgate-io/headgate/core/tracing"
)

// outgoing passes what becomes of events on their way out on to all that look.
type outgoing struct {
	metrics   *metrics.Channel // nil for telemetry
	decisions *admin.Decisions
	tracer    *tracing.Tracer // nil for none
}

var _ dispatch.Observer = outgoing{}

// outgoing is that of one channel.
func (c *Core) outgoing(channel string, command bool) outgoing {
	o := outgoing{decisions: c.decisions, tracer: c.tracer}
	if command {
		o.metrics = c.metrics.Channel(channel)
	}
	return o
}

// traceParent is what deliveries show their consumers, nil for what events carry.
func (c *Core) traceParent() dispatch.TraceParent {
	if c.tracer == nil {
		return nil
	}
	return c.tracer.TraceParent
}

// Transformed implements dispatch.Observer.
func (o outgoing) Transformed(t *dispatch.Transformed) { o.tracer.Transformed(t) }

// decided are the words for how a delivery ended.
var decided = map[dispatch.End]admin.Deciding{
	dispatch.EndDone:       admin.Finished,
	dispatch.EndRetry:      admin.Retried,
	dispatch.EndReturned:   admin.Retried,
	dispatch.EndDead:       admin.Dead,
	dispatch.EndSuperseded: admin.Dropped,
	dispatch.EndPublished:  admin.Delivered,
}

// Delivered implements dispatch.Observer.
func (o outgoing) Delivered(d *dispatch.Delivered) {
	o.tracer.Delivered(d)
	if !d.Sent.IsZero() && d.Attempt == 1 {
		o.metrics.Delivered(d.Sent.Sub(d.Entry.Accepted))
	}
	if !d.Sent.IsZero() && d.Reply != "" {
		o.metrics.Settled(d.At.Sub(d.Sent))
	}
	if !o.decisions.On() {
		return
	}
	e := &d.Entry.Event
	o.decisions.Publish(admin.Decision{At: d.At, What: decided[d.End], Reason: d.Why, Addr: d.Peer, Principal: d.Entry.Principal.String(), ID: e.ID, Source: e.Source,
		Type: e.Type, Seq: d.Seq, Channels: []string{d.Channel}, Attempt: d.Attempt, Bytes: len(e.Raw), Payload: e.Raw})
}
