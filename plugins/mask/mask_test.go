package mask_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/plugins/mask"
	"github.com/headgate-io/headgate/sdk"
)

func open(t testing.TB, config string) sdk.Transform {
	t.Helper()
	p := mask.Plugin()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	tr, err := p.Transforms[0].Open(t.Context(), json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// run gives JSON data to a transform.
func run(t testing.TB, tr sdk.Transform, data string) sdk.Outcome {
	t.Helper()
	return transform(t, tr, &sdk.Event{ID: "1", Data: []byte(data), DataIsJSON: true})
}

func transform(t testing.TB, tr sdk.Transform, e *sdk.Event) sdk.Outcome {
	t.Helper()
	outcomes, err := tr.Transform(t.Context(), []sdk.Input{{Event: e}})
	if err != nil || len(outcomes) != 1 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	return outcomes[0]
}

// after is the data behind a transform.
func after(t testing.TB, tr sdk.Transform, data string) string {
	t.Helper()
	switch o := run(t, tr, data); o.Verdict {
	case sdk.Unchanged:
		return data
	case sdk.Replace:
		return string(o.Event.Data)
	default:
		return "failed: " + o.Reason
	}
}

func TestMask(t *testing.T) {
	for _, c := range []struct{ name, fields, data, want string }{
		{"a member", `["/data/card/number"]`, `{"card":{"number":"4111","name":"A"}}`, `{"card":{"number":"***","name":"A"}}`},
		{"all else to the byte", `["/data/b"]`, " {\"z\" : 1.10 ,\n\"b\":\t9 , \"a\":[ 1e2,-0 ] , \"\\u0061\\/\": null} ", " {\"z\" : 1.10 ,\n\"b\":\t\"***\" , \"a\":[ 1e2,-0 ] , \"\\u0061\\/\": null} "},
		{"any kind", `["/data/[*]"]`, `{"a":1,"b":true,"c":null,"d":{"x":[1]},"e":[{}],"f":"","g":-1.5e+3}`, `{"a":"***","b":"***","c":"***","d":"***","e":"***","f":"***","g":"***"}`},
		{"elements", `["/data/cards/[*]/number"]`, `{"cards":[{"number":1},{"number":2,"x":[3]},4,[5],{}]}`, `{"cards":[{"number":"***"},{"number":"***","x":[3]},4,[5],{}]}`},
		{"elements of elements", `["/data/[*]/[*]"]`, `[[1,2],{"a":3},[]]`, `[["***","***"],{"a":"***"},[]]`},
		{"members by each", `["/data/[*]/n"]`, `{"a":{"n":1},"b":{"m":2}}`, `{"a":{"n":"***"},"b":{"m":2}}`},
		{"an index", `["/data/1"]`, `[0,1,2]`, `[0,"***",2]`},
		{"no index with a leading zero", `["/data/01"]`, `[0,1,2]`, `[0,1,2]`},
		{"no index past the end", `["/data/-","/data/3"]`, `[0,1,2]`, `[0,1,2]`},
		{"a member named as an index", `["/data/1"]`, `{"1":"a"}`, `{"1":"***"}`},
		{"an escaped pointer", `["/data/a~1b/m~0n/~01"]`, `{"a/b":{"m~n":{"~1":5}}}`, `{"a/b":{"m~n":{"~1":"***"}}}`},
		{"an escaped name", `["/data/number"]`, `{"n\u0075mb\u0065r":"4111"}`, `{"n\u0075mb\u0065r":"***"}`},
		{"a name beyond ASCII", `["/data/größe","/data/\ud83d\ude00"]`, `{"gr\u00f6\u00dfe":1,"😀":2}`, `{"gr\u00f6\u00dfe":"***","😀":"***"}`},
		{"a name with a quote", `["/data/a\"\\"]`, `{"a\"\\":"x\"}","b":1}`, `{"a\"\\":"***","b":1}`},
		{"an empty name", `["/data/"]`, `{"":1,"a":2}`, `{"":"***","a":2}`},
		{"a repeated name, each time", `["/data/a"]`, `{"a":1,"\u0061":2,"a":3}`, `{"a":"***","\u0061":"***","a":"***"}`},
		{"names to the letter", `["/data/a"]`, `{"A":1,"a ":2,"aa":3}`, `{"A":1,"a ":2,"aa":3}`},
		{"through a scalar", `["/data/a/b"]`, `{"a":"b"}`, `{"a":"b"}`},
		{"a scalar as data", `["/data/a"]`, `"a"`, `"a"`},
		{"a wider field over a narrower", `["/data/a/b","/data/a"]`, `{"a":{"b":1,"c":2}}`, `{"a":"***"}`},
		{"each beside a name", `["/data/[*]/x","/data/b/y"]`, `{"a":{"x":1,"y":1},"b":{"x":1,"y":1}}`, `{"a":{"x":"***","y":1},"b":{"x":"***","y":"***"}}`},
		{"the same field twice", `["/data/a","/data/a"]`, `{"a":1}`, `{"a":"***"}`},
		{"strings that look like structure", `["/data/b"]`, `{"a":"}],\"{[","b":"\\","c":["\"",{"d":"]"}]}`, `{"a":"}],\"{[","b":"***","c":["\"",{"d":"]"}]}`},
		{"an empty object", `["/data/a"]`, `{ }`, `{ }`},
		{"an empty list", `["/data/[*]"]`, `[ ]`, `[ ]`},
	} {
		if got := after(t, open(t, `{"fields":`+c.fields+`}`), c.data); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestMaskKeepsTheEndOfAString(t *testing.T) {
	for _, c := range []struct{ name, with, data, want string }{
		{"a long one", "***", `"4111111111111234"`, `"***1234"`},
		{"twice as long", "***", `"12345678"`, `"***5678"`},
		{"shorter", "***", `"1234567"`, `"***"`},
		{"empty", "***", `""`, `"***"`},
		{"characters, not bytes", "***", `"äöüäöüäöü"`, `"***üäöü"`},
		{"characters, not escapes", "***", `"\u00e4\u00f6\u00fc\u00e4\ud83d\ude00\n\"/"`, `"***😀\n\"/"`},
		{"masked already", "***", `"***1234"`, `"***1234"`},
		{"the mask alone", "*****", `"*****"`, `"*****"`},
		{"a long mask alone", "[withheld]", `"[withheld]"`, `"[withheld]"`},
		{"a value that starts like the mask", "***", `"***41111111234"`, `"***1234"`},
		{"with text", "<gone> & ", `"123456789"`, `"<gone> & 6789"`},
		{"no string", "***", `4111111111111234`, `"***"`},
	} {
		tr := open(t, `{"fields":["/data/a"],"keep_last":4,"with":"`+c.with+`"}`)
		if got, want := after(t, tr, `{"a":`+c.data+`}`), `{"a":`+c.want+`}`; got != want {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
	}
}

func TestMissing(t *testing.T) {
	for _, c := range []struct{ name, field, data, want string }{
		{"there", "/data/a", `{"a":null}`, `{"a":"***"}`},
		{"no member", "/data/a", `{"b":1}`, "failed: nothing to mask at /data/a"},
		{"no element", "/data/2", `[1,2]`, "failed: nothing to mask at /data/2"},
		{"a scalar before it", "/data/a/b", `{"a":1}`, "failed: nothing to mask at /data/a/b"},
		{"one of the elements lacks it", "/data/[*]/a", `[{"a":1},{}]`, "failed: nothing to mask at /data/[*]/a"},
		{"a scalar among the elements", "/data/[*]/a", `[{"a":1},2]`, "failed: nothing to mask at /data/[*]/a"},
		{"no elements", "/data/[*]/a", `[]`, `[]`},
		{"each of a scalar", "/data/a/[*]", `{"a":1}`, "failed: nothing to mask at /data/a/[*]"},
	} {
		if got := after(t, open(t, `{"fields":["`+c.field+`"],"missing":"fail"}`), c.data); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if got := after(t, open(t, `{"fields":["`+c.field+`"]}`), c.data); strings.HasPrefix(got, "failed") {
			t.Errorf("%s, ignored: %s", c.name, got)
		}
	}
	// Under a field that is masked whole, another is not missed.
	if got := after(t, open(t, `{"fields":["/data/a/b","/data/a"],"missing":"fail"}`), `{"a":1}`); got != `{"a":"***"}` {
		t.Error(got)
	}
}

func TestMaskFailsClosed(t *testing.T) {
	tr := open(t, `{"fields":["/data/secret"]}`)
	for name, e := range map[string]sdk.Event{
		"text":           {Data: []byte(`secret`)},
		"JSON in base64": {Data: []byte(`{"secret":"4111"}`), DataContentType: "application/json"},
		"empty":          {Data: []byte{}, DataIsJSON: true},
		"cut off":        {Data: []byte(`{"secret":"4111"`), DataIsJSON: true},
		"two values":     {Data: []byte(`{} {"secret":"4111"}`), DataIsJSON: true},
		"no UTF-8":       {Data: []byte("{\"secret\":\"4111\",\"a\":\"\xff\"}"), DataIsJSON: true},
		"byte mark":      {Data: []byte("\ufeff{\"secret\":\"4111\"}"), DataIsJSON: true},
		"too deep":       {Data: []byte(strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), DataIsJSON: true},
	} {
		if o := transform(t, tr, &e); o.Verdict != sdk.Fail || o.Retry || strings.Contains(o.Reason, "4111") {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestMaskWithoutData(t *testing.T) {
	if o := transform(t, open(t, `{"fields":["/data/a"]}`), &sdk.Event{ID: "1"}); o.Verdict != sdk.Unchanged {
		t.Errorf("%+v", o)
	}
	if o := transform(t, open(t, `{"fields":["/data/a"],"missing":"fail"}`), &sdk.Event{ID: "1"}); o.Verdict != sdk.Fail || o.Retry {
		t.Errorf("%+v", o)
	}
}

func TestConfig(t *testing.T) {
	kind := mask.Plugin().Transforms[0]
	if !kind.Redacts || !kind.Needs.Data {
		t.Errorf("%+v", kind)
	}
	for config, path := range map[string]string{
		`{}`:                                     "/fields",
		`{"fields":[]}`:                          "/fields",
		`{"fields":["/data/a","data/a"]}`:        "/fields/1",
		`{"fields":[""]}`:                        "/fields/0",
		`{"fields":["/data"]}`:                   "/fields/0",
		`{"fields":["/subject"]}`:                "/fields/0",
		`{"fields":["/data2/a"]}`:                "/fields/0",
		`{"fields":["$.data.a"]}`:                "/fields/0",
		`{"fields":["/data/*/a"]}`:               "/fields/0",
		`{"fields":["/data/cards[*]/a"]}`:        "/fields/0",
		`{"fields":["/data/a~2"]}`:               "/fields/0",
		`{"fields":["/data/a~"]}`:                "/fields/0",
		`{"fields":["/data/~~0"]}`:               "/fields/0",
		`{"fields":["/data/a"],"with":""}`:       "/with",
		`{"fields":["/data/a"],"keep_last":-1}`:  "/keep_last",
		`{"fields":["/data/a"],"keep_last":17}`:  "/keep_last",
		`{"fields":["/data/a"],"missing":"ask"}`: "/missing",
		`{"fields":["/data/a"],"field":"x"}`:     "/field",
	} {
		_, err := kind.Open(t.Context(), json.RawMessage(config))
		faults, ok := errors.AsType[sdk.Diagnostics](err)
		if !ok || len(faults) != 1 || faults[0].Path != path {
			t.Errorf("%s: %v", config, err)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	tr := open(b, `{"fields":["/data/card/number","/data/items/[*]/sku"],"keep_last":4}`)
	data := []byte(`{"order":17,"card":{"name":"A. Customer","number":"4111111111111111"},"items":[{"sku":"abcdefgh12","n":1},{"sku":"abcdefgh34","n":2}],"note":"` + strings.Repeat("x", 600) + `"}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		e := sdk.Event{ID: "1", Data: data, DataIsJSON: true}
		if o, err := tr.Transform(b.Context(), []sdk.Input{{Event: &e}}); err != nil || o[0].Verdict != sdk.Replace {
			b.Fatal(err)
		}
	}
}
