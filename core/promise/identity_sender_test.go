package promise_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// bear posts an event with a token, and pairs of more headers.
func (e *edge) bear(ctx context.Context, token string, event []byte, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+"/v1/events", bytes.NewReader(event))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return e.do(req)
}

// borne posts an event with a token and gives what the router says.
func (r *router) borne(token string, event []byte, headers ...string) answer {
	r.Helper()
	a, err := r.edge.bear(r.Context(), token, event, headers...)
	if err != nil {
		r.Errorf("no answer to a token: %v", err)
	}
	return a
}

// taken is borne for an event that has to be accepted at once.
func (r *router) taken(l *ledger, token, id string) {
	r.Helper()
	if a := r.borne(token, note(id)); a.says() != accepted {
		r.Errorf("REFUSED: %s: %s", id, a.Body)
		return
	}
	l.accept(id)
}

// dealer is a sender on the ingress "direct", without an SDK's help.
type dealer struct {
	*router
	socket *zmq.Dealer
}

func (r *router) dealer() *dealer {
	r.Helper()
	d := &dealer{r, zmq.NewDealer(zmq.Options{})}
	if err := d.socket.Connect(r.top.Doors[1].Address); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() {
		if err := d.socket.Run(ctx); err != nil {
			r.Errorf("dealer: %v", err)
		}
	})
	r.Cleanup(func() { cancel(); going.Wait() })
	return d
}

// bear sends an event with a token and waits for the answer.
func (d *dealer) bear(token string, event []byte) (a answer) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), patience)
	defer cancel()
	headers := text(d.T, map[string]string{"content-type": "application/cloudevents+json", "authorization": "Bearer " + token})
	if err := d.socket.Send(ctx, zmq.Frames{[]byte("1"), []byte(headers), event}); err != nil {
		d.Fatal(err)
	}
	got, err := d.socket.Recv(ctx)
	if err != nil {
		d.Fatal(err)
	}
	if len(got.Frames) != 2 {
		d.Fatalf("the answer has %d frames", len(got.Frames))
	}
	a.Body = got.Frames[1]
	if err := json.Unmarshal(a.Body, &a); err != nil {
		d.Fatalf("%s: %v", a.Body, err)
	}
	return a
}

// forged is a token that claims the same, with another key's id unless it is
// empty, and a signature that is none.
func forged(t *testing.T, token, kid string) string {
	t.Helper()
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if kid != "" {
		h := headerOf(t, token)
		h["kid"] = kid
		header = base64.RawURLEncoding.EncodeToString([]byte(text(t, h)))
	}
	return header + "." + payload + "." + strings.Repeat("A", len(signature))
}

// headerOf and claimsOf read a token's parts, whoever signed it.
func headerOf(t *testing.T, token string) map[string]any { t.Helper(); return partOf(t, token, 0) }
func claimsOf(t *testing.T, token string) map[string]any { t.Helper(); return partOf(t, token, 1) }

func partOf(t *testing.T, token string, n int) (part map[string]any) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	if err == nil {
		err = json.Unmarshal(text, &part)
	}
	if err != nil {
		t.Fatal(err)
	}
	return part
}

// knows tells whether the router has a key of a token's issuer, as a sender sees
// it: a forged token is refused for good by a key that is there, and gets a
// Retry-After where none is. The router then asks the provider for it.
func (r *router) knows(token, kid string) bool {
	r.Helper()
	a := r.borne(forged(r.T, token, kid), note("forged"))
	switch says := a.says(); {
	case says == "503 trust_unavailable":
		return false
	case says != "401 unauthenticated":
		r.Errorf("a forged token gets %s", a.Body)
	}
	return a.RetryAfter == ""
}

// trusts waits until the router can check tokens that are signed as this one is.
func (r *router) trusts(token string) {
	r.Helper()
	r.eventually("the router has the keys of "+fmt.Sprint(claimsOf(r.T, token)["iss"]), func() bool { return r.knows(token, "") })
}
