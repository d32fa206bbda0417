package sdk_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
)

var update = flag.Bool("update", false, "write the vectors anew")

// reading is one vector of sdk/testdata/vectors/event.json: how one text is read.
type reading struct {
	Name    string `json:"name"`
	Raw     string `json:"raw_base64"`
	Outcome string `json:"outcome"` // ok, malformed, bad_id
	Digest  string `json:"digest,omitempty"`
	Data    string `json:"data_base64,omitempty"`
}

const head = `"specversion":"1.0","id":"1","source":"//shop.example/till","type":"com.example.order.created"`

func event(rest string) string { return "{" + head + rest + "}" }

// readings lists every rule of the one strict reading; the outcome stands in
// the vectors, so that a change of mind is seen in a diff.
func readings() []reading {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	texts := []struct{ name, raw, outcome string }{
		{"least", event(``), "ok"},
		{"json data", event(`,"data":{"amount": 12.50}`), "ok"},
		{"json data, other white space is other data", event(`,"data":{"amount":12.50}`), "ok"},
		{"members in another order", `{"data":{"amount": 12.50},"type":"com.example.order.created","source":"//shop.example/till","id":"1","specversion":"1.0"}`, "ok"},
		{"names and values escaped", `{"spec\u0076ersion":"1.0","id":"\u0031","source":"//shop.example\/till","type":"com.example.order.created"}`, "ok"},
		{"white space around", " \t\r\n" + event(``) + "\n", "ok"},
		{"text data", event(`,"datacontenttype":"text/plain","data":"h\u00e9"`), "ok"},
		{"the same text in base64", event(`,"datacontenttype":"text/plain","data_base64":"aMOp"`), "ok"},
		{"json string data keeps its quotes", event(`,"data":"x"`), "ok"},
		{"json suffix content type", event(`,"datacontenttype":"application/vnd.x+json; charset=utf-8","data":"x"`), "ok"},
		{"every core attribute", event(`,"subject":"s","time":"2026-11-22T10:00:00Z","dataschema":"/d","datacontenttype":"text/plain","data":{"a":[1, "]}\""]}`), "ok"},
		{"data null", event(`,"data":null`), "ok"},
		{"extensions of three kinds", event(`,"traceid":"a","count":-7,"urgent":true`), "ok"},
		{"the same extensions as text", event(`,"count":"-7","traceid":"a","urgent":"true"`), "ok"},
		{"traced and signed anew", event(`,"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","tracestate":"a=b","dssematerial":"e30="`), "ok"},
		{"null attribute is absent", event(`,"subject":null,"note":null`), "ok"},
		{"time with zone", event(`,"time":"2026-11-22T10:00:00.123+01:00"`), "ok"},
		{"greatest exact integer", event(`,"data":9007199254740991`), "ok"},
		{"surrogate pair", event(`,"data":"\ud83d\ude00"`), "ok"},
		{"depth at the limit", event(`,"data":` + deep(sdk.MaxDepth-1)), "ok"},

		{"depth over the limit", event(`,"data":` + deep(sdk.MaxDepth)), "malformed"},
		{"repeated id", event(`,"id":"2"`), "malformed"},
		{"repeated by escape", event(`,"\u0069d":"2"`), "malformed"},
		{"repeated in data", event(`,"data":{"a":1,"a":2}`), "malformed"},
		{"repeated far in data", event(`,"data":[{"x":{"a":1,"\u0061":2}}]`), "malformed"},
		{"repeated among many", event(`,"data":{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"a":2}`), "malformed"},
		{"name in capitals", event(`,"ID":"2"`), "malformed"},
		{"name with underscore", event(`,"my_ext":"2"`), "malformed"},
		{"name of 21 letters", event(`,"` + strings.Repeat("a", 21) + `":"2"`), "malformed"},
		{"empty name", event(`,"":"2"`), "malformed"},
		{"byte order mark", "\xef\xbb\xbf" + event(``), "malformed"},
		{"invalid utf-8 in data", event(`,"data":"` + "\xff" + `"`), "malformed"},
		{"invalid utf-8 beside an escape", event(`,"data":"\n` + "\xc3" + `"`), "malformed"},
		{"overlong utf-8", event(`,"data":"` + "\xc0\xaf" + `"`), "malformed"},
		{"invalid utf-8 in a name", event(`,"data":{"` + "\x80" + `":1}`), "malformed"},
		{"lone high surrogate", event(`,"data":"\ud83d"`), "malformed"},
		{"lone low surrogate", event(`,"data":"\ude00x"`), "malformed"},
		{"two high surrogates", event(`,"data":"\ud83d\ud83d"`), "malformed"},
		{"bytes after", event(``) + `{}`, "malformed"},
		{"comma after", event(`,`), "malformed"},
		{"comment", event(`/**/`), "malformed"},
		{"single quotes", event(`,'a':1`), "malformed"},
		{"NaN", event(`,"data":NaN`), "malformed"},
		{"leading zero", event(`,"data":01`), "malformed"},
		{"leading plus", event(`,"data":+1`), "malformed"},
		{"no digit after the point", event(`,"data":1.`), "malformed"},
		{"integer beyond 2^53", event(`,"data":9007199254740993`), "malformed"},
		{"number beyond a double", event(`,"data":1e400`), "malformed"},
		{"raw newline in a string", event(",\"data\":\"a\nb\""), "malformed"},
		{"bad escape", event(`,"data":"\x41"`), "malformed"},
		{"array", `[` + event(``) + `]`, "malformed"},
		{"nothing", ``, "malformed"},
		{"cut", event(``)[:40], "malformed"},
		{"no id", `{"specversion":"1.0","source":"/a","type":"a"}`, "malformed"},
		{"no source", `{"specversion":"1.0","id":"1","type":"a"}`, "malformed"},
		{"no type", `{"specversion":"1.0","id":"1","source":"/a"}`, "malformed"},
		{"no specversion", `{"id":"1","source":"/a","type":"a"}`, "malformed"},
		{"other specversion", `{"specversion":"0.3","id":"1","source":"/a","type":"a"}`, "malformed"},
		{"specversion as number", `{"specversion":1.0,"id":"1","source":"/a","type":"a"}`, "malformed"},
		{"empty subject", event(`,"subject":""`), "malformed"},
		{"id as number", `{"specversion":"1.0","id":1,"source":"/a","type":"a"}`, "malformed"},
		{"source with a space", `{"specversion":"1.0","id":"1","source":"/a b","type":"a"}`, "malformed"},
		{"control character in an attribute", event(`,"subject":"a\u0000b"`), "malformed"},
		{"noncharacter in an attribute", event(`,"subject":"a\uffff"`), "malformed"},
		{"object as extension", event(`,"x":{}`), "malformed"},
		{"fraction as extension", event(`,"x":1.5`), "malformed"},
		{"exponent as extension", event(`,"x":1e3`), "malformed"},
		{"long integer as extension", event(`,"x":2147483648`), "malformed"},
		{"time that is none", event(`,"time":"yesterday"`), "malformed"},
		{"data twice", event(`,"data":1,"data_base64":"YQ=="`), "malformed"},
		{"base64 without padding", event(`,"data_base64":"YQ"`), "malformed"},
		{"base64 with stray bits", event(`,"data_base64":"YR=="`), "malformed"},
		{"base64 with a line break", event(`,"data_base64":"YWJj\nYWJj"`), "malformed"},
		{"base64url", event(`,"data_base64":"_-8="`), "malformed"},

		{"empty id", `{"specversion":"1.0","id":"","source":"/a","type":"a"}`, "bad_id"},
		{"id too long", `{"specversion":"1.0","id":"` + strings.Repeat("x", sdk.MaxID+1) + `","source":"/a","type":"a"}`, "bad_id"},
		{"id with a line break", `{"specversion":"1.0","id":"a\nb","source":"/a","type":"a"}`, "bad_id"},
	}
	out := make([]reading, len(texts))
	for i, x := range texts {
		out[i] = reading{Name: x.name, Raw: base64.StdEncoding.EncodeToString([]byte(x.raw)), Outcome: x.outcome}
	}
	return out
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, sdk.ErrBadID):
		return "bad_id"
	case errors.Is(err, sdk.ErrMalformed):
		return "malformed"
	}
	return err.Error()
}

