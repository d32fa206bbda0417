package producer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/sdk/producer"
	"github.com/headgate-io/headgate/sdk/webhook"
	"github.com/headgate-io/headgate/sdk/zmq"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

var secret = bytes.Repeat([]byte{1}, webhook.MinSecret)

func signer(t testing.TB) *webhook.Signer {
	t.Helper()
	s, err := webhook.NewHMACSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asked is a request as a router sees it.
type asked struct {
	name    []byte
	headers map[string]string
	body    []byte
	peer    *zmq.Peer
}

func (a asked) answer(text string) { a.peer.Send([][]byte{a.name, []byte(text)}) }

// router is the side of a router that producers see.
type router struct {
	at   string
	stop func()
}

// newRouter answers each request by reply, which is called from one goroutine.
func newRouter(t testing.TB, security zmq.Security, reply func(asked)) *router {
	return newRouterAt(t, "tcp://127.0.0.1:0", security, reply)
}

func newRouterAt(t testing.TB, at string, security zmq.Security, reply func(asked)) *router {
	t.Helper()
	s := zmq.NewRouter(zmq.Options{Security: security})
	bound, err := s.Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() { _ = s.Run(ctx) })
	going.Go(func() {
		for {
			got, err := s.Recv(ctx)
			if err != nil {
				return
			}
			a := asked{name: got.Frames[0], body: got.Frames[2], peer: got.Peer}
			if len(got.Frames) != 3 || json.Unmarshal(got.Frames[1], &a.headers) != nil {
				t.Errorf("a request has frames %q", got.Frames)
			}
			reply(a)
		}
	})
	r := &router{at: bound, stop: sync.OnceFunc(func() { cancel(); going.Wait() })}
	t.Cleanup(r.stop)
	return r
}

// start runs a producer until the test or the returned function ends it. It
// makes no pauses; noted gets them.
func start(t testing.TB, o producer.Options, noted func(time.Duration)) (p *producer.Producer, stop func()) {
	t.Helper()
	if o.Signer == nil && o.Token == nil {
		o.KeyID, o.Signer = "k1", signer(t)
	}
	p, err := producer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if noted == nil {
		noted = func(time.Duration) {}
	}
	p.Pauses(noted)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return p, stop
}

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func event(id string) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"//shop.example/till","type":"com.example.order.created","data":{"amount":1}}`, id)
}

func idOf(body []byte) string {
	var e struct{ ID string }
	_ = json.Unmarshal(body, &e)
	return e.ID
}

func taken(id, status string) string {
	return fmt.Sprintf(`{"id":%q,"source":"//shop.example/till","status":%q,"status_code":202}`, id, status)
}

func refusal(status int, code string, after int) string {
	text := fmt.Sprintf(`{"type":"about:blank","title":"No.","status":%d,"detail":"Not so.","code":%q,"request_id":"r1","status_code":%d`, status, code, status)
	if after > 0 {
		text += fmt.Sprintf(`,"retry_after":%d`, after)
	}
	return text + "}"
}

// verify checks a request's signature as a router does.
func (a asked) verify(t testing.TB, kind string) {
	t.Helper()
	var seconds int64
	if _, err := fmt.Sscan(a.headers[webhook.HeaderTimestamp], &seconds); err != nil {
		t.Errorf("timestamp: %v", err)
	}
	want := signer(t).Sign(a.headers[webhook.HeaderID], time.Unix(seconds, 0), a.body)
	if a.headers[webhook.HeaderSignature] != want || a.headers[webhook.HeaderKeyID] != "k1" || a.headers["content-type"] != kind || len(a.name) > 64 {
		t.Errorf("request id %q, headers %v", a.name, a.headers)
	}
}

func wantRefused(t testing.TB, err error, status int, code string) {
	t.Helper()
	var refused *producer.Refused
	if !errors.As(err, &refused) || refused.Answer.StatusCode != status || refused.Answer.Code != code || !strings.Contains(err.Error(), code+": Not so.") {
		t.Fatalf("got %v, want %d %s", err, status, code)
	}
}
