package ingress_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// TestRefused goes through what a door must refuse, with the status and code
// that the contract gives, and wants nothing in the outbox afterwards.
func TestRefused(t *testing.T) {
	good := order("order-1")
	// with makes a good request and then spoils it.
	with := func(spoil func(*door, *http.Request)) func(*door) *http.Request {
		return func(d *door) *http.Request {
			req := d.signed("order-1", good)
			spoil(d, req)
			return req
		}
	}
	// of makes a request that is well signed over a bad body.
	of := func(id string, body []byte) func(*door) *http.Request {
		return func(d *door) *http.Request { return d.signed(id, body) }
	}
	by := func(keyID string, n byte) func(*door) *http.Request {
		return func(d *door) *http.Request {
			return d.make(request{id: "order-1", kind: typeEvent, body: good, keyID: keyID, signer: hmacSigner(t, n)})
		}
	}
	header := func(name string, values ...string) func(*door) *http.Request {
		return with(func(_ *door, req *http.Request) { req.Header[http.CanonicalHeaderKey(name)] = values })
	}
	aged := func(age time.Duration) func(*door) *http.Request {
		return func(d *door) *http.Request {
			return d.make(request{id: "order-1", kind: typeEvent, body: good, at: time.Now().Add(-age)})
		}
	}
	tests := []struct {
		name   string
		make   func(*door) *http.Request
		status int
		code   string
	}{
		// Nobody's.
		{"no credential", with(func(_ *door, req *http.Request) {
			for _, h := range []string{webhook.HeaderID, webhook.HeaderKeyID, webhook.HeaderSignature, webhook.HeaderTimestamp} {
				req.Header.Del(h)
			}
		}), 401, "unauthenticated"},
		{"no key id, no default", header(webhook.HeaderKeyID), 401, "unauthenticated"},
		{"no timestamp", header(webhook.HeaderTimestamp), 401, "unauthenticated"},
		{"unknown key", by("nobody", 1), 401, "unauthenticated"},
		{"another's key", by("edge-1", 2), 401, "unauthenticated"},
		{"revoked key", by("revoked", 4), 401, "unauthenticated"},
		{"v1 against an Ed25519 key", by("device", 1), 401, "unauthenticated"},
		{"forged signature", header(webhook.HeaderSignature, "v1,"+strings.Repeat("A", 43)+"="), 401, "unauthenticated"},
		{"fifth signature", with(func(_ *door, req *http.Request) {
			bad := "v1," + strings.Repeat("A", 43) + "= "
			req.Header.Set(webhook.HeaderSignature, strings.Repeat(bad, 4)+req.Header.Get(webhook.HeaderSignature))
		}), 401, "unauthenticated"},
		{"expired", aged(301 * time.Second), 401, "unauthenticated"},
		{"from the future", aged(-302 * time.Second), 401, "unauthenticated"},
		{"replayed under another time", with(func(_ *door, req *http.Request) {
			req.Header.Set(webhook.HeaderTimestamp, webhook.Timestamp(time.Now().Add(-time.Second)))
		}), 401, "unauthenticated"},
		{"replayed under another id", header(webhook.HeaderID, "order-2"), 401, "unauthenticated"},
		{"spliced: another event's signature", with(func(d *door, req *http.Request) {
			req.Header.Set(webhook.HeaderSignature, d.signed("order-2", order("order-2")).Header.Get(webhook.HeaderSignature))
		}), 401, "unauthenticated"},
		{"spliced: one byte of the body", with(func(d *door, req *http.Request) {
			*req = *d.signed("order-1", good)
			other := d.signed("order-1", event("order-1", orderType, `{"amount":9}`))
			req.Body, req.GetBody, req.ContentLength = other.Body, other.GetBody, other.ContentLength
		}), 401, "unauthenticated"},
		{"spliced: signed as a batch's event, sent alone", func(d *door) *http.Request {
			req := d.make(request{id: "batch-1", kind: typeBatch, body: []byte("[" + string(good) + "]")})
			req.Header.Set("Content-Type", typeEvent)
			return req
		}, 400, "malformed"},
		{"spliced: signed for an id that is not the event's", func(d *door) *http.Request { return d.signed("order-2", good) }, 400, "bad_id"},
		{"bearer token, no provider of them", with(func(_ *door, req *http.Request) {
			req.Header = http.Header{"Content-Type": {typeEvent}, "Authorization": {"Bearer x.y.z"}}
		}), 401, "unauthenticated"},

		// More than one, or not of the form.
		{"signed, and a bearer token", header("Authorization", "Bearer x.y.z"), 400, "ambiguous_credential"},
		{"two tokens", header("Authorization", "Bearer x.y.z", "Bearer x.y.z"), 400, "ambiguous_credential"},
		{"key id twice", header(webhook.HeaderKeyID, "edge-1", "edge-1"), 400, "ambiguous_credential"},
		{"webhook-id twice", header(webhook.HeaderID, "order-1", "order-1"), 400, "ambiguous_credential"},
		{"timestamp twice", header(webhook.HeaderTimestamp, webhook.Timestamp(time.Now()), webhook.Timestamp(time.Now())), 400, "ambiguous_credential"},
		{"signature twice", with(func(_ *door, req *http.Request) {
			req.Header.Add(webhook.HeaderSignature, req.Header.Get(webhook.HeaderSignature))
		}), 400, "ambiguous_credential"},
		{"an event key without a token", header("Headgate-Event-Key", "{}"), 400, "ambiguous_credential"},
		{"webhook-id with a dot", header(webhook.HeaderID, "order.1"), 400, "bad_id"},
		{"timestamp with a sign", header(webhook.HeaderTimestamp, "+"+webhook.Timestamp(time.Now())), 400, "malformed"},

		// Not one event.
		{"no JSON", of("order-1", []byte("order-1")), 400, "malformed"},
		{"empty", of("order-1", nil), 400, "malformed"},
		{"a name twice", of("order-1", []byte(`{"id":"order-1",`+string(good[1:]))), 400, "malformed"},
		{"a name twice, deep", of("order-1", event("order-1", orderType, `{"a":{"b":1,"b":2}}`)), 400, "malformed"},
		{"bytes behind", of("order-1", append(append([]byte{}, good...), '1')), 400, "malformed"},
		{"a byte order mark", of("order-1", append([]byte("\xef\xbb\xbf"), good...)), 400, "malformed"},
		{"invalid UTF-8", of("order-1", event("order-1", orderType, "\"\xff\"")), 400, "malformed"},
		{"too deep", of("order-1", event("order-1", orderType, strings.Repeat("[", 70)+strings.Repeat("]", 70))), 400, "malformed"},
		{"an upper-case attribute", of("order-1", []byte(`{"Subject":"x",`+string(good[1:]))), 400, "malformed"},
		{"specversion 0.3", of("order-1", []byte(strings.Replace(string(good), "1.0", "0.3", 1))), 400, "malformed"},
		{"expirytime is no time", of("order-1", []byte(`{"expirytime":"soon",`+string(good[1:]))), 400, "malformed"},
		{"a batch as one event", of("order-1", []byte("["+string(good)+"]")), 400, "malformed"},
		{"one event as a batch", func(d *door) *http.Request { return d.make(request{id: "batch-1", kind: typeBatch, body: good}) }, 400, "malformed"},

		// Not allowed, not routed, not as the rules want it.
		{"a source that is not granted", of("order-1", []byte(strings.Replace(string(good), "shop.example", "bank.example", 1))), 403, "forbidden"},
		{"two content types", header("Content-Type", typeEvent, typeBatch), 400, "malformed"},
		{"two content encodings", header("Content-Encoding", "identity", "gzip"), 400, "malformed"},
		{"a key without rights", by("bare", 5), 403, "forbidden"},
		{"a scope is missing", of("order-1", event("order-1", "com.example.order.scoped", "1")), 403, "forbidden"},
		{"no route", of("order-1", event("order-1", "com.example.other", "1")), 422, "no_route"},
		{"a condition fails", of("order-1", event("order-1", "com.example.order.undecided", "1")), 422, "condition_error"},
		{"a schema is broken", of("order-1", event("order-1", "com.example.order.paid", `{}`)), 422, "schema"},
		{"the channel is full", of("order-1", event("order-1", "com.example.narrow", "1")), 503, "channel_full"},

		// Not of the form of HTTP.
		{"binary mode", with(func(_ *door, req *http.Request) {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("ce-id", "order-1")
		}), 415, "unsupported_type"},
		{"plain JSON", header("Content-Type", "application/json"), 415, "unsupported_type"},
		{"no content type", header("Content-Type"), 415, "unsupported_type"},
		{"another charset", header("Content-Type", typeEvent+"; charset=utf-16"), 415, "unsupported_type"},
		{"a broken content type", header("Content-Type", typeEvent+"; charset"), 415, "unsupported_type"},
		{"compressed", header("Content-Encoding", "gzip"), 415, "unsupported_type"},
		{"another method", with(func(_ *door, req *http.Request) { req.Method = http.MethodPut }), 405, "method_not_allowed"},
		{"another path", with(func(_ *door, req *http.Request) { req.URL.Path = "/v1/event" }), 404, "not_found"},
		{"the root", with(func(_ *door, req *http.Request) { req.URL.Path = "/" }), 404, "not_found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, nil)
			a := d.do(tt.make(d))
			a.refused(t, tt.status, tt.code)
			d.empty()
			sameOverZMQ(t, tt.make, a)
			if (a.header.Get("WWW-Authenticate") != "") != (tt.status == 401) {
				t.Errorf("WWW-Authenticate is %q", a.header.Get("WWW-Authenticate"))
			}
			if (a.header.Get("Retry-After") != "") != (tt.status == 503) {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
			if (a.header.Get("Allow") != "") != (tt.status == 405) {
				t.Errorf("Allow is %q", a.header.Get("Allow"))
			}
			for _, secret := range []string{"edge-1", "orders:write", "undecided", "scope", "narrow"} {
				if strings.Contains(string(a.body), secret) {
					t.Errorf("%s names %q", a.body, secret)
				}
			}
			// Refused, it has burnt nothing: the same id is taken now.
			if tt.status != 503 {
				if again := d.do(d.signed("order-1", good)); again.status != 202 {
					t.Errorf("afterwards the event gets %d %s", again.status, again.body)
				}
			}
		})
	}
}

// TestPendingKeyMayRetry: a key in rotation is told to come back once.
func TestPendingKeyMayRetry(t *testing.T) {
	d := open(t, nil)
	a := d.do(d.make(request{id: "order-1", kind: typeEvent, body: order("order-1"), keyID: "pending", signer: hmacSigner(t, 3)}))
	a.refused(t, 401, "unauthenticated")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	d.empty()
}

func TestSchemaPointer(t *testing.T) {
	d := open(t, nil)
	a := d.do(d.signed("order-1", event("order-1", "com.example.order.paid", `{}`)))
	if !strings.Contains(string(a.body), `"pointer":"/data"`) {
		t.Errorf("got %s", a.body)
	}
}

func TestRateLimited(t *testing.T) {
	d := open(t, nil)
	if a := d.do(d.signed("s-1", event("s-1", "com.example.slow", "1"))); a.status != 202 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	a := d.do(d.signed("s-2", event("s-2", "com.example.slow", "1")))
	a.refused(t, 429, "rate_limited")
	if a.header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
}
