package ingress_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestEventIsTakenOnce(t *testing.T) {
	eachDoor(t, func(t *testing.T, d *door) {
		d.do(d.signed("order-1", order("order-1"))).want(t, 202, `{"id":"order-1","source":"//shop.example/till","status":"queued"}`)
		if d.seen.count() != 1 {
			t.Errorf("telemetry saw %d events, want 1", d.seen.count())
		}
		// The same event again, in other bytes.
		again := append([]byte(" "), order("order-1")...)
		d.do(d.signed("order-1", again)).want(t, 200, `{"id":"order-1","source":"//shop.example/till","status":"duplicate"}`)
		d.do(d.signed("order-1", event("order-1", orderType, `{"amount":2}`))).refused(t, 409, "conflict")
		if st := d.store.Stats(); st.Channels["commands"].Pending != 1 || d.seen.count() != 1 {
			t.Errorf("pending %d, telemetry %d: want 1 and 1", st.Channels["commands"].Pending, d.seen.count())
		}
	})
}

func TestExactBytesAreKept(t *testing.T) {
	eachDoor(t, func(t *testing.T, d *door) {
		body := []byte("{ \"type\":\"com.example.order.created\",\"data\":{\"a\":1.50,\"b\":\"<&>\"},\"specversion\":\"1.0\",\n\"id\":\"order-1\",\"source\":\"//shop.example/till\"}")
		if a := d.do(d.signed("order-1", body)); a.status != 202 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		st, err := d.store.Lookup(context.Background(), outbox.Key{Source: source, ID: "order-1"})
		if err != nil || string(st.Entry.Event.Raw) != string(body) {
			t.Errorf("got %q, %v; want %q", st.Entry.Event.Raw, err, body)
		}
	})
}

func TestTelemetryAlone(t *testing.T) {
	d := open(t, nil)
	d.do(d.signed("r-1", event("r-1", "com.example.reading", "1"))).want(t, 202, `{"id":"r-1","source":"//shop.example/till","status":"queued"}`)
	if d.seen.count() != 1 {
		t.Errorf("telemetry saw %d events, want 1", d.seen.count())
	}
	d.do(d.ask("/v1/status?source=//shop.example/till&id=r-1", request{})).refused(t, 404, "not_found")
}

