package jsonschema_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/plugins/jsonschema"
	"github.com/headgate-io/headgate/sdk"
)

func open(t testing.TB, config string) sdk.Transform {
	t.Helper()
	p := jsonschema.Plugin()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	tr, err := p.Transforms[0].Open(t.Context(), json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func run(t testing.TB, tr sdk.Transform, e sdk.Event) sdk.Outcome {
	t.Helper()
	outcomes, err := tr.Transform(t.Context(), []sdk.Input{{Event: &e}})
	if err != nil || len(outcomes) != 1 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	return outcomes[0]
}

func TestSchema(t *testing.T) {
	for _, c := range []struct{ name, schema, data, reason string }{
		{"met", `{"type":"object","required":["id"],"properties":{"id":{"type":"string"}}}`, `{"id":"a","x":[1.10]}`, ""},
		{"true", `true`, `[1]`, ""},
		{"false", `false`, `1`, `at "/data": want nothing here`},
		{"kind", `{"properties":{"a":{"type":"number"}}}`, `{"a":"SECRET"}`, `at "/data/a": got string, want number`},
		{"required", `{"required":["id"]}`, `{"SECRET":1}`, `at "/data": missing property 'id'`},
		{"an element", `{"items":{"properties":{"sku":{"minLength":3}}}}`, `[{"sku":"abc"},{"sku":"SE"}]`, `at "/data/1/sku": minLength: got 2, want 3`},
		{"an escaped name", `{"properties":{"a/b~c":{"type":"null"}}}`, `{"a/b~c":1}`, `at "/data/a~1b~0c": got number, want null`},
		{"enum", `{"enum":["a","b"]}`, `"SECRET"`, `at "/data": value must be one of 'a', 'b'`},
		{"const", `{"const":1}`, `"SECRET"`, `at "/data": value must be 1`},
		{"least", `{"minimum":0.5}`, `0.4999`, `at "/data": want at least 0.5`},
		{"most", `{"maximum":5}`, `98765`, `at "/data": want at most 5`},
		{"more", `{"exclusiveMinimum":5}`, `5`, `at "/data": want more than 5`},
		{"less", `{"exclusiveMaximum":5}`, `98765`, `at "/data": want less than 5`},
		{"multiple", `{"multipleOf":0.1}`, `98.76`, `at "/data": want a multiple of 0.1`},
		{"exact numbers", `{"maximum":9007199254740993}`, `9007199254740994`, `at "/data": want at most 9.007199254740992e+15`},
		{"pattern", `{"pattern":"^x+$"}`, `"SECRET"`, `at "/data": want a match of "^x+$"`},
		{"unknown members", `{"additionalProperties":false}`, `{"SECRET":1}`, `at "/data": want only the members that the schema names`},
		{"member names", `{"propertyNames":{"maxLength":2}}`, `{"SECRET":1}`, `at "/data": want what propertyNames asks`},
		{"alternatives", `{"anyOf":[{"type":"string"},{"required":["x"]}]}`, `{"y":"SECRET"}`, `at "/data": want what anyOf asks`},
		{"one of", `{"oneOf":[{"type":"string"},{"const":"SECRET"}]}`, `"SECRET"`, `at "/data": want what oneOf asks`},
		{"not", `{"not":{"type":"string"}}`, `"SECRET"`, `at "/data": want what`},
		{"contains", `{"contains":{"type":"string"}}`, `[98765]`, `at "/data": want what contains asks`},
		{"unique", `{"uniqueItems":true}`, `["SECRET","SECRET"]`, `at "/data": items at 0 and 1 are equal`},
		{"format is not asserted", `{"format":"email"}`, `"SECRET"`, ""},
		{"the first place in order", `{"properties":{"b":{"type":"null"},"a":{"type":"null"}}}`, `{"b":1,"a":1}`, `at "/data/a": got number, want null`},
		{"a reference", `{"$ref":"#/$defs/n","$defs":{"n":{"type":"null"}}}`, `1`, `at "/data": got number, want null`},
		{"a schema in a schema", `{"properties":{"next":{"$ref":"#"},"n":{"type":"null"}}}`, `{"next":{"next":{"n":1}}}`, `at "/data/next/next/n": got number, want null`},
		{"draft 4", `{"$schema":"http://json-schema.org/draft-04/schema#","maximum":5,"exclusiveMaximum":true}`, `5`, `at "/data": want less than 5`},
		{"a reference to itself", `{"$ref":"#"}`, `1`, `at "/data": a $ref of the schema leads back to itself`},
		{"a dear number", `{"multipleOf":3}`, `1e10000000`, "a number is beyond what a double can hold"},
		{"a dear fraction", `{"multipleOf":3}`, `[{"a":1e-10000000}]`, "a number is beyond what a double can hold"},
		{"a dear exponent", `{"multipleOf":3}`, `1e99999999999999999999`, "a number is beyond what a double can hold"},
		{"a long number", `{"multipleOf":3}`, strings.Repeat("9", 5000), "a number is beyond what a double can hold"},
		{"a long fraction", `{"multipleOf":3}`, "0." + strings.Repeat("0", 5000) + "1", "a number is beyond what a double can hold"},
		{"the greatest number", `{"type":"number"}`, `[1.7976931348623157e308]`, `at "/data": got array, want number`},
		{"a broken text", `true`, `{"a":"SECRET"`, "data is not JSON"},
		{"two texts", `true`, `{} {}`, "data is not JSON"},
		{"line breaks in a name", `{"additionalProperties":{"type":"null"}}`, `{"a\nb":1}`, `at "/data/a\nb": got number, want null`},
	} {
		for _, on := range []string{"fail", "drop"} {
			o := run(t, open(t, `{"schema":`+c.schema+`,"on":"`+on+`"}`), sdk.Event{Data: []byte(c.data), DataIsJSON: true})
			verdict := map[string]sdk.Verdict{"fail": sdk.Fail, "drop": sdk.Drop}[on]
			if c.reason == "" {
				verdict = sdk.Unchanged
			}
			if o.Verdict != verdict || o.Retry || !strings.Contains(o.Reason, c.reason) {
				t.Errorf("%s, %s: %+v", c.name, on, o)
			}
			for _, value := range []string{"SECRET", "98765", "98.76"} {
				if strings.Contains(o.Reason, value) {
					t.Errorf("%s shows a value: %s", c.name, o.Reason)
				}
			}
		}
	}
}

func TestReasonIsShort(t *testing.T) {
	tr := open(t, `{"schema":{"additionalProperties":{"type":"null"}}}`)
	o := run(t, tr, sdk.Event{Data: []byte(`{"` + strings.Repeat("ä", 5000) + `":1}`), DataIsJSON: true})
	if o.Verdict != sdk.Fail || len(o.Reason) > 600 || strings.ContainsRune(o.Reason, '\ufffd') {
		t.Errorf("%+v", o)
	}
}

func TestEventWithoutJSON(t *testing.T) {
	tr := open(t, `{"schema":true}`)
	for name, c := range map[string]struct {
		e      sdk.Event
		reason string
	}{
		"no data": {sdk.Event{}, "event has no data, so it does not meet the schema"},
		"text":    {sdk.Event{Data: []byte(`{}`)}, "data is not JSON, so it does not meet the schema"},
	} {
		if o := run(t, tr, c.e); o.Verdict != sdk.Fail || o.Retry || o.Reason != c.reason {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestSchemaText(t *testing.T) {
	tr := open(t, `{"schema_text":"{\"type\":\"string\"}"}`)
	if o := run(t, tr, sdk.Event{Data: []byte(`1`), DataIsJSON: true}); o.Verdict != sdk.Fail {
		t.Errorf("%+v", o)
	}
	if o := run(t, tr, sdk.Event{Data: []byte(`"a"`), DataIsJSON: true}); o.Verdict != sdk.Unchanged {
		t.Errorf("%+v", o)
	}
}

func TestConfig(t *testing.T) {
	kind := jsonschema.Plugin().Transforms[0]
	for _, c := range []struct {
		config string
		paths  []string
		text   string
	}{
		{`{}`, []string{"/schema"}, "is required"},
		{`{"schema":true,"schema_text":"true"}`, []string{"/schema_text"}, "keep one"},
		{`{"schema":{"type":"strng"}}`, []string{"/schema/type"}, ""},
		{`{"schema":{"properties":{"a/b":{"minLength":"3"}},"required":"id"}}`, []string{"/schema/properties/a~1b/minLength", "/schema/required"}, ""},
		{`{"schema":5}`, []string{"/schema"}, ""},
		{`{"schema":null}`, []string{"/schema"}, ""},
		{`{"schema_text":"{"}`, []string{"/schema_text"}, "is no JSON"},
		{`{"schema_text":"{\"type\":5}"}`, []string{"/schema_text/type"}, ""},
		{`{"schema":{"pattern":"("}}`, []string{"/schema/pattern"}, ""},
		{`{"schema":{"$ref":"#/$defs/none"}}`, []string{"/schema"}, ""},
		{`{"schema":{"$ref":"http://127.0.0.1/other.json"}}`, []string{"/schema"}, "never fetched"},
		{`{"schema":{"$ref":"file:///etc/hosts"}}`, []string{"/schema"}, "never fetched"},
		{`{"schema":{"$ref":"other.json"}}`, []string{"/schema"}, "never fetched"},
		{`{"schema":{"$dynamicRef":"https://schema.example/x"}}`, []string{"/schema"}, "never fetched"},
		{`{"schema":{"$schema":"https://schema.example/draft"}}`, []string{"/schema"}, "never fetched"},
		{`{"schema":{"maximum":1e10000000}}`, []string{"/schema"}, "double"},
		{`{"schema":true,"on":"warn"}`, []string{"/on"}, "fail, drop"},
	} {
		_, err := kind.Open(t.Context(), json.RawMessage(c.config))
		faults, _ := errors.AsType[sdk.Diagnostics](err)
		var paths []string
		for _, f := range faults {
			paths = append(paths, f.Path)
		}
		if !slices.Equal(slices.Compact(paths), c.paths) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.config, err)
		}
	}
}

// FuzzData shows that no data makes a schema with every kind of keyword panic,
// show a value, or judge two ways.
func FuzzData(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":["x"],"c":{"d":null}}`, `[1e400]`, `{"a":{"a":{"a":"s"}}}`, `"`, `-0.0`} {
		f.Add([]byte(s))
	}
	tr := open(f, `{"schema":{"type":"object","properties":{"a":{"$ref":"#"},"b":{"items":{"pattern":"^x"},"uniqueItems":true},"c":{"oneOf":[{"minimum":3},{"type":"object"}]}},"patternProperties":{"^n":{"multipleOf":0.5}},"unevaluatedProperties":false}}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		e := sdk.Event{Data: data, DataIsJSON: true}
		o := run(t, tr, e)
		if again := run(t, tr, e); o != again {
			t.Fatalf("%+v, then %+v", o, again)
		}
		if o.Stack != "" || o.Retry || o.Verdict != sdk.Unchanged && o.Verdict != sdk.Fail || o.Verdict == sdk.Unchanged && !json.Valid(data) {
			t.Fatalf("%+v", o)
		}
	})
}

func BenchmarkSchema(b *testing.B) {
	tr := open(b, `{"schema":{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"items":{"items":{"properties":{"n":{"minimum":0}}}}}}}`)
	e := sdk.Event{Data: []byte(`{"id":"a","items":[{"n":1},{"n":2},{"n":3}],"note":"` + strings.Repeat("x", 600) + `"}`), DataIsJSON: true}
	b.ReportAllocs()
	for b.Loop() {
		in := e
		if o, err := tr.Transform(b.Context(), []sdk.Input{{Event: &in}}); err != nil || o[0].Verdict != sdk.Unchanged {
			b.Fatal(o, err)
		}
	}
}
