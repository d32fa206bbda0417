package core_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// tracing is a router with a collector, one start after the other.
type tracing struct {
	*testing.T
	*core.Core
	dir, text string
	signer    *webhook.Signer
	log       safeBuffer
	stop      func()
	secrets   []string // that no trace may show

	mu     sync.Mutex
	bodies []byte
	spans  []*tracepb.Span
}

func newTracing(t *testing.T) *tracing {
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &tracing{T: t, dir: dir, secrets: []string{"planted-principal", "planted-payload", "planted-header", "planted-subject"}}
	writeCertificate(t, dir)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	collector := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var data tracepb.TracesData
		if err := errors.Join(err, proto.Unmarshal(body, &data)); err != nil || req.Header.Get("X-Key") != "planted-header" {
			t.Errorf("a request: %v, %v", err, req.Header)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.bodies = append(r.bodies, body...)
		for _, of := range data.ResourceSpans {
			for _, s := range of.ScopeSpans {
				r.spans = append(r.spans, s.Spans...)
			}
		}
	}))
	collector.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	collector.StartTLS()
	t.Cleanup(collector.Close)
	r.text = reloadConfig + fmt.Sprintf("[trace]\nendpoint = %q\nsample = \"100%%\"\nheaders = { x-key = \"file:header\" }\ntls = { ca = \"cert.pem\" }\n", collector.URL)
	secret := webhook.NewSecret()
	r.secrets = append(r.secrets, string(secret), webhook.FormatSecret(secret))
	key := config.Key{ID: "k1", Principal: "planted-principal", Sources: []string{"**"}, Types: []string{"**"}}
	var signing error
	r.signer, signing = webhook.NewHMACSigner(secret)
	if err := errors.Join(signing, config.WriteKey(filepath.Join(dir, "keys"), key, webhook.FormatSecret(secret)),
		os.WriteFile(filepath.Join(dir, "header"), []byte("planted-header\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	r.start()
	return r
}

func (r *tracing) start() {
	r.Helper()
	cfg, err := config.Parse([]byte(r.text), "headgate.toml", r.dir, config.Options{Env: []string{}})
	if err != nil {
		r.Fatal(err)
	}
	if r.Core, err = core.New(r.Context(), cfg, core.Options{Log: zerolog.New(&r.log), Version: "1.2.3"}); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, c := make(chan error, 1), r.Core
	go func() { ended <- c.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			r.Errorf("run: %v", err)
		}
	})
	r.Cleanup(r.stop)
}