func TestDeviceSignsWithEd25519(t *testing.T) {
	eachDoor(t, func(t *testing.T, d *door) {
		signer, err := webhook.NewEd25519Signer(private(9))
		if err != nil {
			t.Fatal(err)
		}
		a := d.do(d.make(request{id: "order-1", kind: typeEvent + "; charset=UTF-8", body: order("order-1"), keyID: "device", signer: signer}))
		if a.status != 202 {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
}

func TestBatchIsAnsweredInOrder(t *testing.T) {
	eachDoor(t, func(t *testing.T, d *door) {
		d.do(d.signed("order-1", order("order-1")))
		events := []string{
			string(order("order-2")),
			string(order("order-1")),
			string(event("order-1", orderType, "2")),
			string(event("x-1", "org.example.other", "1")),
			`{"specversion":"1.0","id":"a","id":"b"}`,
			string(event("order-3", "com.example.order.paid", "{}")),
			string(event("n-1", "com.example.narrow", "{}")),
			string(order("dotted.id")),
		}
		a := d.do(d.make(request{id: "batch-1", kind: typeBatch, body: []byte("[" + strings.Join(events, ",\n") + "]")}))
		var doc struct {
			Results []struct {
				ID         string `json:"id"`
				StatusCode int    `json:"status_code"`
				Status     string `json:"status"`
				Code       string `json:"code"`
				Pointer    string `json:"pointer"`
				RetryAfter int    `json:"retry_after"`
			} `json:"results"`
		}
		if err := json.Unmarshal(a.body, &doc); err != nil || a.status != 200 {
			t.Fatalf("%d %s: %v", a.status, a.body, err)
		}
		want := []string{"order-2 202 queued", "order-1 200 duplicate", "order-1 409 conflict", "x-1 422 no_route", " 400 malformed", "order-3 422 schema", "n-1 503 channel_full", "dotted.id 202 queued"}
		for i, r := range doc.Results {
			if got := fmt.Sprintf("%s %d %s%s", r.ID, r.StatusCode, r.Status, r.Code); i >= len(want) || got != want[i] {
				t.Errorf("result %d is %q, want %q", i, got, want[min(i, len(want)-1)])
			}
			if (r.Code == "channel_full") != (r.RetryAfter > 0) {
				t.Errorf("result %d: retry_after is %d", i, r.RetryAfter)
			}
		}
		if len(doc.Results) != len(want) {
			t.Errorf("%d results, want %d", len(doc.Results), len(want))
		}
		if st := d.store.Stats(); st.Channels["commands"].Pending != 3 {
			t.Errorf("pending %d, want 3", st.Channels["commands"].Pending)
		}
		d.do(d.make(request{id: "batch-2", kind: typeBatch, body: []byte("[" + strings.Repeat("1,", 10) + "1]")})).refused(t, 413, "too_large")
		d.do(d.make(request{id: "batch-3", kind: typeBatch, body: []byte("[]")})).refused(t, 400, "malformed")
	})
}

// settle ends the next event of the command channel, once it is there.
func (d *door) settle(o outbox.Outcome) {
	for {
		items, _, err := d.store.Ready("commands", time.Now(), 1)
		if err != nil {
			d.t.Error(err)
			return
		}
		if len(items) == 0 {
			<-d.store.Wake("commands")
			continue
		}
		o.Seq, o.Channel, o.Attempt, o.At = items[0].Seq, "commands", items[0].Attempt, time.Now()
		if err := d.store.Settle(context.Background(), []outbox.Outcome{o}); err != nil {
			d.t.Error(err)
		}
		return
	}
}

func TestWaitingForTheEnd(t *testing.T) {
	for _, by := range []string{"post", "get", "zmq"} {
		t.Run(by, func(t *testing.T) {
			d := open(t, nil)
			if by == "zmq" {
				d = openZMQ(t, nil)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				d.settle(outbox.Outcome{Action: outbox.Done, Result: []byte(`{"invoice":7}`)})
			}()
			req := d.signed("order-1", order("order-1"))
			if by == "get" {
				d.do(req)
				req = d.ask("/v1/status?id=order-1&source=%2F%2Fshop.example%2Ftill", request{})
			}
			req.Header.Set("Prefer", `respond-async, wait=20`)
			a := d.do(req)
			<-ended
			var doc struct {
				ID, State string
				Channels  map[string]struct {
					State   string
					Attempt int
					Result  json.RawMessage
				}
			}
			if err := json.Unmarshal(a.body, &doc); err != nil || a.status != 200 {
				t.Fatalf("%d %s: %v", a.status, a.body, err)
			}
			c := doc.Channels["commands"]
			if doc.ID != "order-1" || doc.State != "done" || c.State != "done" || c.Attempt != 1 || string(c.Result) != `{"invoice":7}` {
				t.Errorf("got %s", a.body)
			}
			if by == "post" && a.header.Get("Preference-Applied") != "wait" {
				t.Error("Preference-Applied is missing")
			}
		})
	}
}

// TestDuplicateNeverWaits: results are for the request that was accepted, and
// for those who ask by GET.
func TestDuplicateNeverWaits(t *testing.T) {
	eachDoor(t, func(t *testing.T, d *door) {
		d.do(d.signed("order-1", order("order-1")))
		d.settle(outbox.Outcome{Action: outbox.Done, Result: []byte(`1`)})
		req := d.signed("order-1", order("order-1"))
		req.Header.Set("Prefer", "wait=20")
		d.do(req).want(t, 200, `{"id":"order-1","source":"//shop.example/till","status":"duplicate"}`)
	})
}

func TestStatus(t *testing.T) {
	d := open(t, nil)
	d.do(d.signed("order-1", order("order-1")))
	const target = "/v1/status?source=//shop.example/till&id=order-1"
	a := d.do(d.ask(target, request{}))
	a.want(t, 200, `{"id":"order-1","source":"//shop.example/till","state":"pending","channels":{"commands":{"state":"pending","attempt":0}}}`)

	t.Run("of nothing", func(t *testing.T) {
		d.do(d.ask("/v1/status?source=//shop.example/till&id=order-9", request{})).refused(t, 404, "not_found")
	})
	t.Run("of another principal", func(t *testing.T) {
		d.do(d.ask(target, request{keyID: "other", signer: hmacSigner(t, 2)})).refused(t, 404, "not_found")
	})
	t.Run("signed for another target", func(t *testing.T) {
		req := d.ask(target, request{})
		d.sign(req, request{id: "ask-1"}, webhook.GetBody("/v1/status?id=order-1&source=//shop.example/till"))
		d.do(req).refused(t, 401, "unauthenticated")
	})
	t.Run("not signed", func(t *testing.T) {
		req := d.ask(target, request{})
		req.Header = http.Header{}
		d.do(req).refused(t, 401, "unauthenticated")
	})
	for _, query := range []string{"", "?id=order-1", "?source=a&id=b&id=c", "?source=a&id=b&more=1"} {
		t.Run("query "+query, func(t *testing.T) {
			d.do(d.ask("/v1/status"+query, request{})).refused(t, 400, "malformed")
		})
	}
}

func TestKeys(t *testing.T) {
	d := open(t, nil)
	req, err := http.NewRequest(http.MethodGet, d.url+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := d.do(req); a.status != 200 || !strings.Contains(string(a.body), `"keys":[`) || a.header.Get("Content-Type") != "application/jwk-set+json" {
		t.Errorf("got %d %s %v", a.status, a.body, a.header)
	}
}
