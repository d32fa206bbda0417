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
	"github.com/headgate-io/headgate/sdk/receipt"
)

// Generation is one whole set of rules. An acceptance sees exactly one.
type Generation struct {
	Number    int // of the configuration, from 1
	Trust     *trust.Snapshot
	Table     *route.Table
	Telemetry map[string]Publisher // by channel
	Batch     int                  // events per batch

	Admission  Admission
	Rates      map[string]route.Rate // of each principal, by ingress
	MaxPending map[string]int64      // bytes that each command channel may hold
}

// With gives the same rules under other keys.
func (g *Generation) With(t *trust.Snapshot) *Generation {
	out := *g
	out.Trust = t
	return &out
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
	Stats() outbox.Stats
}

// Options are what an Intake is made of.
type Options struct {
	Store   Store
	Rates   int // principals whose rate is tracked at once
	Waiters int // requests that wait for an end at once
	// Gate tells why nothing may be accepted now, because nobody would know of it
	// later: an error of package outbox is answered as the outbox's own. Nil for
	// never.
	Gate    func() error
	Observe Observer                              // nil for nobody
	Receipt func(receipt.Receipt) ([]byte, error) // signs one; nil for none
	Log     zerolog.Logger
	Now     func() time.Time // what is stored and limited goes by it; nil for time.Now
	Wall    func() time.Time // what senders sign is held against it; nil for Now
}

// Intake accepts events and answers questions about them. Safe for concurrent use.
type Intake struct {
	o         Options
	now       atomic.Pointer[era]
	admission admission
	rates     *rates
	shares    *shares
	waiting   waiting
	draining  context.Context // ends with Drain
	drain     context.CancelFunc
	counts    counts
}

// New returns an intake with its first rules.
func New(o Options, g *Generation) *Intake {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wall == nil {
		o.Wall = o.Now
	}
	in := &Intake{o: o, admission: admission{log: o.Log}, rates: newRates(o.Rates), shares: newShares(o.Store.Stats, o.Rates), waiting: newWaiting(o.Waiters)}
	in.draining, in.drain = context.WithCancel(context.Background())
	in.admission.use(g.Admission, o.Now())
	in.now.Store(newEra(g))
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
	Receipt    bool          // one is wanted

	// Structure makes a structured event of Body and of headers, which no signature
	// of a request covers: for tokens alone, and once one has verified. Nil where
	// Body is structured.
	Structure func(body []byte) ([]byte, error)

	began time.Time // by the clock of the machine
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
	Receipt    string   // a signed one, where it was wanted and the event is on disk
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
	s.began = time.Now()
	if in.draining.Err() != nil {
		return Receipt{}, in.refuse(&s, nil, nil, &Problem{Code: Draining, RetryAfter: retryFull})
	}
	rules := in.enter()
	defer rules.leave()
	who, err := rules.Trust.Authenticate(s.Credential, in.o.Wall())
	if err != nil {
		return Receipt{}, in.refuse(&s, nil, nil, err)
	}
	c := call{Submission: &s, rules: rules.Generation, who: who, now: in.o.Now()}
	if err := in.takeRate(&c); err != nil { // of a batch, for its first event
		return Receipt{}, in.refuse(&s, &who, nil, err)
	}
	if in.o.Gate != nil {
		if err := in.o.Gate(); err != nil {
			return Receipt{}, in.refuse(&s, &who, nil, err)
		}
	}
	if s.Structure != nil {
		if who.Proof.Transport != trust.TransportJWT {
			return Receipt{}, in.refuse(&s, &who, nil, &Problem{Code: UnsupportedType, Detail: "Binary mode needs a token.", Reason: "binary_mode"})
		}
		if s.Body, err = s.Structure(s.Body); err != nil {
			return Receipt{}, in.refuse(&s, &who, nil, err)
		}
	}
	texts := [][]byte{s.Body}
	if s.Batch {
		if texts, err = sdk.SplitBatch(s.Body, rules.Batch); err != nil {
			return Receipt{}, in.refuse(&s, &who, nil, err)
		}
	}
	offers := make([]offer, len(texts))
	for i, text := range texts {
		if s.Batch {
			text = bytes.Clone(text) // so that a waiting event does not keep the whole batch
		}
		offers[i] = in.prepare(&c, text, i > 0)
	}
	in.append(ctx, &c, offers)
	rules.leave() // a wait for the end keeps nobody from ending
	if in.o.Observe != nil {
		in.o.Observe.Answered(s.Ingress, time.Since(s.began))
	}
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
		if r.Final = in.awaitEnd(ctx, end{o.entry.Key(), c.Wait, int64(len(c.Body))}); r.Final != nil {
			r.Final.Receipt = o.result.Receipt
		}
	}
	return r, nil
}

// Drain refuses every submission from now on and ends all waiting.
func (in *Intake) Drain() { in.drain() }
