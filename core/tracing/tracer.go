package tracing

import (
	"crypto/tls"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

// Options are what a Tracer is made of.
type Options struct {
	Endpoint string            // of the collector, as in http://127.0.0.1:4318; /v1/traces is appended
	Headers  map[string]string // that it wants, such as Authorization
	TLS      *tls.Config       // nil for the defaults
	Sample   float64           // of the events that bring no traceparent, 0 to 1
	Version  string            // of the router
	Instance string            // names this run of it
	Log      zerolog.Logger
}

// maxQueued is how many spans wait for Run: some hundred milliseconds of a router
// at full speed. One has about 1.5 KiB, and at most 7.
const maxQueued = 8192

// Tracer makes spans, and takes them to a collector while Run runs. Its methods are
// safe for concurrent use and do not block.
type Tracer struct {
	o     Options
	bound uint64 // a trace of a router's own is sampled whose id is below
	queue chan *span

	exported, dropped, rejected atomic.Uint64
	failing                     atomic.Bool
}

var (
	_ dispatch.Observer    = (*Tracer)(nil)
	_ dispatch.TraceParent = (*Tracer)(nil).TraceParent
)

// New returns a tracer whose spans wait until Run.
func New(o Options) *Tracer {
	return &Tracer{o: o, bound: uint64(min(max(o.Sample, 0), 1) * (1 << 63)), queue: make(chan *span, maxQueued)}
}

// Stats count spans since the start.
type Stats struct {
	Exported uint64 `json:"exported"` // taken by the collector
	Dropped  uint64 `json:"dropped"`  // not taken in time
	Rejected uint64 `json:"rejected"` // by the collector
	Queued   int    `json:"queued"`
	Failing  bool   `json:"failing"` // the collector takes nothing now
}

// Stats gives the counts.
func (t *Tracer) Stats() Stats {
	if t == nil {
		return Stats{}
	}
	return Stats{Exported: t.exported.Load(), Dropped: t.dropped.Load(), Rejected: t.rejected.Load(), Queued: len(t.queue), Failing: t.failing.Load()}
}

// end puts a span that is over into the queue.
func (t *Tracer) end(s *span) {
	select {
	case t.queue <- s:
	default: // the collector does not keep up: the newest goes, and is counted
		t.dropped.Add(1)
	}
}

// Names of attributes: those of OpenTelemetry's semantic conventions where there
// are any, and headgate's own.
const (
	keyEventID     = "cloudevents.event_id"
	keyEventSource = "cloudevents.event_source"
	keyEventType   = "cloudevents.event_type"
	keySystem      = "messaging.system"
	keyOperation   = "messaging.operation.name"
	keyOperating   = "messaging.operation.type"
	keyDestination = "messaging.destination.name"
	keyBytes       = "messaging.message.body.size"
	keyError       = "error.type"
	keyIngress     = "headgate.ingress"
	keyRequest     = "headgate.request"
	keyRoutes      = "headgate.routes"
	keyResult      = "headgate.result"
	keySeq         = "headgate.seq"
	keyAttempt     = "headgate.attempt"
	keyPeer        = "headgate.peer"
	keyLate        = "headgate.late"
	keyTransform   = "headgate.transform"
	keyVersion     = "headgate.transform.version"
)

// about begins the attributes of every span.
func about(e *sdk.Event, operation, operating string) attributes {
	a := make(attributes, 0, mostAttributes)
	a.text(keySystem, "headgate")
	a.text(keyOperation, operation)
	a.text(keyOperating, operating)
	if e != nil {
		a.text(keyEventID, e.ID)
		a.text(keyEventSource, e.Source)
		a.text(keyEventType, e.Type)
	}
	return a
}

// Taken makes the span of an event that intake has taken.
func (t *Tracer) Taken(x *intake.Taken) {
	if t == nil {
		return
	}
	e := &x.Entry.Event
	p := t.place(e)
	if !p.sampled() {
		return
	}
	a := ofIntake(e, x.Submission, string(x.Status))
	a.texts(keyRoutes, x.Entry.Facts.Routes)
	if x.Seq != 0 {
		a.number(keySeq, int(x.Seq))
	}
	t.end(&span{place: p, id: acceptSpan(e, x.Entry.Accepted), parent: p.parent, remote: true, name: "accept", kind: trace.SpanKindServer,
		began: x.Began, ended: time.Now(), with: a})
}

// Refused makes the span of an event, or a request, that intake has refused from
// somebody who has proven who it is. Of all others there is none: whoever reaches a
// door would fill traces.
func (t *Tracer) Refused(x *intake.Refused) {
	if t == nil || x.Who == nil || x.Began.IsZero() {
		return
	}
	e := x.Event
	if e != nil && (e.ID == "" || e.Source == "") {
		e = nil // it could not be read
	}
	p := place{}
	if e != nil {
		p = t.place(e)
	} else {
		p = t.strange()
	}
	if !p.sampled() {
		return
	}
	a := ofIntake(e, x.Submission, "refused")
	a.text(keyError, string(x.Code))
	t.end(&span{place: p, id: newSpan(), parent: p.parent, remote: true, name: "accept", kind: trace.SpanKindServer, began: x.Began, ended: time.Now(),
		failed: x.Status() >= http.StatusInternalServerError, with: a})
}

func ofIntake(e *sdk.Event, s *intake.Submission, result string) attributes {
	a := about(e, "accept", "receive")
	if e != nil {
		a.number(keyBytes, len(e.Raw))
	}
	a.text(keyIngress, s.Ingress)
	a.text(keyRequest, s.RequestID)
	a.text(keyResult, result)
	return a
}

// Transformed implements dispatch.Observer.
func (t *Tracer) Transformed(x *dispatch.Transformed) {
	if t == nil {
		return
	}
	p := t.place(&x.Entry.Event)
	if !p.sampled() {
		return
	}
	a := about(&x.Entry.Event, "transform", "process")
	a.text(keyDestination, x.Channel)
	a.text(keyTransform, x.Transform)
	a.text(keyVersion, x.Version)
	if x.Attempt > 0 {
		a.number(keyAttempt, x.Attempt)
	}
	result, failed := verdict(x)
	a.text(keyResult, result)
	if failed {
		a.text(keyError, result)
	}
	t.end(&span{place: p, id: newSpan(), parent: acceptSpan(&x.Entry.Event, x.Entry.Accepted), name: "transform " + x.Transform, kind: trace.SpanKindInternal,
		began: x.Began, ended: x.Ended, failed: failed, with: a})
}

// verdict is the word for what a transform made of an event.
func verdict(x *dispatch.Transformed) (word string, failed bool) {
	switch o := x.Outcome; {
	case x.Err != nil:
		return "unavailable", true
	case o.Verdict == sdk.Fail && o.Retry:
		return "retry", true
	case o.Verdict == sdk.Fail:
		return "failed", true
	case o.Verdict == sdk.Drop:
		return "dropped", false
	case o.Verdict == sdk.Replace:
		return "replaced", false
	}
	return "unchanged", false
}

// Delivered implements dispatch.Observer: it makes the span of a delivery, and that
// of the reply that ended it.
func (t *Tracer) Delivered(x *dispatch.Delivered) {
	if t == nil {
		return
	}
	p := t.place(&x.Entry.Event)
	if !p.sampled() {
		return
	}
	id := deliverSpan(x.Entry, x.Channel, x.Attempt)
	if !x.Late {
		t.delivery(x, p, id)
	}
	if x.Reply != "" {
		t.reply(x, p, id)
	}
}

func (t *Tracer) delivery(x *dispatch.Delivered, p place, id trace.SpanID) {
	began := x.Sent
	if began.IsZero() { // it expired, and nothing names this span
		began, id = x.At, newSpan()
	}
	failed := x.End == dispatch.EndDead || x.End == dispatch.EndRetry && x.Reply == ""
	a := about(&x.Entry.Event, "deliver", "send")
	a.ofDelivery(x)
	a.text(keyPeer, x.Peer)
	a.text(keyResult, string(x.End))
	if failed {
		a.text(keyError, x.Why)
	}
	t.end(&span{place: p, id: id, parent: acceptSpan(&x.Entry.Event, x.Entry.Accepted), name: "deliver " + x.Channel, kind: trace.SpanKindProducer,
		began: began, ended: x.At, failed: failed, with: a})
}

func (t *Tracer) reply(x *dispatch.Delivered, p place, of trace.SpanID) {
	a := about(&x.Entry.Event, "reply", "settle")
	a.ofDelivery(x)
	a.text(keyResult, x.Reply)
	a.yes(keyLate, x.Late)
	t.end(&span{place: p, id: newSpan(), parent: of, name: "reply", kind: trace.SpanKindConsumer, began: x.At, ended: x.At, with: a})
}

func (a *attributes) ofDelivery(x *dispatch.Delivered) {
	a.text(keyDestination, x.Channel)
	if x.Attempt > 0 {
		a.number(keySeq, int(x.Seq))
		a.number(keyAttempt, x.Attempt)
	}
}

// TraceParent gives the traceparent of a delivery: its span is the consumer's
// parent. Of an event that is not sampled it says so; what the event itself carries
// then names the producer's span.
func (t *Tracer) TraceParent(e *outbox.Entry, channel string, attempt int) string {
	p := t.place(&e.Event)
	if p.carried != "" && !p.sampled() {
		return p.carried
	}
	return p.traceParent(deliverSpan(e, channel, attempt))
}

// newSpan is the id of a span that nobody names.
func newSpan() (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], 1+rand.Uint64N(math.MaxUint64))
	return id
}

// strange is the place of a request that has no event.
func (t *Tracer) strange() place {
	var id trace.TraceID
	binary.BigEndian.PutUint64(id[:], 1+rand.Uint64N(math.MaxUint64))
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return t.first(id)
}
