package tracing_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/core/tracing"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

const (
	sampled   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

var (
	signKey  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	leaseKey = bytes.Repeat([]byte{2}, 32)
)

// planted stands in all that a trace must not show.
const planted = "planted-and-never-shown"

// event has a traceparent unless that is empty.
func event(t testing.TB, id, traceparent string) sdk.Event {
	t.Helper()
	more := ""
	if traceparent != "" {
		more = fmt.Sprintf(`,"traceparent":%q,"tracestate":"vendor=1"`, traceparent)
	}
	e, err := sdk.ParseEvent(fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"//shop","type":"order","subject":%q,"data":{"card":%q}%s}`, id, planted, planted, more))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// entry is an accepted event.
func entry(t testing.TB, id, traceparent string, transforms ...string) *outbox.Entry {
	e := event(t, id, traceparent)
	return &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: time.Now().Round(0), Targets: []outbox.Target{{Channel: "c", Transforms: transforms}},
		Principal: sdk.Principal{Provider: "keys", Subject: planted}, Proof: sdk.Proof{Transport: "hmac"},
		Facts: outbox.Facts{Key: planted, Addr: planted, Routes: []string{"orders", "all"}}}
}

// router is the part of one behind acceptance: a store, a channel, its desk.
type router struct {
	*testing.T
	*running
	collector *collector
	store     outbox.Engine
	channel   *dispatch.Channel
	desk      *dispatch.Desk
	got       chan [][]byte
}

// Send implements dispatch.Socket.
func (r *router) Send(_ uint64, deliveries [][][]byte) bool {
	for _, d := range deliveries {
		r.got <- d
	}
	return true
}

func signer() *delivery.Signer { return delivery.NewSigner(signKey) }

func newRouter(t *testing.T, o tracing.Options, transforms map[string]dispatch.Transform) *router {
	r := &router{T: t, collector: newCollector(t), got: make(chan [][]byte, 100)}
	o.Endpoint = r.collector.URL
	r.running = run(t, o)
	r.store = memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 1 << 20, Capacity: 1 << 30, MaxPending: map[string]int64{"c": 1 << 30}})
	r.channel = dispatch.NewChannel(dispatch.Options{
		Settings: dispatch.Settings{Name: "c", Prefetch: 64, AckTimeout: time.Hour, MaxHold: time.Hour, MaxAttempts: 3, BackoffMin: time.Millisecond, BackoffMax: time.Millisecond},
		Store:    r.store, Transforms: dispatch.NewTransforms(transforms), Signer: signer, LeaseKey: leaseKey, Log: zerolog.Nop(), Observe: r.Tracer, Trace: r.TraceParent})
	r.desk = &dispatch.Desk{Asking: r.store, Leases: delivery.NewLeases(leaseKey), Channels: map[string]*dispatch.Channel{"c": r.channel}, Log: zerolog.Nop()}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.channel.Run(ctx, r) }()
	flush := r.end
	r.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("channel: %v", err)
		}
		flush()
	})
	t.Cleanup(r.end)
	r.channel.Joined(1, "billing", "consumer:1")
	return r
}

// accept takes an event as intake does.
func (r *router) accept(e *outbox.Entry) {
	r.Helper()
	began := e.Accepted.Add(-time.Millisecond)
	a := r.store.Append(context.Background(), e)[0]
	if a.Err != nil {
		r.Fatal(a.Err)
	}
	r.Taken(&intake.Taken{Submission: &intake.Submission{RequestID: "r1", Ingress: "edge", Addr: planted, Body: []byte(planted)}, Status: intake.Accepted, Seq: a.Seq, Entry: e, Began: began})
}

// next is the header of the next delivery.
func (r *router) next() delivery.Header {
	r.Helper()
	select {
	case frames := <-r.got:
		h, err := delivery.ParseHeader(frames[1])
		if err != nil {
			r.Fatal(err)
		}
		return h
	case <-time.After(20 * time.Second):
		r.Fatal("no delivery comes")
		panic("unreachable")
	}
}

func (r *router) reply(h delivery.Header, rest string) {
	r.desk.Take(context.Background(), 7, "billing", "consumer:1", fmt.Appendf(nil, `{"id":%q,"source":%q,"lease":%q,"reason":%q,%s}`, h.ID, h.Source, h.Lease, planted, rest))
}

// plug is a transform that does what it is told.
type plug func(n int, in []sdk.Input) ([]sdk.Outcome, error)

type plugged struct {
	mu   sync.Mutex
	n    int
	does plug
}

func (p *plugged) Apply(_ context.Context, in []sdk.Input) ([]sdk.Outcome, dispatch.Plugin, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	out, err := p.does(p.n, in)
	return out, dispatch.Plugin{Version: "9"}, err
}

func (p *plugged) Available() <-chan struct{} {
	always := make(chan struct{})
	close(always)
	return always
}

// child wants one span to be another's child in the same trace.
func child(t *testing.T, parent, of *tracepb.Span) {
	t.Helper()
	if !bytes.Equal(of.ParentSpanId, parent.SpanId) || !bytes.Equal(of.TraceId, parent.TraceId) {
		t.Errorf("%s is no child of %s", of.Name, parent.Name)
	}
	if of.Flags != 0x101 {
		t.Errorf("%s: flags %x: its parent is of this process", of.Name, of.Flags)
	}
}

// TestOneTrace follows an event whose producer traces it, through a transform, to
// its consumer's reply.
func TestOneTrace(t *testing.T) {
	mask := &plugged{does: func(_ int, in []sdk.Input) ([]sdk.Outcome, error) { return make([]sdk.Outcome, len(in)), nil }}
	r := newRouter(t, tracing.Options{}, map[string]dispatch.Transform{"mask": mask})
	r.accept(entry(t, "e1", sampled, "mask"))
	h := r.next()
	r.reply(h, `"status":"done"`)
	r.end()

	accept, transform, deliver, reply := r.collector.one("accept"), r.collector.one("transform mask"), r.collector.one("deliver c"), r.collector.one("reply")
	if n := len(r.collector.spans); n != 4 {
		t.Errorf("spans: %s", r.collector.names())
	}
	if got := fmt.Sprintf("%x %x", accept.TraceId, accept.ParentSpanId); got != "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331" || accept.TraceState != "vendor=1" || accept.Flags != 0x301 {
		t.Errorf("accept does not go on with the producer's trace: %s, %s, flags %x", got, accept.TraceState, accept.Flags)
	}
	child(t, accept, transform)
	child(t, accept, deliver)
	child(t, deliver, reply)
	if h.TraceParent != traceParentOf(deliver) {
		t.Errorf("the consumer is told %s, the delivery's span is %s", h.TraceParent, traceParentOf(deliver))
	}
	if !(accept.StartTimeUnixNano <= accept.EndTimeUnixNano && transform.EndTimeUnixNano <= deliver.StartTimeUnixNano && deliver.EndTimeUnixNano == reply.StartTimeUnixNano) {
		t.Error("times are out of order")
	}
	for _, tt := range []struct {
		of        *tracepb.Span
		kind      tracepb.Span_SpanKind
		key, want string
	}{
		{accept, tracepb.Span_SPAN_KIND_SERVER, "headgate.ingress", "edge"},
		{accept, tracepb.Span_SPAN_KIND_SERVER, "headgate.result", "accepted"},
		{accept, tracepb.Span_SPAN_KIND_SERVER, "headgate.request", "r1"},
		{accept, tracepb.Span_SPAN_KIND_SERVER, "cloudevents.event_id", "e1"},
		{accept, tracepb.Span_SPAN_KIND_SERVER, "messaging.operation.type", "receive"},
		{transform, tracepb.Span_SPAN_KIND_INTERNAL, "headgate.result", "unchanged"},
		{transform, tracepb.Span_SPAN_KIND_INTERNAL, "headgate.transform.version", "9"},
		{deliver, tracepb.Span_SPAN_KIND_PRODUCER, "headgate.result", "done"},
		{deliver, tracepb.Span_SPAN_KIND_PRODUCER, "messaging.destination.name", "c"},
		{deliver, tracepb.Span_SPAN_KIND_PRODUCER, "headgate.peer", "billing"},
		{reply, tracepb.Span_SPAN_KIND_CONSUMER, "headgate.result", "done"},
	} {
		if got := attribute(tt.of, tt.key); got != tt.want || tt.of.Kind != tt.kind {
			t.Errorf("%s: %s is %q, kind %v", tt.of.Name, tt.key, got, tt.of.Kind)
		}
	}
	if routes := attribute(accept, "headgate.routes"); !strings.Contains(routes, "orders") || !strings.Contains(routes, "all") {
		t.Errorf("routes: %s", routes)
	}
	if attempt := attribute(deliver, "headgate.attempt"); !strings.Contains(attempt, "int_value:1") {
		t.Errorf("attempt: %s", attempt)
	}
	if r.collector.resource["service.name"] != "headgate" || r.collector.resource["service.version"] != "1.2.3" || r.collector.resource["service.instance.id"] != "i1" {
		t.Errorf("resource: %v", r.collector.resource)
	}
	for _, body := range r.collector.bodies {
		for _, secret := range []string{planted, h.Lease} {
			if bytes.Contains(body, []byte(secret)) {
				t.Errorf("%q is in the trace", secret)
			}
		}
	}
	if got := r.Stats(); got.Exported != 4 || got.Dropped != 0 || got.Queued != 0 {
		t.Errorf("%+v", got)
	}
}

// TestSampling: a producer decides for its events, the router for all others.
func TestSampling(t *testing.T) {
	for _, tt := range []struct {
		name, traceparent string
		sample            float64
		spans             int
		told              string // beginning of what the consumer is told
		as                string // or all of it
	}{
		{"its producer traces it", sampled, 0, 3, "00-0af7651916cd43dd8448eb211c80319c-", ""},
		{"its producer does not", unsampled, 1, 0, "", unsampled},
		{"its producer says nothing", "", 1, 3, "00-", ""},
		{"its producer says nothing, nor does the router", "", 0, 0, "00-", ""},
		{"its producer says nonsense", "00-xyz-01", 1, 3, "00-", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRouter(t, tracing.Options{Sample: tt.sample}, nil)
			r.accept(entry(t, "e1", tt.traceparent))
			h := r.next()
			r.reply(h, `"status":"done"`)
			r.end()
			if n := len(r.collector.spans); n != tt.spans {
				t.Fatalf("%d spans: %s", n, r.collector.names())
			}
			if tt.as != "" && h.TraceParent != tt.as || !strings.HasPrefix(h.TraceParent, tt.told) || len(h.TraceParent) != len(sampled) {
				t.Errorf("the consumer is told %q", h.TraceParent)
			}
			if tt.spans > 0 && h.TraceParent != traceParentOf(r.collector.one("deliver c")) {
				t.Errorf("the consumer is told %q", h.TraceParent)
			}
			if flag := h.TraceParent[len(h.TraceParent)-2:]; (flag == "01") != (tt.spans > 0) {
				t.Errorf("the consumer is told %q", h.TraceParent)
			}
			if tt.traceparent != sampled && tt.spans > 0 && len(r.collector.one("accept").ParentSpanId) > 0 {
				t.Error("accept has a parent that nobody named")
			}
		})
	}
}

// TestSampleIsAFraction: of events without a traceparent as many as are wanted.
func TestSampleIsAFraction(t *testing.T) {
	const events = 4000
	tracer := tracing.New(tracing.Options{Sample: 0.25})
	n := 0
	for i := range events {
		if strings.HasSuffix(tracer.TraceParent(entry(t, fmt.Sprint(i), ""), "c", 1), "-01") {
			n++
		}
	}
	if n < events/5 || n > events*3/10 {
		t.Errorf("%d of %d", n, events)
	}
}

// TestRetry: each attempt is a span of its own, and its reply is below it.
func TestRetry(t *testing.T) {
	r := newRouter(t, tracing.Options{}, nil)
	r.accept(entry(t, "e1", sampled))
	first := r.next()
	r.reply(first, `"status":"retry","retry_after":0.001`)
	second := r.next()
	r.reply(second, `"status":"failed"`)
	r.end()
	deliveries, replies := r.collector.got()["deliver c"], r.collector.got()["reply"]
	if len(deliveries) != 2 || len(replies) != 2 {
		t.Fatalf("spans: %s", r.collector.names())
	}
	for i, h := range []delivery.Header{first, second} {
		result, status := []string{"retry", "dead"}[i], []string{"retry", "failed"}[i]
		child(t, r.collector.one("accept"), deliveries[i])
		child(t, deliveries[i], replies[i])
		if h.TraceParent != traceParentOf(deliveries[i]) || attribute(deliveries[i], "headgate.result") != result || attribute(replies[i], "headgate.result") != status {
			t.Errorf("attempt %d: %v", i+1, deliveries[i])
		}
	}
	if deliveries[0].Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR || deliveries[1].Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || attribute(deliveries[1], "error.type") != "failed" {
		t.Errorf("a retry is no error, a dead letter is: %v", deliveries)
	}
}

// TestTransforms: each try is a span, whatever came of it.
func TestTransforms(t *testing.T) {
	does := []struct {
		outcome sdk.Outcome
		err     error
		want    string
	}{
		{err: errors.New(planted), want: "unavailable"},
		{outcome: sdk.Outcome{Verdict: sdk.Fail, Retry: true, Reason: planted}, want: "retry"},
		{outcome: sdk.Outcome{Verdict: sdk.Fail, Reason: planted, Stack: planted}, want: "failed"},
	}
	mask := &plugged{does: func(n int, in []sdk.Input) ([]sdk.Outcome, error) {
		return []sdk.Outcome{does[n-1].outcome}, does[n-1].err
	}}
	r := newRouter(t, tracing.Options{}, map[string]dispatch.Transform{"mask": mask})
	e := entry(t, "e1", sampled, "mask")
	r.accept(e)
	if st, err := r.store.Await(t.Context(), e.Key()); err != nil || st.State() != outbox.StateFailed {
		t.Fatal(st.State(), err)
	}
	r.end()
	spans := r.collector.got()["transform mask"]
	if len(spans) != len(does) || len(r.collector.spans) != len(does)+1 {
		t.Fatalf("spans: %s", r.collector.names())
	}
	for i, s := range spans {
		child(t, r.collector.one("accept"), s)
		if attribute(s, "headgate.result") != does[i].want || attribute(s, "error.type") != does[i].want || s.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
			t.Errorf("%d: %v", i, s)
		}
	}
	for _, body := range r.collector.bodies {
		if bytes.Contains(body, []byte(planted)) {
			t.Error("what the plugin said is in the trace")
		}
	}
}

// listener is a telemetry channel's socket.
type listener chan [][]byte

func (l listener) Publish(deliveries [][][]byte) {
	for _, d := range deliveries {
		l <- d
	}
}

// TestTelemetry: a publication is a span, too.
func TestTelemetry(t *testing.T) {
	pass := &plugged{does: func(_ int, in []sdk.Input) ([]sdk.Outcome, error) { return make([]sdk.Outcome, len(in)), nil }}
	c := newCollector(t)
	r := run(t, tracing.Options{Endpoint: c.URL})
	to := make(listener, 2)
	tele := dispatch.NewTelemetry(dispatch.TelemetryOptions{Name: "watch", Ring: 10, Transforms: dispatch.NewTransforms(map[string]dispatch.Transform{"pass": pass}),
		Signer: signer, To: to, Log: zerolog.Nop(), Observe: r.Tracer, Trace: r.TraceParent})
	plain, changed := entry(t, "e1", sampled), entry(t, "e2", sampled)
	for _, e := range []*outbox.Entry{plain, changed} {
		r.Taken(&intake.Taken{Submission: &intake.Submission{Ingress: "edge"}, Status: intake.Queued, Entry: e, Began: e.Accepted})
	}
	tele.Publish(plain, nil)
	tele.Publish(changed, []string{"pass"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tele.Run(ctx); err != nil { // publishes what is in the ring
		t.Fatal(err)
	}
	r.end()
	told := make(map[string]string)
	for range 2 {
		h, err := delivery.ParseHeader((<-to)[1])
		if err != nil {
			t.Fatal(err)
		}
		told[h.ID] = h.TraceParent
	}
	accepted := make(map[string]*tracepb.Span)
	for _, s := range c.got()["accept"] {
		accepted[attribute(s, "cloudevents.event_id")] = s
	}
	child(t, accepted["e2"], c.one("transform pass"))
	if len(c.got()["deliver watch"]) != 2 {
		t.Fatalf("spans: %s", c.names())
	}
	for _, s := range c.got()["deliver watch"] {
		id := attribute(s, "cloudevents.event_id")
		child(t, accepted[id], s)
		if told[id] != traceParentOf(s) || attribute(s, "headgate.result") != "published" {
			t.Errorf("%s: subscribers are told %s, and the span is %v", id, told[id], s)
		}
	}
}

// TestRefusals: of who has proven who it is they are traced, of others not.
func TestRefusals(t *testing.T) {
	c := newCollector(t)
	r := run(t, tracing.Options{Endpoint: c.URL, Sample: 1})
	e, who := event(t, "e1", sampled), &trust.Identity{Principal: sdk.Principal{Provider: "keys", Subject: planted}}
	refused := func(p intake.Problem, who *trust.Identity, e *sdk.Event, began time.Time) {
		p.Reason, p.Detail = planted, planted
		r.Refused(&intake.Refused{Submission: &intake.Submission{Ingress: "edge"}, Problem: &p, Err: errors.New(planted), Who: who, Event: e, Began: began})
	}
	refused(intake.Problem{Code: intake.Forbidden}, who, &e, time.Now())
	refused(intake.Problem{Code: intake.Overloaded}, who, nil, time.Now())
	refused(intake.Problem{Code: intake.Malformed}, who, &sdk.Event{ID: "half read"}, time.Now())
	refused(intake.Problem{Code: intake.Unauthenticated}, nil, &e, time.Now())
	refused(intake.Problem{Code: intake.NotFound}, who, nil, time.Time{}) // a question
	r.end()
	spans := c.got()["accept"]
	if len(spans) != 3 {
		t.Fatalf("spans: %v", spans)
	}
	for i, want := range []struct {
		code, id string
		failed   bool
	}{{"forbidden", "e1", false}, {"overloaded", "", true}, {"malformed", "", false}} {
		s := spans[i]
		if attribute(s, "error.type") != want.code || attribute(s, "headgate.result") != "refused" || attribute(s, "cloudevents.event_id") != want.id ||
			(s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR) != want.failed {
			t.Errorf("%v", s)
		}
	}
	if got := fmt.Sprintf("%x", spans[0].TraceId); got != sampled[3:35] {
		t.Errorf("the refusal is in trace %s", got)
	}
	if bytes.Contains(bytes.Join(c.bodies, nil), []byte(planted)) {
		t.Error("what must not be shown is in the trace")
	}
}

// TestTextsAreBounded: whatever a sender wrote, the collector can read it.
func TestTextsAreBounded(t *testing.T) {
	c := newCollector(t)
	r := run(t, tracing.Options{Endpoint: c.URL, Sample: 1})
	e := entry(t, "e1", "")
	e.Event.Source = strings.Repeat("ä", 1000) + "\xff"
	e.Event.Type = "a" + strings.Repeat("ä", 128)
	for range 50 {
		e.Facts.Routes = append(e.Facts.Routes, strings.Repeat("r", 64))
	}
	r.Taken(&intake.Taken{Submission: &intake.Submission{}, Status: intake.Queued, Entry: e})
	r.end()
	s := c.one("accept")
	for _, key := range []string{"cloudevents.event_source", "cloudevents.event_type"} {
		if n := len(attribute(s, key)); n < 200 || n > 300 {
			t.Errorf("%s has %d bytes", key, n)
		}
	}
	if n := strings.Count(attribute(s, "headgate.routes"), "string_value"); n != 16 {
		t.Errorf("%d routes", n)
	}
}

// TestNone: a nil tracer does nothing.
func TestNone(t *testing.T) {
	var none *tracing.Tracer
	none.Taken(nil)
	none.Refused(nil)
	none.Transformed(nil)
	none.Delivered(nil)
	if err := none.Run(t.Context()); err != nil || none.Stats() != (tracing.Stats{}) {
		t.Error(err, none.Stats())
	}
}
