package ingress_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/webhook"
	"github.com/headgate-io/headgate/sdk/zmq"
)

const (
	source    = "//shop.example/till"
	orderType = "com.example.order.created"
	typeEvent = "application/cloudevents+json"
	typeBatch = "application/cloudevents-batch+json"
	maxBody   = 4096
	patience  = 20 * time.Second
)

// door is a door with a real intake and a real outbox behind it.
type door struct {
	t       *testing.T
	url     string
	client  *http.Client
	http    *ingress.HTTP       // as is options
	options ingress.HTTPOptions // that http was made with
	stop    func()              // likewise of an HTTP door
	dealer  *zmq.Dealer         // of a ZeroMQ door, in place of client
	store   *memory.Store
	intake  *intake.Intake
	seen    *published
}

// published counts what went to telemetry.
type published struct {
	mu sync.Mutex
	n  int
}

func (p *published) Publish(*outbox.Entry, []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
}

func (p *published) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

func limits() ingress.HTTPLimits {
	return ingress.HTTPLimits{Headers: 4096, HeaderTimeout: patience, BodyTimeout: patience, IdleTimeout: patience,
		Connections: 64, Requests: 64, Streams: 16}
}

// within is a drain of that time.
func within(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// newDoor makes what stands behind a door.
func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, seen: &published{}, store: memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 1000,
		Capacity: 1 << 20, MaxPending: map[string]int64{"commands": 1 << 20, "narrow": 1}})}
	t.Cleanup(func() { _ = d.store.Close() })
	g := rules(t)
	g.Batch, g.Telemetry = 10, map[string]intake.Publisher{"telemetry": d.seen}
	d.intake = intake.New(intake.Options{Store: d.store, Rates: 100, Waiters: 8, Log: zerolog.Nop()}, g)
	return d
}

// open opens an HTTP door on loopback, which change may alter first. It is shut
// when the test ends.
func open(t *testing.T, change func(*ingress.HTTPOptions)) *door {
	t.Helper()
	d := newDoor(t)
	o := ingress.HTTPOptions{Name: "edge", Intake: d.intake, Limits: limits(), Terms: ingress.HTTPTerms{Terms: ingress.Terms{Body: maxBody}}, Log: zerolog.Nop(),
		Keys: func() []byte { return []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"AA"}]}`) }}
	if change != nil {
		change(&o)
	}
	h := ingress.NewHTTP(o)
	d.http, d.options = h, o
	bound, err := h.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	scheme := "http://"
	if o.Terms.TLS != nil {
		scheme = "https://"
	}
	d.url, d.client = scheme+bound, &http.Client{Transport: &http.Transport{}, Timeout: patience}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx, within(patience)) }()
	d.stop = sync.OnceFunc(func() {
		d.client.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("door: %v", err)
		}
	})
	t.Cleanup(d.stop)
	return d
}

func secret(n byte) []byte { return bytes.Repeat([]byte{n}, webhook.MinSecret) }

func private(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(secret(n)) }

// rules: edge-1 may send orders and readings, other is another principal with
// the same rights, bare has none, device signs with Ed25519.
func rules(t *testing.T) *intake.Generation {
	t.Helper()
	key := func(id, principal, state string, material []byte) trust.Key {
		return trust.Key{ID: id, Principal: principal, State: state, Material: material, Sources: []string{"//shop.example/**"}, Types: []string{"com.example.**"}}
	}
	snapshot, err := trust.New(trust.Rules{Auths: []trust.Auth{
		{Name: "edge-keys", Kind: trust.KindHMAC, Keys: []trust.Key{
			key("edge-1", "till", trust.StateActive, secret(1)),
			key("other", "somebody", trust.StateActive, secret(2)),
			key("pending", "till", trust.StatePending, secret(3)),
			key("revoked", "till", trust.StateRevoked, secret(4)),
			{ID: "bare", Principal: "nobody", State: trust.StateActive, Material: secret(5)},
		}},
		{Name: "device-keys", Kind: trust.KindEd25519, Keys: []trust.Key{key("device", "device", trust.StateActive, private(9).Public().(ed25519.PublicKey))}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	table, err := route.New([]route.Rule{
		{Name: "orders", Types: []string{"com.example.order.*"}, Channels: []string{"commands", "telemetry"}},
		{Name: "schema", Types: []string{"com.example.order.paid"}, Channels: []string{"commands"}, Schema: []byte(`{"type":"object","required":["amount"]}`)},
		{Name: "scoped", Types: []string{"com.example.order.scoped"}, Channels: []string{"commands"}, Scopes: []string{"orders:write"}},
		{Name: "undecided", Types: []string{"com.example.order.undecided"}, When: "event.data.absent == 1", Channels: []string{"commands"}},
		{Name: "slow", Types: []string{"com.example.slow"}, Channels: []string{"commands"}, Rate: route.Rate{PerSecond: 0.001, Burst: 1}},
		{Name: "narrow", Types: []string{"com.example.narrow"}, Channels: []string{"narrow"}},
		{Name: "readings", Types: []string{"com.example.reading"}, Channels: []string{"telemetry"}},
	}, []route.Channel{{Name: "commands", Command: true}, {Name: "narrow", Command: true}, {Name: "telemetry"}}, route.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &intake.Generation{Trust: snapshot, Table: table}
}

// event is the text of one event.
func event(id, kind, data string) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":%q,"type":%q,"data":%s}`, id, source, kind, data)
}

