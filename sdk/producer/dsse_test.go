package producer_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
	"github.com/headgate-io/headgate/sdk/producer"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// eventSigner signs differently each time, as ES256 does.
func eventSigner(t testing.TB) (*dsse.Signer, []dsse.Key) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dsse.NewSigner("till-1", key)
	if err != nil {
		t.Fatal(err)
	}
	return s, []dsse.Key{{ID: "till-1", Public: key.Public()}}
}

// holdsSigned checks an event against what was given to be sent.
func holdsSigned(t testing.TB, raw, given []byte, keys []dsse.Key) {
	t.Helper()
	e, err := sdk.ParseEvent(raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dsse.Verify(&e, keys); err != nil {
		t.Errorf("%s: %v", raw, err)
	}
	bare, err := e.Only(nil)
	if err != nil || !bytes.Equal(bare.Raw, given) {
		t.Errorf("without its signature %s, given %s", bare.Raw, given)
	}
}

func TestSendSignsTheEventOnce(t *testing.T) {
	var bodies [][]byte
	r := newRouter(t, zmq.Security{}, func(a asked) {
		a.verify(t, typeEvent)
		bodies = append(bodies, a.body)
		if len(bodies) < 3 {
			a.answer(refusal(503, "overloaded", 1))
			return
		}
		a.answer(taken(idOf(a.body), "accepted"))
	})
	events, keys := eventSigner(t)
	p, stop := start(t, producer.Options{Connect: []string{r.at}, EventSigner: events}, nil)
	given := event("order-1")
	before := bytes.Clone(given)
	if a, err := p.Send(soon(t), given); err != nil || a.Status != "accepted" {
		t.Errorf("got %+v, %v", a, err)
	}
	stop()
	r.stop()
	if len(bodies) != 3 || !bytes.Equal(bodies[0], bodies[1]) || !bytes.Equal(bodies[1], bodies[2]) {
		t.Errorf("tries differ: %s", bodies)
	}
	holdsSigned(t, bodies[0], given, keys)
	if !bytes.Equal(given, before) {
		t.Errorf("the event given is %s now", given)
	}
}

func TestSendBatchSignsEachEventOnce(t *testing.T) {
	var sent [][]json.RawMessage
	r := newRouter(t, zmq.Security{}, func(a asked) {
		a.verify(t, typeBatch)
		var batch []json.RawMessage
		if err := json.Unmarshal(a.body, &batch); err != nil {
			t.Errorf("%s: %v", a.body, err)
		}
		sent = append(sent, batch)
		results := make([]string, len(batch))
		for i, e := range batch {
			results[i] = fmt.Sprintf(`{"id":%q,"status_code":202}`, idOf(e))
			if len(sent) == 1 && i > 0 {
				results[i] = fmt.Sprintf(`{"id":%q,"status_code":503}`, idOf(e))
			}
		}
		a.answer(`{"status_code":200,"results":[` + strings.Join(results, ",") + `]}`)
	})
	events, keys := eventSigner(t)
	p, stop := start(t, producer.Options{Connect: []string{r.at}, EventSigner: events}, nil)
	given := [][]byte{event("a"), event("b"), event("c")}
	if _, err := p.SendBatch(soon(t), given); err != nil {
		t.Fatal(err)
	}
	stop()
	r.stop()
	if len(sent) != 2 || len(sent[0]) != 3 || !slices.EqualFunc(sent[0][1:], sent[1], func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
		t.Fatalf("sent %s", sent)
	}
	for i, raw := range sent[0] {
		holdsSigned(t, raw, given[i], keys)
	}
}

func TestSendTellsWhatCannotBeSigned(t *testing.T) {
	events, _ := eventSigner(t)
	p, err := producer.New(producer.Options{Connect: []string{"tcp://127.0.0.1:1"}, Signer: signer(t), EventSigner: events})
	if err != nil {
		t.Fatal(err)
	}
	bad := []byte(`{"specversion":"1.0","id":"1","source":"/a","type":"t","time":"2026-11-22T10:00:00,5Z"}`)
	if _, err := p.Send(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "RFC 3339") {
		t.Errorf("got %v", err)
	}
	if _, err := p.SendBatch(t.Context(), [][]byte{event("a"), bad}); err == nil || !strings.Contains(err.Error(), "event 1 of the batch") {
		t.Errorf("got %v", err)
	}
}
