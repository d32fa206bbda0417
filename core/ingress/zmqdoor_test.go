package ingress_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/topology"
	"github.com/headgate-io/headgate/sdk/zmq"
)

func zmqLimits() ingress.ZMQLimits {
	return ingress.ZMQLimits{Headers: 4096, Requests: 64, RequestsPerPeer: 16}
}

// openZMQ opens a ZeroMQ door on loopback, which change may alter first, and
// connects a DEALER to it. Both are shut when the test ends.
func openZMQ(t *testing.T, change func(*ingress.ZMQOptions)) *door {
	t.Helper()
	d := newDoor(t)
	o := ingress.ZMQOptions{Name: "edge", Intake: d.intake, Limits: zmqLimits(), Terms: ingress.Terms{Body: maxBody}, Log: zerolog.Nop()}
	if change != nil {
		change(&o)
	}
	requests := listen(t, o.Limits)
	o.Socket = requests
	d.serve(ingress.NewZMQ(o))
	d.url, d.dealer = requests.Bound(), d.connect(requests.Bound())
	return d
}

// listen opens the socket of a door and runs it until the test ends.
func listen(t *testing.T, l ingress.ZMQLimits) *topology.Requests {
	t.Helper()
	requests, err := topology.NewRequests(topology.Options{Name: "ingress edge", Setting: topology.Setting{Listen: "tcp://127.0.0.1:0"},
		ZMQ: zmq.Options{Limits: zmq.Limits{Frame: 2 * int(maxBody)}}, Log: zerolog.Nop()}, topology.RequestLimits{Headers: 2 * l.Headers, Queue: 64})
	if err != nil {
		t.Fatal(err)
	}
	run(t, requests.Run)
	return requests
}

// serve runs a door until the test or the returned function ends it.
func (d *door) serve(z *ingress.ZMQ) (stop func()) {
	return run(d.t, func(ctx context.Context) error { return z.Run(ctx, within(patience)) })
}

// connect makes a DEALER of the test's.
func (d *door) connect(to string) *zmq.Dealer {
	d.t.Helper()
	dealer := zmq.NewDealer(zmq.Options{})
	if err := dealer.Connect(to); err != nil {
		d.t.Fatal(err)
	}
	run(d.t, dealer.Run)
	return dealer
}

func run(t *testing.T, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// headersOf gives the headers of a request as a ZeroMQ producer writes them.
func headersOf(t *testing.T, h http.Header) []byte {
	t.Helper()
	flat := make(map[string]string)
	for name, values := range h {
		for _, value := range values {
			flat[strings.ToLower(name)] = value
		}
	}
	text, err := json.Marshal(flat)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func bodyOf(t *testing.T, req *http.Request) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(req.Body); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func send(t *testing.T, by *zmq.Dealer, frames ...[]byte) {
	t.Helper()
	if err := by.Send(soon(t), frames); err != nil {
		t.Fatal(err)
	}
}

func recv(t *testing.T, by *zmq.Dealer) [][]byte {
	t.Helper()
	got, err := by.Recv(soon(t))
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return got.Frames
}

// deal sends a request of HTTP over ZeroMQ and gives the answer in HTTP's terms.
func (d *door) deal(req *http.Request) answer {
	d.t.Helper()
	id := []byte(fmt.Sprintf("request %p", req))
	send(d.t, d.dealer, id, headersOf(d.t, req.Header), bodyOf(d.t, req))
	got := recv(d.t, d.dealer)
	if len(got) != 2 || !bytes.Equal(got[0], id) {
		d.t.Fatalf("got %q, want the request id %q and an answer", got, id)
	}
	a := inHTTP(d.t, got[1])
	describes(d.t, req, a)
	return a
}

var beside = regexp.MustCompile(`,"status_code":(\d{3})(?:,"retry_after":(\d+))?}$`)

// inHTTP takes what HTTP says beside a body out of an answer.
func inHTTP(t *testing.T, text []byte) answer {
	t.Helper()
	m := beside.FindSubmatchIndex(text)
	if m == nil || !json.Valid(text) {
		t.Fatalf("%s has no status_code", text)
	}
	a := answer{header: make(http.Header), body: append(bytes.Clone(text[:m[0]]), '}')}
	_, _ = fmt.Sscan(string(text[m[2]:m[3]]), &a.status)
	a.header.Set("Content-Type", "application/json")
	if m[4] >= 0 {
		a.header.Set("Retry-After", string(text[m[4]:m[5]]))
	}
	var doc struct {
		RequestID string `json:"request_id"`
	}
	_ = json.Unmarshal(a.body, &doc)
	a.header.Set("Headgate-Request-Id", doc.RequestID)
	if doc.RequestID != "" {
		a.header.Set("Content-Type", "application/problem+json")
	} else {
		a.header.Set("Headgate-Request-Id", "none")
	}
	return a
}

// eachDoor runs a test with both doors.
func eachDoor(t *testing.T, test func(t *testing.T, d *door)) {
	t.Run("http", func(t *testing.T) { test(t, open(t, nil)) })
	t.Run("zmq", func(t *testing.T) { test(t, openZMQ(t, nil)) })
}

var requestIDs = regexp.MustCompile(`"request_id":"[0-9a-f]{16}"`)

// sameOverZMQ wants the answer of HTTP over ZeroMQ, too, where the request can
// be made there.
func sameOverZMQ(t *testing.T, make func(*door) *http.Request, want answer) {
	t.Helper()
	d := openZMQ(t, nil)
	req := make(&door{t: t, url: "http://127.0.0.1"})
	if req.Method != http.MethodPost || req.URL.Path != "/v1/events" {
		return
	}
	for _, values := range req.Header {
		if len(values) > 1 {
			return
		}
	}
	got := d.do(req)
	d.empty()
	strip := func(a answer) string { return string(requestIDs.ReplaceAll(a.body, nil)) }
	if got.status != want.status || strip(got) != strip(want) || got.header.Get("Retry-After") != want.header.Get("Retry-After") {
		t.Errorf("over ZeroMQ it gets %d %s, Retry-After %q; over HTTP %d %s, Retry-After %q", got.status, got.body, got.header.Get("Retry-After"),
			want.status, want.body, want.header.Get("Retry-After"))
	}
}
