package tracing_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/tracing"
)

// taken tells of n accepted events that are traced.
func taken(t testing.TB, tracer *tracing.Tracer, n int) {
	for i := range n {
		tracer.Taken(&intake.Taken{Submission: &intake.Submission{Ingress: "edge"}, Status: intake.Accepted, Entry: entry(t, fmt.Sprint(i), sampled), Began: time.Now()})
	}
}

func TestRequest(t *testing.T) {
	c := newCollector(t)
	r := run(t, tracing.Options{Endpoint: c.URL + "/otlp", Headers: map[string]string{"Authorization": "Bearer " + planted}})
	taken(t, r.Tracer, 1)
	r.end()
	req := c.requests[0]
	if req.Method != http.MethodPost || req.URL.Path != "/otlp/v1/traces" || req.Header.Get("Content-Type") != "application/x-protobuf" ||
		req.Header.Get("Authorization") != "Bearer "+planted || req.Header.Get("User-Agent") != "headgate/1.2.3" {
		t.Errorf("%s %s %v", req.Method, req.URL, req.Header)
	}
	if log := r.log.String(); log != "" {
		t.Errorf("log: %s", log)
	}
}

// TestManySpans: more than one request holds, each span once.
func TestManySpans(t *testing.T) {
	c := newCollector(t)
	r := run(t, tracing.Options{Endpoint: c.URL})
	const n = 5000
	taken(t, r.Tracer, n)
	r.end()
	seen := make(map[string]bool)
	for _, s := range c.spans {
		seen[string(s.SpanId)] = true
	}
	if len(c.spans) != n || len(seen) != n || c.asked() < 10 || r.Stats().Exported != n {
		t.Errorf("%d spans in %d requests, %+v", len(c.spans), c.asked(), r.Stats())
	}
}

// TestOutage: what a collector does not take is dropped and counted, nobody waits
// for it, and the log says so once, and when it is over.
func TestOutage(t *testing.T) {
	c := newCollector(t)
	c.answers(func(w http.ResponseWriter, _ int) { http.Error(w, planted, http.StatusInternalServerError) })
	r := run(t, tracing.Options{Endpoint: c.URL, Headers: map[string]string{"Authorization": planted}})
	for n := uint64(1); n <= 3; n++ {
		taken(t, r.Tracer, 512)
		eventually(t, "a batch is given up", func() bool { return r.Stats().Dropped == n*512 })
	}
	if !r.Stats().Failing {
		t.Error("it does not say that the collector fails")
	}
	c.answers(nil)
	taken(t, r.Tracer, 1)
	eventually(t, "it goes on", func() bool { return r.Stats().Exported == 1 })
	r.end()
	log := r.log.String()
	if strings.Count(log, "do not reach") != 1 || strings.Count(log, "again") != 1 || strings.Count(log, "\n") != 2 || !strings.Contains(log, "it answers 500") || !strings.Contains(log, `"dropped":1536`) {
		t.Errorf("log: %s", log)
	}
	if strings.Contains(log, planted) {
		t.Error("a header, or what the collector wrote, is in the log")
	}
	if got := r.Stats(); got.Failing || got.Exported != 1 || got.Dropped != 1536 {
		t.Errorf("%+v", got)
	}
}

// TestAFullQueue: nobody waits for a collector that does not answer, neither at
// work nor for long at the end.
func TestAFullQueue(t *testing.T) {
	hung := make(chan struct{})
	c := newCollector(t)
	t.Cleanup(func() { close(hung) })
	c.answers(func(http.ResponseWriter, int) { <-hung })
	r := run(t, tracing.Options{Endpoint: c.URL})
	const n = 20_000
	taken(t, r.Tracer, n)
	if got := r.Stats(); got.Dropped < n-8192-2*512-1 || got.Dropped+uint64(got.Queued) > n {
		t.Errorf("%+v", got)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); r.end() }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second): // two are meant
		t.Fatal("the end of a router waits for its collector")
	}
	if got := r.Stats(); got.Dropped != n || got.Exported != 0 || got.Queued != 0 {
		t.Errorf("%+v: not every span is accounted for", got)
	}
}

// TestLater: what OTLP has a client try again is tried again.
func TestLater(t *testing.T) {
	c := newCollector(t)
	r := run(t, tracing.Options{Endpoint: c.URL})
	c.answers(func(w http.ResponseWriter, n int) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
		c.answers(nil)
	})
	taken(t, r.Tracer, 3)
	eventually(t, "they are taken", func() bool { return r.Stats().Exported == 3 })
	r.end()
	if c.asked() != 2 || r.Stats().Dropped != 0 {
		t.Errorf("%d requests, %+v", c.asked(), r.Stats())
	}
}

// TestNobodyThere: a collector that is not there is one that comes later.
func TestNobodyThere(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	r := run(t, tracing.Options{Endpoint: gone.URL})
	taken(t, r.Tracer, 3)
	eventually(t, "it is told", func() bool { return r.Stats().Failing })
	if r.Stats().Dropped != 0 {
		t.Error("they are dropped at the first try")
	}
	r.end()
	if got := r.Stats(); got.Dropped != 3 {
		t.Errorf("%+v", got)
	}
}

