package tracing

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// span is one that is over.
type span struct {
	place
	id     trace.SpanID
	parent trace.SpanID // zero for none
	remote bool         // the parent is of another process
	name   string
	kind   trace.SpanKind
	began  time.Time
	ended  time.Time
	failed bool
	with   attributes
}

// end has OpenTelemetry make the span, with the ids and the times that it has.
func (s *span) end(spans trace.Tracer) {
	ctx := context.WithValue(context.Background(), ids{}, s)
	if s.parent.IsValid() {
		state, _ := trace.ParseTraceState(s.state) // one that is not is left out (W3C Trace Context, section 3.3)
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: s.trace, SpanID: s.parent, TraceFlags: s.flags, TraceState: state, Remote: s.remote}))
	}
	_, made := spans.Start(ctx, s.name, trace.WithSpanKind(s.kind), trace.WithTimestamp(s.began), trace.WithAttributes(s.with...))
	if s.failed {
		made.SetStatus(codes.Error, "")
	}
	if s.ended.Before(s.began) { // clocks that were set
		s.ended = s.began
	}
	made.End(trace.WithTimestamp(s.ended))
}

// ids is the key of a context's value: the span whose ids count.
type ids struct{}

// stored gives the ids that are made of what the store keeps.
type stored struct{}

var _ sdktrace.IDGenerator = stored{}

// NewIDs implements sdktrace.IDGenerator.
func (stored) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	s := ctx.Value(ids{}).(*span)
	return s.trace, s.id
}

// NewSpanID implements sdktrace.IDGenerator.
func (stored) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	return ctx.Value(ids{}).(*span).id
}

// maxText bounds a text of an attribute, in bytes.
const maxText = 256

// maxTexts bounds the texts of a list.
const maxTexts = 16

// mostAttributes is what a span has at the most.
const mostAttributes = 12

// attributes are those of a span. What is not there is left out.
type attributes []attribute.KeyValue

func (a *attributes) text(key, value string) {
	if value != "" {
		*a = append(*a, attribute.String(key, bounded(value)))
	}
}

func (a *attributes) number(key string, value int) { *a = append(*a, attribute.Int(key, value)) }

func (a *attributes) yes(key string, value bool) {
	if value {
		*a = append(*a, attribute.Bool(key, true))
	}
}

func (a *attributes) texts(key string, values []string) {
	if len(values) == 0 {
		return
	}
	texts := make([]string, min(len(values), maxTexts))
	for i := range texts {
		texts[i] = bounded(values[i])
	}
	*a = append(*a, attribute.StringSlice(key, texts))
}

// bounded cuts a text, and makes it one that protobuf takes. It holds on to nothing
// of a longer one.
func bounded(s string) string {
	if len(s) > maxText {
		s = strings.Clone(s[:maxText])
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
