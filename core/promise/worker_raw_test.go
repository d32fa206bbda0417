package promise_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// Clients of a real identity provider, a Worker on the runtime that Cloudflare
// runs, the router and its consumers: the whole way and back.
func TestWorkerOnRawWorkerd(t *testing.T) {
	provider := nodeIDP(t, nil)
	s := newWorkerStage(t, provider.issuer)
	l := newLedger(t)
	s.invoices(l)
	token, other := provider.token(ask{}), provider.token(ask{client: strangerClient})
	w := s.worker()

	// A command comes back with its consumer's result, and is the same one when
	// it is repeated.
	first := w.ask("POST /commands/order.created", token, `{"amount":1}`, "Prefer", "wait=20", "Idempotency-Key", "cart-1")
	if first.says() != "200 done" || string(first.Channels["orders"].Result) != fmt.Sprintf(`{"invoice":%q}`, first.ID) {
		t.Fatalf("a command: %d %s", first.HTTP, first.Body)
	}
	l.accept(first.ID)
	if first.Source != clientSource+edgeClient {
		t.Errorf("its source is %s", first.Source)
	}
	if again := w.ask("POST /commands/order.created", token, `{"amount":1}`, "Idempotency-Key", "cart-1"); again.says() != duplicate || again.ID != first.ID {
		t.Errorf("the same again: %d %s", again.HTTP, again.Body)
	}
	if changed := w.ask("POST /commands/order.created", token, `{"amount":2}`, "Idempotency-Key", "cart-1"); changed.says() != "409 conflict" {
		t.Errorf("another under the same key: %d %s", changed.HTTP, changed.Body)
	}
	theirs := w.ask("POST /commands/order.created", other, `{"amount":1}`, "Idempotency-Key", "cart-1")
	if theirs.says() != accepted || theirs.ID == first.ID {
		t.Errorf("another client's of the same key: %d %s", theirs.HTTP, theirs.Body)
	}
	l.accept(theirs.ID)

	// Its end is told to its sender alone.
	if told := w.ask("GET /commands/"+first.ID, token, ""); told.HTTP != http.StatusOK || told.State != "done" {
		t.Errorf("its status: %d %s", told.HTTP, told.Body)
	}
	if told := w.ask("GET /commands/"+first.ID, other, ""); told.says() != "404 not_found" {
		t.Errorf("its status for another: %d %s", told.HTTP, told.Body)
	}

	// The router's word is handed on.
	if a := w.ask("POST /commands/weather.asked", token, `{}`); a.says() != "422 no_route" {
		t.Errorf("a command without a route: %d %s", a.HTTP, a.Body)
	}

	// Telemetry gets to who listens.
	readings := s.readings()
	s.eventually("a reading arrives", func() bool {
		if a := w.ask("POST /telemetry/reading.temperature", token, `{"celsius":21}`); a.says() != "202 sent" {
			t.Fatalf("telemetry: %d %s", a.HTTP, a.Body)
		}
		return slices.Contains(readings(), "com.example.reading.temperature")
	})

	// The same by ZeroMQ.
	z := s.worker("ROUTER_ZMTP", s.top.Doors[1].Address)
	asked := s.front.asked.Load()
	direct := z.ask("POST /commands/order.created", token, `{"amount":3}`, "Prefer", "wait=20")
	if direct.says() != "200 done" {
		t.Fatalf("by ZeroMQ: %d %s", direct.HTTP, direct.Body)
	}
	l.accept(direct.ID)
	if n := s.front.asked.Load(); n != asked {
		t.Errorf("%d requests went by HTTP", n-asked)
	}
	s.eventually("it is done", func() bool { return z.ask("GET /commands/"+direct.ID, token, "").State == "done" })

	s.drained()
	l.balance(s.router, never)
}

// The same way to a consumer on libzmq, and back.
func TestWorkerOnRawWorkerdMeetsPython(t *testing.T) {
	provider := nodeIDP(t, nil)
	s := newWorkerStage(t, provider.issuer)
	done := s.python("orders")
	a := s.worker().ask("POST /commands/order.created", provider.token(ask{}), `{"amount":1}`, "Prefer", "wait=20")
	if a.says() != "200 done" {
		t.Fatalf("a command: %d %s", a.HTTP, a.Body)
	}
	if ended := done(); len(ended) != 1 || !strings.Contains(ended[0], a.ID) {
		t.Errorf("the consumer says %q of %s", ended, a.ID)
	}
}

