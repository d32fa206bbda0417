package tracing

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	// maxBatch is how many spans go in one request, and wait to go in the next.
	maxBatch = 512
	// gathering is the longest that a span waits for others.
	gathering = time.Second
	// lastSpans is how long the end of a router waits for the collector.
	lastSpans = 2 * time.Second
)

// Run takes spans to the collector until ctx ends, and then those that are left,
// as long as that takes no more than two seconds. What OpenTelemetry's libraries
// tell of themselves is told to nobody from then on, in the whole process: they
// speak of variables that mean nothing here, and of exports, which Stats counts.
func (t *Tracer) Run(ctx context.Context) error {
	if t == nil {
		return nil
	}
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	c := newCollector(t)
	defer c.transport.CloseIdleConnections()
	last := context.WithoutCancel(ctx)
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastSpans, func() { _ = c.Stop(last) }) })()
	batches := newBatches(named{otlptrace.NewUnstarted(c), name(t.o)}) // to start one does nothing over HTTP
	spans := newSpans(batches, t.o.Version)
	for ctx.Err() == nil {
		select {
		case s := <-t.queue:
			s.end(spans)
		case <-ctx.Done():
		}
	}
	for len(t.queue) > 0 {
		(<-t.queue).end(spans)
	}
	return batches.Shutdown(last)
}

// newBatches gathers spans. It has whoever ends one wait while the collector is
// behind: what overflows is the tracer's queue, which counts. Each option stands
// here: a variable would set what does not.
func newBatches(to sdktrace.SpanExporter) sdktrace.SpanProcessor {
	return sdktrace.NewBatchSpanProcessor(to,
		sdktrace.WithMaxQueueSize(maxBatch),
		sdktrace.WithMaxExportBatchSize(maxBatch),
		sdktrace.WithBatchTimeout(gathering),
		sdktrace.WithExportTimeout(patience+retryFor),
		sdktrace.WithBlocking(),
	)
}

// scope names what makes the spans.
const scope = "github.com/headgate-io/headgate"

// newSpans makes spans with the ids that they have. Each option stands here, too.
// Of what is not sampled nobody makes one; texts are bounded where they are put in,
// and so is how many there are.
func newSpans(to sdktrace.SpanProcessor, version string) trace.Tracer {
	return sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(to),
		sdktrace.WithIDGenerator(stored{}),
		sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{AttributeValueLengthLimit: -1, AttributeCountLimit: -1}),
		sdktrace.WithResource(resource.Empty()), // named has one
	).Tracer(scope, trace.WithInstrumentationVersion(version))
}

// named has spans say which router they are of, and nothing besides: to what a
// provider is told, it adds what variables say.
type named struct {
	sdktrace.SpanExporter
	router *resource.Resource
}

// name tells one router, and one run of it, from others.
func name(o Options) *resource.Resource {
	of := attributes{attribute.String("service.name", "headgate")}
	of.text("service.version", o.Version)
	of.text("service.instance.id", o.Instance)
	return resource.NewSchemaless(of...)
}

// ExportSpans implements sdktrace.SpanExporter.
func (n named) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	of := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		of[i] = namedSpan{s, n.router}
	}
	return n.SpanExporter.ExportSpans(ctx, of)
}

type namedSpan struct {
	sdktrace.ReadOnlySpan
	router *resource.Resource
}

// Resource implements sdktrace.ReadOnlySpan.
func (s namedSpan) Resource() *resource.Resource { return s.router }