func order(id string) []byte { return event(id, orderType, `{"amount":1}`) }

// request is one request to make, good as it stands.
type request struct {
	id, kind string
	body     []byte
	keyID    string
	signer   *webhook.Signer
	at       time.Time
}

func hmacSigner(t *testing.T, n byte) *webhook.Signer {
	t.Helper()
	s, err := webhook.NewHMACSigner(secret(n))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signed makes a POST signed by edge-1.
func (d *door) signed(id string, body []byte) *http.Request {
	d.t.Helper()
	return d.make(request{id: id, kind: typeEvent, body: body})
}

func (d *door) make(r request) *http.Request {
	d.t.Helper()
	req, err := http.NewRequest(http.MethodPost, d.url+"/v1/events", bytes.NewReader(r.body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", r.kind)
	d.sign(req, r, r.body)
	return req
}

func (d *door) sign(req *http.Request, r request, signed []byte) {
	if r.at.IsZero() {
		r.at = time.Now()
	}
	if r.signer == nil {
		r.keyID, r.signer = "edge-1", hmacSigner(d.t, 1)
	}
	req.Header.Set(webhook.HeaderKeyID, r.keyID)
	req.Header.Set(webhook.HeaderID, r.id)
	req.Header.Set(webhook.HeaderTimestamp, webhook.Timestamp(r.at))
	req.Header.Set(webhook.HeaderSignature, r.signer.Sign(r.id, r.at, signed))
}

// ask makes a signed GET of a target.
func (d *door) ask(target string, r request) *http.Request {
	d.t.Helper()
	req, err := http.NewRequest(http.MethodGet, d.url+target, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	r.id = "ask-1"
	d.sign(req, r, webhook.GetBody(target))
	return req
}

// answer is what the door said.
type answer struct {
	status int
	header http.Header
	body   []byte
	proto  int
}

func (d *door) do(req *http.Request) answer {
	d.t.Helper()
	if d.dealer != nil {
		return d.deal(req)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	a := answer{resp.StatusCode, resp.Header, body, resp.ProtoMajor}
	describes(d.t, req, a)
	return a
}

// code is the code of a problem.
func (a answer) code(t *testing.T) string {
	t.Helper()
	var p struct {
		Type, Code, Title string
		Status            int
		RequestID         string `json:"request_id"`
	}
	if err := json.Unmarshal(a.body, &p); err != nil || a.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %s is no problem+json: %v", a.status, a.body, err)
	}
	if p.Status != a.status || p.RequestID == "" || p.RequestID != a.header.Get("Headgate-Request-Id") || p.Title == "" || p.Type != "about:blank" {
		t.Errorf("problem %s does not fit status %d, headers %v", a.body, a.status, a.header)
	}
	return p.Code
}

func (a answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.status != status || string(a.body) != body {
		t.Fatalf("got %d %s, want %d %s", a.status, a.body, status, body)
	}
}

func (a answer) refused(t *testing.T, status int, code string) {
	t.Helper()
	if got := a.code(t); a.status != status || got != code {
		t.Errorf("got %d %s (%s), want %d %s", a.status, got, a.body, status, code)
	}
}

// empty wants that nothing has been taken.
func (d *door) empty() {
	d.t.Helper()
	if st := d.store.Stats(); st.IDs != 0 || st.Entries != 0 || d.seen.count() != 0 {
		d.t.Errorf("outbox holds %d events and %d ids, telemetry saw %d: want none", st.Entries, st.IDs, d.seen.count())
	}
}
