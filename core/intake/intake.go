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
	// Publish takes an event that goes out through these transforms, in order,
	// and not at all without them. Both are to be read only.
	Publish(e *outbox.Entry, transforms []string)
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
	Now       func() time.Time // what is stored and limited goes by it; nil for time.Now
	Wall      func() time.Time // what senders sign is held against it; nil for Now
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
	if o.Wall == nil {
		o.Wall = o.Now
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
	Binary     bool          // Body was made of headers, which no signature of a request covers
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
	rules := in.rules.Load()
	who, err := rules.Trust.Authenticate(s.Credential, in.o.Wall())
	if err != nil {
		return Receipt{}, in.refuse(&s, nil, nil, err)
	}
	if s.Binary && who.Proof.Transport != trust.TransportJWT {
		return Receipt{}, in.refuse(&s, &who, nil, &Problem{Code: UnsupportedType, Detail: "Binary mode needs a token.", Reason: "binary_mode"})
	}
	texts := [][]byte{s.Body}
	if s.Batch {
		if texts, err = sdk.SplitBatch(s.Body, in.o.Batch); err != nil {
			return Receipt{}, in.refuse(&s, &who, nil, err)
		}
	}
	c := call{Submission: &s, rules: rules, who: who, now: in.o.Now()}
	offers := make([]offer, len(texts))
	for i, text := range texts {
		if s.Batch {
			text = bytes.Clone(text) // so that a waiting event does not keep the whole batch
		}
		offers[i] = in.prepare(&c, text)
	}
	in.append(ctx, &c, offers)
	if !s.Batch {
		return in.single(ctx, &c, &offers[0])
	}
	r := Receipt{Results: make([]Result, len(offers))}
	for i := range offers {
		r.Results[i] = offers[i].result
	}
	return r, nil
}

// single answers a request of one event.
func (in *Intake) single(ctx context.Context, c *call, o *offer) (Receipt, error) {
	if o.result.Problem != nil {
		return Receipt{}, o.result.Problem
	}
	r := Receipt{Results: []Result{o.result}}
	if c.Wait > 0 && o.result.Status != Duplicate && len(o.entry.Targets) > 0 {
		r.Final = in.awaitEnd(ctx, o.entry.Key(), c.Wait)
	}
	return r, nil
}

// Use swaps the rules; acceptances under way end with those they began with.
func (in *Intake) Use(g *Generation) { in.rules.Store(g) }

// Drain refuses every submission from now on and ends all waiting.
func (in *Intake) Drain() { in.drain() }
