package promise_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// Every client's source at the Workers of these tests begins so.
const clientSource = "//shop.example/clients/"

const workerConfig = `
[[ingress]]
name = "direct"
listen = "tcp://127.0.0.1:0"
[[ingress]]
name = "sealed"
listen = "tcp://127.0.0.1:0"
tls = { cert = "cert.pem", key = "key.pem" }
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
[[channels]]
name = "readings"
class = "telemetry"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["orders"]
[[routes]]
name = "readings"
type = ["com.example.reading.*"]
channels = ["readings"]
`

// workerStage is a router and all else that Workers of the example are bound to.
type workerStage struct {
	*router
	front                 *front // before the router's HTTP door
	deferred, deadLetters *cloudQueue
	texts                 map[string]string
	certificate           []byte // of the door "sealed", PEM
}

// newWorkerStage starts a router that knows the Workers' key. Clients are
// issuer's.
func newWorkerStage(t *testing.T, issuer string) *workerStage {
	t.Helper()
	const worker = "worker"
	secret := webhook.FormatSecret(webhook.NewSecret())
	dir := t.TempDir()
	certificate := selfSigned(t)
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "cert.pem"), public, 0o600),
		os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
		config.WriteKey(filepath.Join(dir, "keys"), config.Key{ID: worker, Principal: worker, State: "active",
			Sources: []string{clientSource + "*"}, Types: []string{"com.example.**"}}, secret))
	if err != nil {
		t.Fatal(err)
	}
	s := &workerStage{router: newRouterIn(t, dir, workerConfig), deferred: newCloudQueue(t, "deferred"), deadLetters: newCloudQueue(t, "dead-letters"),
		certificate: public}
	s.front = s.router.front()
	s.texts = map[string]string{"ISSUER": issuer, "AUDIENCE": audience, "SOURCE": clientSource, "TYPE": "com.example.",
		"ROUTER_URL": s.front.url(), "ROUTER_KEY_ID": worker, "ROUTER_KEY": secret}
	return s
}

// with is what a Worker is bound to, in pairs that add to or replace the usual.
func (s *workerStage) with(pairs ...string) map[string]string {
	texts := maps.Clone(s.texts)
	for i := 0; i+1 < len(pairs); i += 2 {
		texts[pairs[i]] = pairs[i+1]
	}
	return texts
}

// worker starts one on workerd.
func (s *workerStage) worker(pairs ...string) *visitor {
	s.Helper()
	w := newWorker(s.T, workerSettings{texts: s.with(pairs...), deferred: s.deferred, deadLetters: s.deadLetters})
	return &visitor{newEdge(s.T, w.url, nil), s.T}
}

// invoices is a consumer of orders, whose result is the event's id again.
func (s *workerStage) invoices(l *ledger) {
	s.take(taking{channel: "orders"}, func(_ context.Context, d *delivery.Delivery) (any, error) {
		l.act(l.see(d))
		return map[string]string{"invoice": d.Event.ID}, nil
	})
}

// readings is a subscriber, which keeps what it gets.
func (s *workerStage) readings() (types func() []string) {
	s.Helper()
	sub, err := consumer.NewSubscriber(consumer.SubscriberOptions{Connect: []string{s.address("readings")}, Channel: "readings", Keys: consumer.Pinned(s.keys)})
	if err != nil {
		s.Fatal(err)
	}
	var mu sync.Mutex
	var got []string
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() {
		if err := sub.Run(ctx, func(d *delivery.Delivery) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, d.Event.Type)
		}); err != nil {
			s.Errorf("subscriber: %v", err)
		}
	})
	s.Cleanup(func() { cancel(); going.Wait() })
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

// visitor is a client of a Worker's.
type visitor struct {
	*edge
	t *testing.T
}

// workerAnswer is what a Worker says.
type workerAnswer struct {
	answer
	Source   string
	State    string
	Channels map[string]struct {
		State  string
		Result json.RawMessage
	}
}

// ask makes a request, "POST /commands/order.created", with pairs of headers.
func (v *visitor) ask(way, token, body string, headers ...string) (a workerAnswer) {
	v.t.Helper()
	method, path, _ := strings.Cut(way, " ")
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	a.answer, err = v.do(req)
	if err == nil {
		err = json.Unmarshal(a.Body, &a)
	}
	if err != nil {
		v.t.Fatalf("%s: %d %s: %v", way, a.HTTP, a.Body, err)
	}
	return a
}
