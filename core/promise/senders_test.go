package promise_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// shapes come through as they were meant, whichever library makes them, and
// whichever way it sends them.
var shapes = map[string]shape{
	"least": {},
	"object": {DataContentType: "application/json",
		JSON: map[string]any{"amount": 12.5, "lines": []any{"a", nil, true, map[string]any{}}, "name": "Æblegrød </script> \u2028 😀"}},
	"array":       {DataContentType: "application/json; charset=utf-8", JSON: []any{1, "two"}},
	"zero":        {DataContentType: "application/json", JSON: 0},
	"false":       {DataContentType: "application/json", JSON: false},
	"untyped":     {JSON: map[string]any{"n": 1}},
	"text":        {DataContentType: "text/plain", Text: "Grüße,\n\"quoted\" \\ <b>&amp;</b> 😀"},
	"charset":     {DataContentType: "text/plain; charset=utf-8", Text: "a"},
	"bytes":       {DataContentType: "application/octet-stream", Base64: []byte{0, 1, 0xfe, 0xff, '"', '\n'}},
	"xml":         {DataContentType: "application/xml", Base64: []byte(`<?xml version="1.0"?><order id="1"/>`)},
	"attributes":  {Type: "com.example.order.created", Subject: "orders/42", DataSchema: "https://shop.example/schemas/order?v=2#top"},
	"fraction":    {Time: "2026-02-03T04:05:06.789Z"},
	"nanoseconds": {Time: "2026-02-03T04:05:06.123456789Z"},
	"offset":      {Time: "2026-02-03T05:35:06.5+01:30"},
	"extensions": {Extensions: map[string]any{"region": "eu-1", "count": 42, "negative": -2147483648, "test": true, "off": false, "empty": "",
		"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "n1234567890123456789": "a name of twenty"}},
}

// structuredShapes are such where the event is JSON. In headers both libraries
// leave out the percent-encoding that CloudEvents' HTTP binding wants (1.0.2,
// section 3.1.3.2).
var structuredShapes = map[string]shape{
	"unicode":    {Subject: "Grüße 😀", Extensions: map[string]any{"who": "Zoë"}},
	"percent":    {Subject: "100%", Extensions: map[string]any{"path": "a%20b"}},
	"quotes":     {Subject: `say "hi" \ ok`},
	"string":     {DataContentType: "application/json", JSON: "in quotes"},
	"sentence":   {JSON: "of no content type"},
	"json bytes": {DataContentType: "application/json", Base64: []byte(`{"n": 1.50}`)},
	"moment":     {Extensions: map[string]any{"seen": timestamp("2026-02-03T04:05:06.5Z")}},
}

// Events that others' libraries make, sign and post come to a consumer with the
// attributes and the data that were meant, by keys that the requests do not name
// and by tokens.
func TestSendersOfOthersComeThrough(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		by   string
		way  string
		all  []map[string]shape
		hmac bool
	}{
		{"npm", "structured", []map[string]shape{shapes, structuredShapes}, true},
		{"npm", "fetched", []map[string]shape{shapes, structuredShapes}, true},
		{"npm", "binary", []map[string]shape{shapes}, false},
		{"go", "structured", []map[string]shape{shapes, structuredShapes}, true},
		{"go", "binary", []map[string]shape{shapes}, false},
	} {
		for _, some := range c.all {
			for _, name := range slices.Sorted(maps.Keys(some)) {
				meant := some[name].named(c.by + "-" + c.way + "-" + fold(name))
				token := ""
				if !c.hmac {
					token = s.token
				}
				if a := s.by[c.by].send(c.way, token, meant); a.says() != "accepted" {
					t.Errorf("%s: %s", meant.ID, text(t, a))
					continue
				}
				if a := s.by[c.by].send(c.way, token, meant); a.says() != "duplicate" {
					t.Errorf("%s again: %s", meant.ID, text(t, a))
				}
				s.shows(c.by, c.way, meant)
			}
		}
	}
	for by, library := range s.by {
		var batch []shape
		for _, name := range slices.Sorted(maps.Keys(shapes)) {
			batch = append(batch, shapes[name].named(by+"-batch-"+name))
		}
		a := library.send("batch", "", batch...)
		if len(a.Answer.Results) != len(batch) {
			t.Fatalf("batch by %s: %s", by, text(t, a))
		}
		for i, meant := range batch {
			if result := a.Answer.Results[i]; result.ID != meant.ID || result.StatusCode != http.StatusAccepted {
				t.Errorf("%s in a batch: %+v", meant.ID, result)
				continue
			}
			s.shows(by, "batch", meant)
		}
	}
}

// What the libraries give an event that has neither id nor time is taken too.
func TestSendersOfOthersNameEvents(t *testing.T) {
	s := newStage(t)
	for by, library := range s.by {
		a := library.send("structured", "", shape{Source: source, Type: "com.example.note"})
		if a.says() != "accepted" {
			t.Errorf("%s: %s", by, text(t, a))
			continue
		}
		if d := s.got(a.Answer.ID); d.Event.Time == "" {
			t.Errorf("%s: %s has no time", by, d.Event.Raw)
		}
	}
}

// quirks are what the libraries make of some events, and what becomes of it: the
// router reads strictly, and repairs nothing.
var quirks = []struct {
	by, way string
	meant   shape
	says    string
	becomes *shape // where it is accepted as something else
	why     string
}{
	{by: "npm", way: "structured", meant: shape{DataContentType: "text/plain", Base64: []byte{}}, says: "malformed",
		why: "of no bytes it writes both data and data_base64"},
	{by: "npm", way: "structured", meant: shape{Extensions: map[string]any{"raw": octets("+/8=")}}, says: "malformed",
		why: "it writes an extension of bytes as an object"},
	{by: "npm", way: "structured", meant: shape{Extensions: map[string]any{"wide": 1 << 31}}, says: "malformed",
		why: "an integer has 32 bits (CloudEvents 1.0.2, section 3.1)"},
	{by: "npm", way: "structured", meant: shape{Extensions: map[string]any{"n12345678901234567890": ""}}, says: "malformed",
		why: "names have at most 20 characters here; CloudEvents advises it"},
	{by: "npm", way: "binary", meant: shape{Text: "plain words"}, says: "malformed",
		why: "it names JSON where no content type is, and sends the words as they are"},
	{by: "npm", way: "binary", meant: shape{DataContentType: "application/json", JSON: "in quotes"}, says: "malformed",
		why: "it leaves out the quotes"},
	{by: "npm", way: "binary", meant: shape{Subject: "Grüße"}, says: "malformed",
		why: "it encodes nothing, and fetch writes Latin-1"},
	{by: "npm", way: "binary", meant: shape{Subject: "😀"}, says: threw,
		why: "it encodes nothing, and fetch takes no more than Latin-1"},
	{by: "npm", way: "binary", meant: shape{Subject: "a%20b"}, says: "accepted", becomes: &shape{Subject: "a b"},
		why: "it encodes nothing, and a receiver has to decode"},
	{by: "npm", way: "binary", meant: shape{Extensions: map[string]any{"seen": timestamp("2026-02-03T04:05:06Z")}}, says: "accepted",
		becomes: &shape{Extensions: map[string]any{"seen": "Tue Feb 03 2026 04:05:06 GMT+0000 (Coordinated Universal Time)"}},
		why:     "it leaves a Date to its own string"},

	{by: "go", way: "structured", meant: shape{DataContentType: "application/vnd.shop+json", JSON: map[string]any{"n": 1}}, says: "accepted",
		becomes: &shape{DataContentType: "application/vnd.shop+json", JSON: `{"n":1}`},
		why:     "of a +json content type it writes the JSON into a string; in binary mode it does not"},
	{by: "go", way: "structured", meant: shape{DataContentType: "application/xml", Text: "<a/>"}, says: "accepted",
		becomes: &shape{DataContentType: "application/xml", Text: "<string>&lt;a/&gt;</string>"},
		why:     "it encodes a string as XML; bytes it leaves alone"},
	{by: "go", way: "structured", meant: shape{DataContentType: "text/csv", Text: "a,b"}, says: threw,
		why: "it knows JSON, XML and text/plain; bytes it sends of any type"},
	{by: "go", way: "structured", meant: shape{DataContentType: "application/json", JSON: json.RawMessage(`{"n":9007199254740993}`)}, says: "malformed",
		why: "integers beyond 2^53-1 are read differently (RFC 7493, section 2.2): send a string"},
	{by: "go", way: "structured", meant: shape{Extensions: map[string]any{"n12345678901234567890": ""}}, says: "malformed",
		why: "names have at most 20 characters here; CloudEvents advises it"},
	{by: "go", way: "binary", meant: shape{Subject: "Grüße"}, says: "malformed",
		why: "it encodes nothing"},
	{by: "go", way: "binary", meant: shape{Subject: "100%"}, says: "malformed",
		why: "it encodes nothing"},
	{by: "go", way: "binary", meant: shape{Subject: "a%20b"}, says: "accepted", becomes: &shape{Subject: "a b"},
		why: "it encodes nothing, and a receiver has to decode"},
	{by: "go", way: "binary", meant: shape{Subject: `say "hi"`}, says: "accepted", becomes: &shape{Subject: "say hi"},
		why: "it encodes no quotes, and a receiver has to take them away"},
}

func TestSendersOfOthersHaveQuirks(t *testing.T) {
	s := newStage(t)
	for i, q := range quirks {
		id := "quirk-" + string(rune('a'+i))
		meant, token := q.meant.named(id), ""
		if q.way == "binary" {
			token = s.token
		}
		if a := s.by[q.by].send(q.way, token, meant); a.says() != q.says {
			t.Errorf("%s %s: %s: %s, want %s", q.by, q.way, q.why, text(t, a), q.says)
			continue
		}
		if q.becomes != nil {
			s.shows(q.by, q.way, q.becomes.named(id))
		}
	}
}

// A library's signature counts only by a key that the door tries, and for the
// event whose id it names.
func TestSendersOfOthersAreProven(t *testing.T) {
	s := newStage(t)
	stranger := npmSender(t, s.door, webhook.FormatSecret(webhook.NewSecret()))
	if a := stranger.send("structured", "", shape{}.named("by-nobody")); a.says() != "unauthenticated" {
		t.Errorf("another's secret: %s", text(t, a))
	}
	undoored := goSender(t, s.router.edge.url+"/v1/events", s.secret)
	if a := undoored.send("structured", "", shape{}.named("by-no-name")); a.says() != "unauthenticated" {
		t.Errorf("a door that tries no keys: %s", text(t, a))
	}
	for by, library := range s.by {
		if a := library.send("structured", "", shape{}.named("order/1")); a.says() != "bad_id" {
			t.Errorf("%s, an id that no signature covers: %s", by, text(t, a))
		}
		if a := library.send("structured", s.token, shape{}.named("order/"+by)); a.says() != "accepted" {
			t.Errorf("%s, the same with a token: %s", by, text(t, a))
		}
		if a := library.send("binary", "", shape{}.named("binary-"+by)); a.says() != "unsupported_type" {
			t.Errorf("%s, headers that no signature covers: %s", by, text(t, a))
		}
	}
}

// stage is a router, the libraries, and a consumer that keeps what it gets.
type stage struct {
	*testing.T
	router *router
	by     map[string]*library
	door   string
	secret string
	token  string // for what is not signed

	mu   sync.Mutex
	kept map[string]*delivery.Delivery // by the event's id
}

// stageConfig has a second door, which tries keys that requests do not name.
const stageConfig = `
[[ingress]]
name = "others"
listen = "http://127.0.0.1:0"
default_key_ids = ["k1", "others-1"]
[[routes]]
name = "all"
type = ["com.example.**"]
channels = ["all"]
[[channels]]
name = "all"
class = "command"
listen = "tcp://127.0.0.1:0"
`

func newStage(t *testing.T) *stage {
	t.Helper()
	issuers, auth := ownIssuers(t, 1)
	s := &stage{T: t, secret: webhook.FormatSecret(webhook.NewSecret()), token: access(issuers[0]), kept: make(map[string]*delivery.Delivery)}
	dir := t.TempDir()
	if err := config.WriteKey(filepath.Join(dir, "keys"), config.Key{ID: "others-1", Principal: "others", State: "active",
		Sources: []string{"//shop.example/**"}, Types: []string{"com.example.**"}}, s.secret); err != nil {
		t.Fatal(err)
	}
	s.router = newRouterIn(t, dir, stageConfig+auth)
	s.door = s.router.top.Doors[1].Address + "/v1/events"
	s.by = map[string]*library{"npm": npmSender(t, s.door, s.secret), "go": goSender(t, s.door, s.secret)}
	s.router.trusts(s.token)
	s.router.take(taking{channel: "all"}, func(_ context.Context, d *delivery.Delivery) (any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.kept[d.Event.ID] = d
		return nil, nil
	})
	return s
}

// got waits for an event.
func (s *stage) got(id string) (d *delivery.Delivery) {
	s.Helper()
	s.router.eventually(id+" is delivered", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		d = s.kept[id]
		return d != nil
	})
	return d
}

// shows wants an event delivered as it was meant, and as its sender's.
func (s *stage) shows(by, way string, meant shape) {
	s.Helper()
	d := s.got(meant.ID)
	e := meant.event(s.T)
	got, want := portrait(s.T, &d.Event, s.by[by].exact), portrait(s.T, &e, s.by[by].exact)
	who, proof := sdk.Principal{Provider: "edge-keys", Subject: "others"}, "hmac"
	if way == "binary" {
		inHeaders(&e, &d.Event)
		want = portrait(s.T, &e, s.by[by].exact)
		who, proof = *d.Header.Principal, "jwt"
		if who.Provider != "own" || who.Subject != edgeClient {
			s.Errorf("%s is of %+v", meant.ID, who)
		}
	}
	if !maps.Equal(got, want) {
		s.Errorf("%s is\n%v, want\n%v, of\n%s", meant.ID, got, want, d.Event.Raw)
	}
	if *d.Header.Principal != who || d.Header.Proof.Transport != proof {
		s.Errorf("%s is of %+v by %+v", meant.ID, d.Header.Principal, d.Header.Proof)
	}
}
