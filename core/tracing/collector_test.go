package tracing_test

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/headgate-io/headgate/core/tracing"
)

// collector stands in for one that speaks OTLP over HTTP, and reads what it gets
// with OpenTelemetry's own code.
type collector struct {
	*testing.T
	*httptest.Server

	mu       sync.Mutex
	answer   func(w http.ResponseWriter, request int) // nil for 200
	requests []*http.Request
	bodies   [][]byte
	spans    []*tracepb.Span
	resource map[string]string
}

func newCollector(t *testing.T) *collector { return newTLSCollector(t, nil) }

// newTLSCollector has one with https, unless secure is nil.
func newTLSCollector(t *testing.T, secure *tls.Config) *collector {
	c := &collector{T: t, resource: make(map[string]string)}
	c.Server = httptest.NewUnstartedServer(c)
	if secure == nil {
		c.Start()
	} else {
		c.Server.TLS, c.Config.ErrorLog = secure, log.New(io.Discard, "", 0)
		c.EnableHTTP2 = true
		c.StartTLS()
	}
	t.Cleanup(c.Server.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender has given up
	}
	c.mu.Lock()
	c.requests, c.bodies = append(c.requests, r), append(c.bodies, body)
	n, answer := len(c.requests), c.answer
	c.mu.Unlock()
	if answer != nil {
		answer(w, n)
		return
	}
	c.take(body)
}

// take reads a request, which is laid out as TracesData.
func (c *collector) take(body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var data tracepb.TracesData
	if err := proto.Unmarshal(body, &data); err != nil {
		c.Errorf("the request: %v", err)
	}
	for _, r := range data.ResourceSpans {
		for _, a := range r.Resource.Attributes {
			c.resource[a.Key] = a.Value.GetStringValue()
		}
		if r.SchemaUrl != "" {
			c.Errorf("a schema: %s", r.SchemaUrl)
		}
		for _, s := range r.ScopeSpans {
			if s.Scope.GetName() != "github.com/headgate-io/headgate" || s.Scope.GetVersion() != "1.2.3" {
				c.Errorf("a scope: %v", s.Scope)
			}
			c.spans = append(c.spans, s.Spans...)
		}
	}
	if n := len(data.ProtoReflect().GetUnknown()); n > 0 {
		c.Errorf("%d bytes are unknown to OpenTelemetry", n)
	}
}

func (c *collector) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.requests)
}

// body gives that of a request, of which 1 is the first.
func (c *collector) body(request int) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bodies[request-1]
}

// answers changes how it answers.
func (c *collector) answers(f func(w http.ResponseWriter, request int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

// got gives spans by name.
func (c *collector) got() map[string][]*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string][]*tracepb.Span)
	for _, s := range c.spans {
		out[s.Name] = append(out[s.Name], s)
	}
	return out
}

// one gives the only span of a name.
func (c *collector) one(name string) *tracepb.Span {
	c.Helper()
	all := c.got()[name]
	if len(all) != 1 {
		c.Fatalf("%d spans %q among %v", len(all), name, c.names())
	}
	return all[0]
}

// names lists the names of all spans, sorted.
func (c *collector) names() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, s := range c.spans {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// attribute gives one of a span as text.
func attribute(s *tracepb.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key != key {
			continue
		}
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			return v.StringValue
		default:
			return a.Value.String()
		}
	}
	return ""
}

// traceParentOf is the traceparent that names a span.
func traceParentOf(s *tracepb.Span) string {
	return "00-" + hex.EncodeToString(s.TraceId) + "-" + hex.EncodeToString(s.SpanId) + "-01"
}

// lockedBuffer collects log lines.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a tracer at work.
type running struct {
	*tracing.Tracer
	log *lockedBuffer
	end func() // flushes
}

func run(t *testing.T, o tracing.Options) *running {
	r := &running{log: new(lockedBuffer)}
	o.Log, o.Version, o.Instance = zerolog.New(r.log), "1.2.3", "i1"
	r.Tracer = tracing.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(r.end)
	return r
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