func TestReadings(t *testing.T) {
	path := filepath.Join("testdata", "vectors", "event.json")
	got := readings()
	for i := range got {
		raw, _ := base64.StdEncoding.DecodeString(got[i].Raw)
		e, err := sdk.ParseEvent(raw)
		if o := outcome(err); o != got[i].Outcome {
			t.Errorf("%s: outcome %s (%v), want %s", got[i].Name, o, err, got[i].Outcome)
		}
		if err == nil {
			d := e.Digest()
			got[i].Digest = hex.EncodeToString(d[:])
			got[i].Data = base64.StdEncoding.EncodeToString(e.Data)
		}
	}
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("%s is not what the code does; run go test ./sdk -update and read the diff", path)
	}
}

func TestDigestTellsEventsApart(t *testing.T) {
	digest := func(raw string) [32]byte {
		t.Helper()
		e, err := sdk.ParseEvent([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		return e.Digest()
	}
	base := event(`,"data":{"a":1},"x":"1"`)
	same := []string{
		" " + base,
		event(`,"x":1,"data":{"a":1}`),
		event(`,"data_base64":"eyJhIjoxfQ==","x":"1"`),
		event(`,"data":{"a":1},"x":"1","traceparent":"t","tracestate":"s","dssematerial":"m"`),
	}
	for _, s := range same {
		if digest(s) != digest(base) {
			t.Errorf("%s should be the same event as %s", s, base)
		}
	}
	other := []string{
		event(`,"data":{"a":2},"x":"1"`),
		event(`,"data":{"a": 1},"x":"1"`),
		event(`,"data":{"a":1},"x":"2"`),
		event(`,"data":{"a":1},"y":"1"`),
		event(`,"data":{"a":1}`),
		event(`,"data":{"a":1},"x":"1","subject":"s"`),
		event(`,"data":{"a":1},"x":"1","time":"2026-11-22T10:00:00Z"`),
	}
	for _, s := range other {
		if digest(s) == digest(base) {
			t.Errorf("%s should not be the same event as %s", s, base)
		}
	}
}

func TestParseEventFields(t *testing.T) {
	raw := event(`,"subject":"s","time":"2026-11-22T10:00:00Z","dataschema":"/d","datacontenttype":"application/json","b":true,"a":-7,"data":[1]`)
	e, err := sdk.ParseEvent([]byte(" " + raw + " "))
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != "1" || e.Source != "//shop.example/till" || e.Type != "com.example.order.created" || e.Subject != "s" ||
		e.Time != "2026-11-22T10:00:00Z" || e.DataSchema != "/d" || string(e.Data) != "[1]" || !e.DataIsJSON {
		t.Errorf("got %+v", e)
	}
	if string(e.Raw) != raw {
		t.Errorf("raw is %q", e.Raw)
	}
	if v, ok := e.Extension("a"); !ok || v != "-7" {
		t.Errorf("a is %q, %v", v, ok)
	}
	if _, ok := e.Extension("c"); ok {
		t.Error("c is there")
	}
}

func TestSplitBatch(t *testing.T) {
	good := event(``)
	for _, c := range []struct {
		name, body string
		want       int
		err        error
	}{
		{"two", "[" + good + ", " + good + "]", 2, nil},
		{"one is bad by itself", "[" + good + `,{"a":1,"a":"\ud800` + "\xff" + `"}]`, 2, nil},
		{"not an event at all", `[1,"x",` + good + `]`, 3, nil},
		{"none", `[]`, 0, sdk.ErrMalformed},
		{"object", good, 0, sdk.ErrMalformed},
		{"cut", "[" + good, 0, sdk.ErrMalformed},
		{"bytes after", "[" + good + "]x", 0, sdk.ErrMalformed},
		{"too many", "[1,2,3,4]", 0, sdk.ErrBatchSize},
		{"too deep to walk", "[" + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "]", 0, sdk.ErrMalformed},
	} {
		got, err := sdk.SplitBatch([]byte(c.body), 3)
		if !errors.Is(err, c.err) || len(got) != c.want {
			t.Errorf("%s: %d events, %v", c.name, len(got), err)
		}
	}
}

// FuzzParseEvent holds the scanner against encoding/json: what it accepts, Go's
// own reader accepts and reads alike.
func FuzzParseEvent(f *testing.F) {
	for _, r := range readings() {
		raw, _ := base64.StdEncoding.DecodeString(r.Raw)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := sdk.ParseEvent(raw)
		if err != nil {
			if !errors.Is(err, sdk.ErrMalformed) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		var plain map[string]json.RawMessage
		if err := json.Unmarshal(raw, &plain); err != nil {
			t.Fatalf("accepted %q, which encoding/json refuses: %v", raw, err)
		}
		var id string
		if json.Unmarshal(plain["id"], &id) != nil || id != e.ID {
			t.Fatalf("id %q, encoding/json reads %q", e.ID, id)
		}
		again, err := sdk.ParseEvent(e.Raw)
		if err != nil || again.Digest() != e.Digest() {
			t.Fatalf("raw does not read back: %v", err)
		}
	})
}

func FuzzSplitBatch(f *testing.F) {
	f.Add([]byte("[" + event(``) + "," + event(`,"data":1`) + "]"))
	f.Add([]byte(`[{"a":"\ud800"},[[]]]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := sdk.SplitBatch(body, 1000)
		if err != nil {
			return
		}
		var plain []json.RawMessage
		if json.Unmarshal(body, &plain) == nil && len(plain) != len(events) {
			t.Fatalf("%d events, encoding/json counts %d", len(events), len(plain))
		}
		for _, raw := range events {
			_, _ = sdk.ParseEvent(raw)
		}
	})
}

func BenchmarkParseEvent(b *testing.B) {
	raw := []byte(event(`,"subject":"till-7","time":"2026-11-22T10:00:00Z","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":{"amount":12.5,"items":[{"sku":"a-1","n":2},{"sku":"b-2","n":1}],"note":"` + strings.Repeat("x", 150) + `"}`))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sdk.ParseEvent(raw); err != nil {
			b.Fatal(err)
		}
	}
}
