package intake

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// Generation is one whole set of rules. An acceptance sees exactly one.
type Generation struct {
	Trust *trust.Snapshot
	Table *route.Table
}

// Publisher takes events for a telemetry channel. It does not block.
type Publisher interface {
	Publish(e *outbox.Entry)
}

// Store is what intake needs of the outbox.
type Store interface {
	outbox.Accepting
	outbox.Asking
}

// Options are what an Intake is made of.
type Options struct {
	Store     Store
	Telemetry map[string]Publisher // by channel
	Rates     int                  // principals whose rate is tracked at once
	Waiters   int                  // requests that wait for an end at once
	Batch     int                  // events per batch
	Log       zerolog.Logger
	Now       func() time.Time // nil for time.Now
}

// Intake accepts events and answers questions about them. Safe for concurrent use.
type Intake struct {
	o        Options
	rules    atomic.Pointer[Generation]
	rates    *rates
	waiters  chan struct{}
	draining context.Context // ends with Drain
	drain    context.CancelFunc
	counts   counts
}

// New returns an intake with its first rules.
func New(o Options, g *Generation) *Intake {
	if o.Now == nil {
		o.Now = time.Now
	}
	in := &Intake{o: o, rates: newRates(o.Rates), waiters: make(chan struct{}, o.Waiters)}
	in.draining, in.drain = context.WithCancel(context.Background())
	in.rules.Store(g)
	return in
}

// Submission is one request as a door took it. The intake keeps Body.
type Submission struct {
	RequestID  string
	Ingress    string
	Addr       string // of the peer
	Credential trust.Credential
	Body       []byte
	Batch      bool          // Body is a batch, else one structured event
	Wait       time.Duration // for the end; 0 for not at all
}

// Status is what became of an accepted event.
type Status string

// The statuses of a receipt.
const (
	Accepted  Status = "accepted"  // on disk, synced
	Queued    Status = "queued"    // in memory
	Duplicate Status = "duplicate" // accepted before
)

// Result is what became of one event of a submission.
type Result struct {
	ID, Source string // as far as they could be read
	Status     Status
	Problem    *Problem // instead of Status
}

// Receipt is the answer to a submission that was read. Final is there when the
// event ended within the wait that was asked for.
type Receipt struct {
	Results []Result // one per event, in order; exactly one without Batch
	Final   *Document
}

// Accept takes a submission through the whole first half. The error is a
// *Problem that concerns the request as a whole; what concerns one event of a
// batch stands in its result.
func (in *Intake) Accept(ctx context.Context, s Submission) (Receipt, error) {
	if in.draining.Err() != nil {
		return Receipt{}, in.refuse(&s, nil, nil, &Problem{Code: Draining, RetryAfter: retryFull})
	}
	now := in.o.Now()
	rules := in.rules.Load()
	who, err := rules.Trust.Authenticate(s.Credential, now)
	if err != nil {
		return Receipt{}, in.refuse(&s, nil, nil, err)
	}
	if !s.Batch {
		e, err := sdk.ParseEvent(s.Body)
		if err == nil {
			err = rules.Trust.CheckEventID(who, &e)
		}
		if err != nil {
			return Receipt{}, in.refuse(&s, &who, &e, err)
		}
		return in.single(ctx, &s, rules, who, e, now)
	}
	texts, err := sdk.SplitBatch(s.Body, in.o.Batch)
	if err != nil {
		return Receipt{}, in.refuse(&s, &who, nil, err)
	}
	r := Receipt{Results: make([]Result, len(texts))}
	for i, text := range texts {
		// A copy, so that a waiting event does not keep the whole batch.
		e, err := sdk.ParseEvent(bytes.Clone(text))
		if err != nil {
			r.Results[i] = Result{Problem: in.refuse(&s, &who, &e, err)}
			continue
		}
		r.Results[i], _ = in.one(ctx, &s, rules, who, e, now)
	}
	return r, nil
}

// single is the rest of the line for a request of one event.
func (in *Intake) single(ctx context.Context, s *Submission, rules *Generation, who trust.Identity, e sdk.Event, now time.Time) (Receipt, error) {
	result, commands := in.one(ctx, s, rules, who, e, now)
	if result.Problem != nil {
		return Receipt{}, result.Problem
	}
	receipt := Receipt{Results: []Result{result}}
	if s.Wait > 0 && commands {
		receipt.Final = in.awaitEnd(ctx, outbox.Key{Source: e.Source, ID: e.ID}, s.Wait)
	}
	return receipt, nil
}

// one takes an event that has been read to the outbox and the telemetry
// channels. commands tells whether it went to any command channel.
func (in *Intake) one(ctx context.Context, s *Submission, rules *Generation, who trust.Identity, e sdk.Event, now time.Time) (_ Result, commands bool) {
	refused := func(err error) (Result, bool) {
		return Result{ID: e.ID, Source: e.Source, Problem: in.refuse(s, &who, &e, err)}, false
	}
	match, err := rules.Table.Match(&e)
	if err != nil {
		return refused(err)
	}
	if err := rules.Trust.Authorize(who, &e, requirements(match)); err != nil {
		return refused(err)
	}
	if err := rules.Table.Validate(&e, match); err != nil {
		return refused(err)
	}
	if err := in.rates.take(who.Principal, match.Routes, now); err != nil {
		return refused(err)
	}
	entry, err := newEntry(e, who, match.Targets, now)
	if err != nil {
		return refused(err)
	}
	appended, err := in.o.Store.Append(ctx, entry)
	if err != nil {
		return refused(err)
	}
	result := Result{ID: e.ID, Source: e.Source}
	switch appended.Verdict {
	case outbox.Conflict:
		return refused(&Problem{Code: Conflict})
	case outbox.Duplicate:
		result.Status = Duplicate
		in.counts.duplicate.Add(1)
		return result, false
	}
	for _, t := range match.Targets {
		if !t.Command {
			in.o.Telemetry[t.Channel].Publish(entry)
		}
	}
	result.Status = Queued
	if appended.Durable && len(entry.Targets) > 0 {
		result.Status = Accepted
	}
	in.counts.accepted.Add(1)
	in.accepted(s, &who, entry, result.Status)
	return result, len(entry.Targets) > 0
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

// newEntry is what the outbox keeps of an event.
func newEntry(e sdk.Event, who trust.Identity, targets []route.Target, now time.Time) (*outbox.Entry, error) {
	entry := &outbox.Entry{Event: e, Digest: e.Digest(), Principal: who.Principal, Proof: who.Proof, Accepted: now}
	// The expirytime extension of CloudEvents: a timestamp (RFC 3339).
	if text, ok := e.Extension("expirytime"); ok {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, malformedf("expirytime is not RFC 3339")
		}
		entry.Expires = at
	}
	for _, t := range targets {
		if t.Command {
			entry.Targets = append(entry.Targets, outbox.Target{Channel: t.Channel, Order: t.Order, Park: t.Park})
		}
	}
	return entry, nil
}

// Use swaps the rules; acceptances under way end with those they began with.
func (in *Intake) Use(g *Generation) { in.rules.Store(g) }

// Drain refuses every submission from now on and ends all waiting.
func (in *Intake) Drain() { in.drain() }