// TestRejected: a collector may take a request and not all that is in it.
func TestRejected(t *testing.T) {
	c := newCollector(t)
	c.answers(func(w http.ResponseWriter, _ int) {
		answer, err := proto.Marshal(&coltracepb.ExportTraceServiceResponse{PartialSuccess: &coltracepb.ExportTracePartialSuccess{RejectedSpans: 2, ErrorMessage: planted}})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(answer)
	})
	r := run(t, tracing.Options{Endpoint: c.URL})
	taken(t, r.Tracer, 512)
	eventually(t, "one batch", func() bool { return r.Stats().Rejected == 2 })
	taken(t, r.Tracer, 512)
	r.end()
	if got := r.Stats(); got.Exported != 1020 || got.Rejected != 4 || got.Dropped != 0 {
		t.Errorf("%+v", got)
	}
	if log := r.log.String(); strings.Count(log, "rejects") != 1 || strings.Contains(log, planted) {
		t.Errorf("log: %s", log)
	}
}

// TestRedirect: what the collector is sent goes to no other place.
func TestRedirect(t *testing.T) {
	other := newCollector(t)
	c := newCollector(t)
	c.answers(func(w http.ResponseWriter, _ int) {
		w.Header().Set("Location", other.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	r := run(t, tracing.Options{Endpoint: c.URL, Headers: map[string]string{"Authorization": planted}})
	taken(t, r.Tracer, 1)
	r.end()
	if other.asked() != 0 || c.asked() != 1 || r.Stats().Dropped != 1 {
		t.Errorf("%d requests elsewhere, %+v", other.asked(), r.Stats())
	}
}

// TestTLS: a collector is asked over https whom the router's own CA proves, and by
// nobody else; it may want a certificate, too.
func TestTLS(t *testing.T) {
	private, strange := newAuthority(t), newAuthority(t)
	own := private.sign(t)
	for _, tt := range []struct {
		name    string
		secure  *tls.Config
		asks    bool // for a certificate
		arrives bool
	}{
		{"by its CA", &tls.Config{RootCAs: private.pool()}, false, true},
		{"by another CA", &tls.Config{RootCAs: strange.pool()}, false, false},
		{"by the system's", nil, false, false},
		{"with a certificate", &tls.Config{RootCAs: private.pool(), Certificates: []tls.Certificate{own}}, true, true},
		{"without the certificate that it wants", &tls.Config{RootCAs: private.pool()}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // who is refused is tried until the end
			secure := &tls.Config{Certificates: []tls.Certificate{private.sign(t)}}
			if tt.asks {
				secure.ClientAuth, secure.ClientCAs = tls.RequireAndVerifyClientCert, private.pool()
			}
			c := newTLSCollector(t, secure)
			r := run(t, tracing.Options{Endpoint: c.URL, Headers: map[string]string{"Authorization": planted}, TLS: tt.secure})
			taken(t, r.Tracer, 1)
			eventually(t, "it is tried", func() bool { s := r.Stats(); return s.Exported == 1 || s.Failing })
			r.end()
			if arrived := c.asked() == 1; arrived != tt.arrives || r.Stats().Failing == tt.arrives {
				t.Errorf("%d requests, %+v, log: %s", c.asked(), r.Stats(), r.log.String())
			}
			if tt.arrives && (c.requests[0].TLS == nil || c.requests[0].Header.Get("Authorization") != planted) {
				t.Errorf("%v", c.requests[0])
			}
			if log := r.log.String(); !tt.arrives && strings.Count(log, "do not reach") != 1 || !tt.arrives && !tt.asks && !strings.Contains(log, "certificate") || strings.Contains(log, planted) {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// BenchmarkTracer is what a router pays for an event's acceptance and its delivery.
func BenchmarkTracer(b *testing.B) {
	for _, c := range []struct {
		name, traceparent string
		sample            float64
	}{{"own,0%", "", 0}, {"own,10%", "", 0.1}, {"own,100%", "", 1}, {"producer,unsampled", unsampled, 1}, {"producer,sampled", sampled, 0}} {
		b.Run(c.name, func(b *testing.B) {
			tracer := tracing.New(tracing.Options{Sample: c.sample}) // its queue is full soon: telling it is what is measured
			e := make([]*intake.Taken, 1000)
			for i := range e {
				e[i] = &intake.Taken{Submission: &intake.Submission{RequestID: "0123456789abcdef", Ingress: "edge"}, Status: intake.Accepted, Seq: 7, Entry: entry(b, fmt.Sprint(i), c.traceparent), Began: time.Now()}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x := e[i%len(e)]
				tracer.Taken(x)
				tracer.TraceParent(x.Entry, "commands", 1)
				tracer.Delivered(delivered(x.Entry))
			}
		})
	}
}

// BenchmarkRun is what a span costs until the collector has it, a local one's part
// included: three of them are an event's way.
func BenchmarkRun(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	tracer := tracing.New(tracing.Options{Endpoint: collector.URL})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- tracer.Run(ctx) }()
	x := &intake.Taken{Submission: &intake.Submission{RequestID: "0123456789abcdef", Ingress: "edge"}, Status: intake.Accepted, Seq: 7, Entry: entry(b, "e", sampled), Began: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		for tracer.Stats().Queued > 4096 {
			runtime.Gosched()
		}
		tracer.Taken(x)
	}
	cancel()
	if err := <-ended; err != nil || tracer.Stats().Dropped > 0 {
		b.Error(err, tracer.Stats())
	}
}
