package tracing

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// maxBatch is how many spans go in one request.
	maxBatch = 512
	// gathering is the longest that a span waits for others.
	gathering = time.Second
	// patience is what one request may take: the default of OTLP exporters.
	patience = 10 * time.Second
	// maxTries is how often a batch is sent that the collector may take later.
	maxTries = 5
	// retryMin and retryMax bound the wait between two tries. It doubles.
	retryMin = time.Second
	retryMax = 30 * time.Second
	// lastSpans is how long the end of a router waits for the collector.
	lastSpans = 2 * time.Second
	// maxAnswer is how much of an answer is read.
	maxAnswer = 64 << 10
)

// newClient gives one that asks nobody but the collector: no proxy, which the
// environment would name, and no place that it points to.
func newClient(secure *tls.Config) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.TLSClientConfig = secure
	transport.MaxIdleConns = 1
	return &http.Client{Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Run takes spans to the collector until ctx ends, and then those that are left,
// as long as that takes no more than two seconds.
func (t *Tracer) Run(ctx context.Context) error {
	if t == nil {
		return nil
	}
	defer t.client.CloseIdleConnections()
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastSpans, cancel) })()
	for ctx.Err() == nil {
		if batch := t.gather(ctx); len(batch) > 0 {
			t.export(ctx, late, batch)
		}
	}
	for len(t.queue) > 0 {
		t.export(ctx, late, t.gather(ctx))
	}
	return nil
}

// gather takes spans from the queue until there are enough, some have waited long
// enough, or ctx has ended and there are no more.
func (t *Tracer) gather(ctx context.Context) (batch [][]byte) {
	var over <-chan time.Time
	for len(batch) < maxBatch {
		s := t.next(ctx, over)
		if s == nil {
			break
		}
		batch = append(batch, s)
		if over == nil {
			over = time.After(gathering)
		}
	}
	return batch
}

// next takes a span that is there, or waits for one; nil for none before then.
func (t *Tracer) next(ctx context.Context, over <-chan time.Time) []byte {
	select {
	case s := <-t.queue:
		return s
	default:
	}
	select {
	case s := <-t.queue:
		return s
	case <-over:
	case <-ctx.Done():
	}
	return nil
}

// export takes a batch to the collector. Once ctx has ended it is tried no more
// than once, and not beyond late.
func (t *Tracer) export(ctx, late context.Context, batch [][]byte) {
	body := t.request(batch)
	for try, wait := 1, retryMin; ; try, wait = try+1, min(2*wait, retryMax) {
		rejected, err := t.post(late, body)
		if err == nil {
			t.took(uint64(len(batch)), rejected)
			return
		}
		t.failed(err)
		var again *laterError
		if !errors.As(err, &again) || try == maxTries || ctx.Err() != nil {
			break
		}
		select {
		case <-time.After(min(max(wait, again.after), retryMax)):
		case <-ctx.Done():
		}
	}
	t.dropped.Add(uint64(len(batch)))
}

// took counts a batch that the collector has answered for.
func (t *Tracer) took(spans, rejected uint64) {
	rejected = min(rejected, spans)
	t.exported.Add(spans - rejected)
	if rejected > 0 && t.rejected.Add(rejected) == rejected {
		t.o.Log.Warn().Uint64("spans", rejected).Msg("the collector rejects spans: this is told once")
	}
	if t.failing.Swap(false) {
		t.o.Log.Info().Uint64("dropped", t.dropped.Load()).Msg("traces reach the collector again")
	}
}

// failed tells of an outage once.
func (t *Tracer) failed(err error) {
	if !t.failing.Swap(true) {
		t.o.Log.Warn().Err(err).Str("endpoint", t.o.Endpoint).Msg("traces do not reach the collector: what it does not take in time is dropped and counted")
	}
}

// laterError is a failure after which OTLP/HTTP has a client try again.
type laterError struct {
	error
	after time.Duration // that the collector asks for; 0 for none
}

func (e *laterError) Unwrap() error { return e.error }

// post sends one request (OTLP 1.x, section OTLP/HTTP). Of the spans in it the
// collector may have rejected some. Errors hold nothing that the collector wrote.
func (t *Tracer) post(ctx context.Context, body []byte) (rejected uint64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.o.Endpoint+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, value := range t.o.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "headgate/"+t.o.Version)
	answer, err := t.client.Do(req)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		return 0, &laterError{error: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return rejectedBy(text), nil // err: it has taken them, and its answer is cut short
	case code == http.StatusTooManyRequests, code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // a date counts as none
		return 0, &laterError{fmt.Errorf("it answers %d", code), time.Duration(min(max(seconds, 0), int(retryMax.Seconds()))) * time.Second}
	default:
		return 0, fmt.Errorf("it answers %d", code)
	}
}

// rejectedBy reads how many spans an ExportTraceServiceResponse says were rejected:
// partial_success (1), rejected_spans (1). What cannot be read rejects none.
func rejectedBy(answer []byte) uint64 {
	partial, _ := field(answer, 1)
	_, rejected := field(partial, 1)
	return rejected
}

// field finds the last field of that number, whatever it is.
func field(b []byte, number protowire.Number) (text []byte, varint uint64) {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			break
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(num, kind, b)
		if size < 0 {
			break
		}
		switch {
		case num != number:
		case kind == protowire.BytesType:
			text, _ = protowire.ConsumeBytes(b)
		case kind == protowire.VarintType:
			varint, _ = protowire.ConsumeVarint(b)
		}
		b = b[size:]
	}
	return text, varint
}

// scope names what makes the spans.
const scope = "github.com/headgate-io/headgate"

// request encodes spans as an ExportTraceServiceRequest, which is laid out as
// TracesData of trace.proto.
func (t *Tracer) request(spans [][]byte) []byte {
	inner := appendMessage(nil, 1, func(b []byte) []byte { return appendString(appendString(b, 1, scope), 2, t.o.Version) })
	for _, s := range spans {
		inner = appendBytes(inner, 2, s)
	}
	outer := appendBytes(t.resource(), 2, inner)
	return appendBytes(nil, 1, outer)
}

// resource says which router it is.
func (t *Tracer) resource() []byte {
	return appendMessage(nil, 1, func(b []byte) []byte {
		for _, a := range [][2]string{{"service.name", "headgate"}, {"service.version", t.o.Version}, {"service.instance.id", t.o.Instance}} {
			if a[1] != "" {
				b = appendAttribute(b, 1, a[0], func(b []byte) []byte { return appendString(b, 1, bounded(a[1])) })
			}
		}
		return b
	})
}
