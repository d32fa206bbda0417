package tracing

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	// patience is what one request may take: the default of OTLP exporters.
	patience = 10 * time.Second
	// retryMin and retryMax bound the wait between two tries, but for what the
	// collector asks for. It grows by half.
	retryMin = time.Second
	retryMax = 10 * time.Second
	// retryFor is how long a batch is tried that the collector may take later.
	retryFor = 30 * time.Second
	// maxAnswer is how much of an answer is read.
	maxAnswer = 64 << 10
)

// collector is where spans go. It sees what OpenTelemetry's client is given to
// send, and each answer before that client does, so that all is counted and told
// once, and no text of an answer gets into the log.
type collector struct {
	otlptrace.Client // that asks by RoundTrip
	t                *Tracer
	transport        *http.Transport
	rejected         uint64 // of the spans in the last request
}

var _ http.RoundTripper = (*collector)(nil)

// newCollector has one that is asked directly and alone: by no proxy, which the
// environment would name, and at no place that it points to.
func newCollector(t *Tracer) *collector {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.TLSClientConfig = t.o.TLS
	transport.MaxIdleConns = 1
	c := &collector{t: t, transport: transport}
	headers := map[string]string{"User-Agent": "headgate/" + t.o.Version}
	maps.Copy(headers, t.o.Headers)
	// Each option stands here: a variable would set what does not.
	c.Client = otlptracehttp.NewClient(
		otlptracehttp.WithEndpointURL(t.o.Endpoint+"/v1/traces"),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: c, Timeout: patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}),
		otlptracehttp.WithTLSClientConfig(nil), // the transport's counts
		otlptracehttp.WithTimeout(patience),    // and so does its client's
		otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf),
		otlptracehttp.WithCompression(otlptracehttp.NoCompression),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: retryMin, MaxInterval: retryMax, MaxElapsedTime: retryFor}),
	)
	return c
}

// UploadTraces implements otlptrace.Client. It errs never: what fails is counted.
func (c *collector) UploadTraces(ctx context.Context, of []*tracepb.ResourceSpans) error {
	var spans uint64
	for _, r := range of {
		for _, s := range r.ScopeSpans {
			spans += uint64(len(s.Spans))
		}
	}
	if err := c.Client.UploadTraces(ctx, of); err != nil {
		c.t.failed(err)
		c.t.dropped.Add(spans)
		return nil
	}
	c.t.took(spans, c.rejected)
	return nil
}

// RoundTrip implements http.RoundTripper: it is one try. It passes on whether it
// went well, and not what the collector wrote.
func (c *collector) RoundTrip(req *http.Request) (*http.Response, error) {
	c.rejected = 0
	answer, err := c.transport.RoundTrip(req)
	if err != nil {
		c.t.failed(err)
		return nil, passing{err}
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // one that is cut short is an answer, too
	if answer.StatusCode/100 == 2 {
		c.rejected = rejectedBy(text)
	} else {
		c.t.failed(fmt.Errorf("it answers %d", answer.StatusCode))
	}
	answer.Body = http.NoBody
	return answer, nil
}

// passing is the failure of a request that was not answered: OpenTelemetry's client
// tries again after those that are temporary.
type passing struct{ error }

func (passing) Temporary() bool { return true }

func (p passing) Unwrap() error { return p.error }

// rejectedBy reads how many spans an answer says were rejected. What cannot be read
// rejects none.
func rejectedBy(answer []byte) uint64 {
	var of coltracepb.ExportTraceServiceResponse
	if proto.Unmarshal(answer, &of) != nil {
		return 0
	}
	return uint64(max(of.GetPartialSuccess().GetRejectedSpans(), 0))
}

// took counts a batch that the collector has answered for.
func (t *Tracer) took(spans, rejected uint64) {
	rejected = min(rejected, spans)
	t.exported.Add(spans - rejected)
	if rejected > 0 && t.rejected.Add(rejected) == rejected {
		t.o.Log.Warn().Uint64("spans", rejected).Msg("the collector rejects spans: this is told once")
	}
	if t.failing.Swap(false) {
		t.o.Log.Info().Uint64("dropped", t.Stats().Dropped).Msg("traces reach the collector again")
	}
}

// failed tells of an outage once.
func (t *Tracer) failed(err error) {
	if !t.failing.Swap(true) {
		t.o.Log.Warn().Err(err).Str("endpoint", t.o.Endpoint).Msg("traces do not reach the collector: what it does not take in time is dropped and counted")
	}
}