// What a Worker cannot trust goes no further than that Worker.
func TestWorkerKeepsStrangersFromTheRouter(t *testing.T) {
	provider := nodeIDP(t, nil)
	s := newWorkerStage(t, provider.issuer)
	w := s.worker()
	token := provider.token(ask{})
	part := strings.Split(token, ".")
	impostor := jwkstest.New(provider.issuer, "", "ES256") // claims to be the provider
	thief := impostor.Keys()[0]
	thief.ID, _ = headerOf(t, token)["kid"].(string)
	unknown := []string{"an unknown key", "an impostor's"} // which the issuer may be about to publish
	for name, token := range map[string]string{
		"none":                  "",
		"no token":              "abc",
		"for somebody else":     provider.token(ask{audience: "api://other"}),
		"another's signature":   forged(t, token, ""),
		"an unknown key":        forged(t, token, "nobody's"),
		"another's claims":      part[0] + "." + strings.Split(provider.token(ask{client: strangerClient}), ".")[1] + "." + part[2],
		"an impostor's":         impostor.Sign(accessClaims(impostor), "typ", "at+jwt"),
		"by a known key's name": thief.Sign(accessClaims(impostor), "typ", "at+jwt"),
		"two":                   token + "," + token,
		"of an issuer untold":   access(jwkstest.New("http://127.0.0.1:1", "", "ES256")),
		"without its signature": part[0] + "." + part[1] + ".",
	} {
		for _, way := range []string{"POST /commands/order.created", "POST /telemetry/reading.temperature", "GET /commands/1"} {
			a := w.ask(way, token, "")
			if a.HTTP != http.StatusUnauthorized || (a.RetryAfter != "") != slices.Contains(unknown, name) {
				t.Errorf("%s, %s: %d %s", way, name, a.HTTP, a.Body)
			}
		}
	}
	if n := s.front.asked.Load(); n != 0 {
		t.Errorf("%d requests got to the router", n)
	}
	s.deferred.set(func() {
		if s.deferred.taken != 0 {
			t.Errorf("%d items got into the queue", s.deferred.taken)
		}
	})
	if a := w.ask("POST /commands/order.created", token, "{}"); a.says() != accepted || s.front.asked.Load() == 0 {
		t.Errorf("a good token after all that: %d %s", a.HTTP, a.Body)
	}
}

// Tokens end. While their issuer is away nobody is refused for good, and when it
// is back nobody waits for long.
func TestWorkerOutlivesItsIssuer(t *testing.T) {
	at := freeAddress(t)
	issuer := jwkstest.New("http://"+at, "/clients", "ES256")
	serve := func() *http.Server {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		server, ended := &http.Server{Handler: issuer}, make(chan struct{})
		go func() { defer close(ended); _ = server.Serve(l) }()
		t.Cleanup(func() { _ = server.Close(); <-ended })
		return server
	}
	s := newWorkerStage(t, issuer.URL())
	w := s.worker()
	const way = "POST /commands/order.created"
	later := func(why string) {
		t.Helper()
		if a := w.ask(way, access(issuer), "{}"); a.HTTP != http.StatusServiceUnavailable || a.RetryAfter == "" {
			t.Errorf("%s: %d %s, Retry-After %q", why, a.HTTP, a.Body, a.RetryAfter)
		}
		if n := s.front.asked.Load(); n != 0 {
			t.Errorf("%s: %d requests got to the router", why, n)
		}
	}
	later("nobody is there")
	server := serve()
	issuer.Misbehave(jwkstest.Behaviour{Status: http.StatusInternalServerError})
	later("it is broken")
	ever := make(chan struct{})
	issuer.Misbehave(jwkstest.Behaviour{Slow: ever})
	later("it is silent")
	close(ever)
	issuer.Misbehave(jwkstest.Behaviour{})
	s.eventually("it is back", func() bool { return w.ask(way, access(issuer), "{}").says() == accepted })

	asked := s.front.asked.Load()
	claims := accessClaims(issuer)
	claims["iat"], claims["exp"] = time.Now().Add(-time.Hour).Unix(), time.Now().Add(-10*time.Minute).Unix()
	if a := w.ask(way, issuer.Sign(claims, "typ", "at+jwt"), "{}"); a.HTTP != http.StatusUnauthorized || s.front.asked.Load() != asked {
		t.Errorf("a token that is over: %d %s", a.HTTP, a.Body)
	}

	_ = server.Close()
	if a := w.ask(way, access(issuer), "{}"); a.says() != accepted {
		t.Errorf("by keys that are known: %d %s", a.HTTP, a.Body)
	}
}

// While the router is away commands wait in the queue, and come through later.
func TestWorkerDefersCommands(t *testing.T) {
	provider := nodeIDP(t, nil)
	s := newWorkerStage(t, provider.issuer)
	l := newLedger(t)
	s.invoices(l)
	w := s.worker()
	token := provider.token(ask{})
	s.terminate()
	s.ended()
	var ids []string
	for i := range 8 {
		a := w.ask("POST /commands/order.created", token, `{"amount":1}`, "Idempotency-Key", fmt.Sprint(i))
		if a.says() != "202 deferred" {
			t.Fatalf("while the router is away: %d %s", a.HTTP, a.Body)
		}
		ids = append(ids, a.ID)
		l.accept(a.ID)
	}
	if a := w.ask("GET /commands/"+ids[0], token, ""); a.HTTP != http.StatusServiceUnavailable {
		t.Errorf("status while the router is away: %d %s", a.HTTP, a.Body)
	}
	s.start()
	stop := s.deferred.pump()
	defer stop()
	s.eventually("all are done", func() bool { return l.did("orders", ids...) })
	if a := w.ask("POST /commands/order.created", token, `{"amount":1}`, "Idempotency-Key", "0"); a.says() != duplicate || a.ID != ids[0] {
		t.Errorf("again, later: %d %s", a.HTTP, a.Body)
	}
	s.drained()
	l.balance(s.router, never)
}
