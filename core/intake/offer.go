package intake

import (
	"context"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/receipt"
)

// call is a submission whose sender is known, under one set of rules.
type call struct {
	*Submission
	rules *Generation
	who   trust.Identity
	now   time.Time
}

// offer is one event of a submission on its way to the outbox. It has an entry
// for as long as nothing has refused it.
type offer struct {
	entry   *outbox.Entry
	targets []route.Target
	result  Result
}

// takeRate lets one event through the limit of its sender at its ingress.
func (in *Intake) takeRate(c *call) error {
	return in.rates.take(rateKey{principal: c.who.Principal, ingress: c.Ingress}, c.rules.Rates[c.Ingress], c.now)
}

// prepare reads one event and takes it through every decision before the outbox.
// counts says that it still has to be let through the limit of its sender.
func (in *Intake) prepare(c *call, text []byte, counts bool) offer {
	e, err := sdk.ParseEvent(text)
	if counts {
		if limited := in.takeRate(c); limited != nil {
			err = limited // whatever it is: what cannot be read counts, too
		}
	}
	o := offer{result: Result{ID: e.ID, Source: e.Source}}
	if err == nil {
		o.entry, o.targets, err = in.decide(c, e)
	}
	if err != nil {
		o.result.Problem = in.refuse(c.Submission, &c.who, &e, err)
	}
	return o
}

// decide gives what the outbox is to keep of an event, and where it goes.
func (in *Intake) decide(c *call, e sdk.Event) (*outbox.Entry, []route.Target, error) {
	if !c.Batch {
		if err := c.rules.Trust.CheckEventID(c.who, &e); err != nil {
			return nil, nil, err
		}
	}
	e, proof, err := c.rules.Trust.VerifyEvent(c.who, e)
	if err != nil {
		return nil, nil, err
	}
	match, err := c.rules.Table.Match(&e)
	if err != nil {
		return nil, nil, err
	}
	if err := c.rules.Trust.Authorize(c.who, proof, &e, requirements(match)); err != nil {
		return nil, nil, err
	}
	if err := c.rules.Table.Validate(&e, match); err != nil {
		return nil, nil, err
	}
	if err := in.rates.takeRoutes(c.who.Principal, match.Routes, c.now); err != nil {
		return nil, nil, err
	}
	entry, err := c.entry(e, proof, match)
	if err == nil {
		err = in.shares.take(entry, c.rules.MaxPending, c.now)
	}
	if err != nil {
		return nil, nil, err
	}
	return entry, match.Targets, nil
}

func requirements(m route.Match) []trust.Requirement {
	var out []trust.Requirement
	for _, r := range m.Routes {
		for _, q := range r.Requirements {
			out = append(out, trust.Requirement(q))
		}
	}
	return out
}

// entry is what the outbox keeps of an event.
func (c *call) entry(e sdk.Event, proof sdk.Proof, m route.Match) (*outbox.Entry, error) {
	entry := &outbox.Entry{Event: e, Digest: e.Digest(), Principal: c.who.Principal, Proof: proof, Accepted: c.now,
		Facts: outbox.Facts{Request: c.RequestID, Ingress: c.Ingress, Addr: c.Addr, Key: c.who.KeyID, Routes: make([]string, len(m.Routes))}}
	for i, r := range m.Routes {
		entry.Facts.Routes[i] = r.Name
	}
	// The expirytime extension of CloudEvents: a timestamp (RFC 3339).
	if text, ok := e.Extension("expirytime"); ok {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, malformedf("expirytime is not RFC 3339")
		}
		entry.Expires = at
	}
	for _, t := range m.Targets {
		if t.Command {
			entry.Targets = append(entry.Targets, outbox.Target{Channel: t.Channel, Order: t.Order, Park: t.Park, Transforms: t.Transforms})
		}
	}
	return entry, nil
}

// append stores all that nothing has refused in one call, so that a batch
// shares one commit, and then finishes each, in order.
func (in *Intake) append(ctx context.Context, c *call, offers []offer) {
	entries := make([]*outbox.Entry, 0, len(offers))
	for i := range offers {
		if offers[i].entry != nil {
			entries = append(entries, offers[i].entry)
		}
	}
	if len(entries) == 0 {
		return
	}
	outcomes := in.o.Store.Append(ctx, entries...)
	for i := range offers {
		if offers[i].entry != nil {
			in.finish(ctx, c, &offers[i], outcomes[0])
			outcomes = outcomes[1:]
		}
	}
}

// finish answers for an event that the outbox has said its word about: only one
// that is stored anew goes out by telemetry and is counted as accepted.
func (in *Intake) finish(ctx context.Context, c *call, o *offer, a outbox.Appended) {
	err := a.Err
	in.shares.settle(o.entry, err == nil && a.Verdict == outbox.Stored, c.now)
	if err == nil && a.Verdict == outbox.Conflict {
		err = &Problem{Code: Conflict}
	}
	switch {
	case err != nil:
		o.result.Problem = in.refuse(c.Submission, &c.who, &o.entry.Event, err)
		return
	case a.Verdict == outbox.Duplicate:
		o.result.Status = Duplicate
		in.counts.duplicate.Add(1)
		in.taken(ctx, c, o, a)
		return
	}
	for _, t := range o.targets {
		if !t.Command {
			c.rules.Telemetry[t.Channel].Publish(o.entry, t.Transforms)
		}
	}
	o.result.Status = Queued
	if a.Durable && len(o.entry.Targets) > 0 {
		o.result.Status = Accepted
	}
	in.counts.accepted.Add(1)
	in.taken(ctx, c, o, a)
	in.accepted(c.Submission, &c.who, o.entry, o.result.Status)
}

// taken makes the receipt of an event that was taken, where one is wanted, and
// tells who observes.
func (in *Intake) taken(ctx context.Context, c *call, o *offer, a outbox.Appended) {
	if c.Receipt && in.o.Receipt != nil && a.Durable && a.Seq != 0 {
		o.result.Receipt = in.receipt(ctx, c, o, a)
	}
	if in.o.Observe != nil {
		in.o.Observe.Taken(&Taken{Submission: c.Submission, Status: o.result.Status, Seq: a.Seq, Entry: o.entry, Began: c.began})
	}
}

// receipt is the text of one for the acceptance, which for a duplicate was
// another's: of one that is forgotten, or of another principal, there is none.
func (in *Intake) receipt(ctx context.Context, c *call, o *offer, a outbox.Appended) string {
	e := o.entry
	r := receipt.Receipt{ID: e.Event.ID, Source: e.Event.Source, Digest: receipt.Digest(e.Digest), Accepted: e.Accepted, Seq: a.Seq, Principal: e.Principal}
	if a.Verdict == outbox.Duplicate {
		st, err := in.o.Store.Lookup(ctx, e.Key())
		if err != nil || st.Principal != e.Principal || st.Seq != a.Seq {
			return ""
		}
		r.Accepted = st.Accepted
	}
	text, err := in.o.Receipt(r)
	if err != nil { // the event is taken all the same
		in.o.Log.Error().Err(err).Str("request", c.RequestID).Msg("a receipt cannot be signed")
		return ""
	}
	return string(text)
}