// send posts an event and wants a status.
func (r *tracing) send(id, kind, more string, want int) {
	r.Helper()
	top, err := r.Top(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	now := time.Now()
	body := fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"//shop","type":%q,"subject":"planted-subject","data":{"card":"planted-payload"}%s}`, id, kind, more)
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, top.Doors[0].Address+"/v1/events", bytes.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	signature := r.signer.Sign(id, now, body)
	r.secrets = append(r.secrets, signature)
	for name, value := range map[string]string{"Content-Type": "application/cloudevents+json", webhook.HeaderKeyID: "k1", webhook.HeaderID: id,
		webhook.HeaderTimestamp: webhook.Timestamp(now), webhook.HeaderSignature: signature} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != want {
		r.Errorf("%s: %d, want %d", id, resp.StatusCode, want)
	}
}

// consume does n deliveries and gives their headers by event.
func (r *tracing) consume(n int) map[string]delivery.Header {
	r.Helper()
	top, err := r.Top(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	var keys delivery.Keys
	if err := json.Unmarshal(top.Keys, &keys); err != nil {
		r.Fatal(err)
	}
	c, err := consumer.New(consumer.Options{Connect: []string{top.Commands[0].Address}, Channel: "a", Keys: consumer.Pinned(keys)})
	if err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	got := make(map[string]delivery.Header)
	err = c.Run(ctx, func(_ context.Context, d *delivery.Delivery) (any, error) {
		got[d.Event.ID] = d.Header
		r.secrets = append(r.secrets, d.Header.Lease)
		if len(got) == n {
			cancel() // what is worked on is replied to
		}
		return "planted-result", nil
	})
	if err != nil || len(got) != n {
		r.Fatalf("%d deliveries, %v", len(got), err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		top, err := r.Top(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		if top.Commands[0].Counts.Done == n {
			return got
		}
		if time.Now().After(end) {
			r.Fatal("the replies do not come")
		}
	}
}

// of finds the span of an event.
func (r *tracing) of(id, name string) *tracepb.Span {
	r.Helper()
	var found []*tracepb.Span
	for _, s := range r.spans {
		for _, a := range s.Attributes {
			if s.Name == name && a.Key == "cloudevents.event_id" && a.Value.GetStringValue() == id {
				found = append(found, s)
			}
		}
	}
	if len(found) != 1 {
		r.Fatalf("%d spans %q of %s", len(found), name, id)
	}
	return found[0]
}

// counts waits until operators see that spans arrive.
func (r *tracing) counts() {
	r.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		top, err := r.Top(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		if top.Traces != nil && top.Traces.Exported > 0 && !top.Traces.Failing {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("traces: %+v", top.Traces)
		}
	}
}

// TestATraceOutlivesARouter: what one router accepted and the next one delivers is
// one trace. Nothing that is secret is in it.
func TestATraceOutlivesARouter(t *testing.T) {
	const producer = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	r := newTracing(t)
	r.send("event-1", "a.x", `,"traceparent":"`+producer+`"`, 202)
	r.send("event-2", "a.x", "", 202)
	r.send("event-3", "w.x", "", 202)
	r.send("event-4", "nowhere", "", 422)
	r.send("event-5", "a.x", `,"traceparent":"`+strings.TrimSuffix(producer, "1")+`0"`, 202)
	r.send("event-1", "a.x", "", 200) // a duplicate, which nobody traces, is traced by itself
	r.stop()
	r.start()
	got := r.consume(3)
	r.counts()
	r.stop()

	for _, id := range []string{"event-1", "event-2"} {
		var accept *tracepb.Span
		for _, s := range r.spans { // not the duplicate's
			if s.Name == "accept" && bytes.Equal(s.TraceId, r.of(id, "deliver a").TraceId) {
				accept = s
			}
		}
		deliver, reply := r.of(id, "deliver a"), r.of(id, "reply")
		if accept == nil || !bytes.Equal(deliver.ParentSpanId, accept.SpanId) || !bytes.Equal(reply.ParentSpanId, deliver.SpanId) || !bytes.Equal(reply.TraceId, accept.TraceId) {
			t.Errorf("%s: accept %v, deliver %v, reply %v", id, accept, deliver, reply)
		}
		if want := "00-" + hex.EncodeToString(deliver.TraceId) + "-" + hex.EncodeToString(deliver.SpanId) + "-01"; got[id].TraceParent != want {
			t.Errorf("%s: the consumer is told %s, want %s", id, got[id].TraceParent, want)
		}
	}
	if s := r.of("event-1", "deliver a"); hex.EncodeToString(s.TraceId) != producer[3:35] {
		t.Errorf("event-1 is in trace %x", s.TraceId)
	}
	if s := r.of("event-3", "deliver watch"); !bytes.Equal(s.ParentSpanId, r.of("event-3", "accept").SpanId) {
		t.Error("event-3, which is telemetry, has no parent")
	}
	r.of("event-4", "accept")
	if n := strings.Count(string(r.bodies), "event-5"); n != 0 || got["event-5"].TraceParent != strings.TrimSuffix(producer, "1")+"0" {
		t.Errorf("event-5, which its producer does not trace: %d spans, the consumer is told %s", n, got["event-5"].TraceParent)
	}
	for _, secret := range append(r.secrets, "planted-result") {
		if bytes.Contains(r.bodies, []byte(secret)) {
			t.Errorf("%q is in a trace", secret)
		}
	}
	if strings.Contains(r.log.String(), "planted-header") || strings.Contains(r.log.String(), "do not reach") {
		t.Errorf("log: %s", r.log.String())
	}
}
