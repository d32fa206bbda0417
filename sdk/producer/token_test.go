package producer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/jwk"
	"github.com/headgate-io/headgate/sdk/producer"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// TestSendWithATokenShowsItAlone: each try asks for a token anew, and shows no
// signature beside it.
func TestSendWithATokenShowsItAlone(t *testing.T) {
	var seen []map[string]string
	r := newRouter(t, zmq.Security{}, func(a asked) {
		seen = append(seen, a.headers)
		if len(seen) < 2 {
			a.answer(refusal(503, "overloaded", 1))
			return
		}
		a.answer(taken(idOf(a.body), "accepted"))
	})
	events, _ := eventSigner(t)
	asked := 0
	p, stop := start(t, producer.Options{Connect: []string{r.at}, EventSigner: events, Bound: true, Token: func(context.Context) (string, error) {
		asked++
		return fmt.Sprintf("t%d", asked), nil
	}}, nil)
	if a, err := p.Send(soon(t), event("order-1")); err != nil || a.Status != "accepted" {
		t.Errorf("got %+v, %v", a, err)
	}
	stop()
	r.stop()
	for i, h := range seen {
		if h["authorization"] != fmt.Sprintf("Bearer t%d", i+1) || len(h) != 3 {
			t.Errorf("try %d shows %v", i, h)
		}
		key, err := jwk.Parse([]byte(h["headgate-event-key"]))
		if want := (jwk.Key{Public: events.Public()}); err != nil || key.Thumbprint() != want.Thumbprint() {
			t.Errorf("event key %s: %v", h["headgate-event-key"], err)
		}
	}
	if len(seen) != 2 {
		t.Errorf("%d tries", len(seen))
	}
}

// TestATokenThatIsNotThere: nothing is sent without one.
func TestATokenThatIsNotThere(t *testing.T) {
	for want, token := range map[string]func(context.Context) (string, error){
		"token: no network":  func(context.Context) (string, error) { return "", errors.New("no network") },
		"token: it is empty": func(context.Context) (string, error) { return "", nil },
	} {
		r := newRouter(t, zmq.Security{}, func(a asked) {
			text, _ := json.Marshal(a.headers)
			t.Errorf("sent: %s", text)
		})
		p, stop := start(t, producer.Options{Connect: []string{r.at}, Retries: -1, Token: token}, nil)
		if _, err := p.Send(soon(t), event("order-1")); !errors.Is(err, producer.ErrNoAnswer) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
		stop()
		r.stop()
	}
}
