package route_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/sdk"
)

const orderSchema = `{
	"type": "object",
	"required": ["amount", "items"],
	"properties": {
		"amount": {"type": "number", "minimum": 0.5, "exclusiveMaximum": 1e6},
		"id": {"type": "integer", "maximum": 18446744073709551615},
		"step": {"multipleOf": 0.1},
		"card": {"pattern": "^x+$"},
		"kind": {"enum": ["a", "b"]},
		"either": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["x"]}]},
		"gone": false,
		"a/b~c": {"type": "null"},
		"items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "uniqueItems": true}
	},
	"unevaluatedProperties": false,
	"propertyNames": {"maxLength": 9},
	"$defs": {"item": {"type": "object", "properties": {"sku": {"type": "string", "minLength": 1}}}}
}`

func TestValidate(t *testing.T) {
	table := build(t, []route.Rule{
		rule("free", nil),
		rule("orders", func(r *route.Rule) { r.Schema = []byte(orderSchema) }),
	}, commands)
	for _, c := range []struct{ data, pointer, text string }{
		{`{"amount":1,"items":[]}`, "", ""},
		{`{"amount":0.5,"items":[{"sku":"a"},{"sku":"b"}],"step":0.3,"either":{"x":1}}`, "", ""},
		{`{"amount":1,"items":[],"id":18446744073709551615}`, "", ""},
		{`{"amount":1,"items":[],"id":18446744073709551616}`, "/data/id", "must be at most 1.8446744073709552e+19"},
		{`[]`, "/data", "got array, want object"},
		{`{"items":[]}`, "/data", "missing property 'amount'"},
		{`{"amount":"1","items":[]}`, "/data/amount", "got string, want number"},
		{`{"amount":0.49,"items":[]}`, "/data/amount", "must be at least 0.5"},
		{`{"amount":1e6,"items":[]}`, "/data/amount", "must be less than 1e+06"},
		{`{"amount":1,"items":[],"step":0.25}`, "/data/step", "must be a multiple of 0.1"},
		{`{"amount":1,"items":[],"card":"4111-SECRET"}`, "/data/card", `must match "^x+$"`},
		{`{"amount":1,"items":[],"kind":"SECRET"}`, "/data/kind", "value must be one of 'a', 'b'"},
		{`{"amount":1,"items":[],"either":{"y":"SECRET"}}`, "/data/either", "does not meet anyOf"},
		{`{"amount":1,"items":[],"gone":1}`, "/data/gone", "is not allowed"},
		{`{"amount":1,"items":[],"a/b~c":1}`, "/data/a~1b~0c", "got number, want null"},
		{`{"amount":1,"items":[{"sku":"a"},{"sku":""}]}`, "/data/items/1/sku", "minLength"},
		{`{"amount":1,"items":[{},{}]}`, "/data/items", "items at 0 and 1 are equal"},
		{`{"amount":1,"items":[],"SECRET":1}`, "/data/SECRET", "is not allowed"},
		{`{"amount":1,"items":[],"SECRET-name":1}`, "/data", ""},
		{`{"amount":0,"items":0,"id":"x","card":"y"}`, "/data/amount", "must be at least 0.5"},
		{`{"amount":1e10000000,"items":[]}`, "/data", "no double can hold"},
		{`{"amount":1e-10000000,"items":[]}`, "/data", "no double can hold"},
		{`{"amount":0.` + strings.Repeat("0", 2000) + `1,"items":[]}`, "/data", "no double can hold"},
		{`{"amount":1`, "/data", "data is no JSON"},
	} {
		e := order()
		e.Data = []byte(c.data)
		m, err := table.Match(e)
		if err != nil {
			t.Fatal(err)
		}
		err = table.Validate(e, m)
		if c.pointer == "" {
			if err != nil {
				t.Errorf("%s: %v", c.data, err)
			}
			continue
		}
		var broken *route.SchemaError
		if !errors.As(err, &broken) || broken.Route != "orders" || broken.Pointer != c.pointer || !strings.Contains(broken.Text, c.text) {
			t.Errorf("%.80s: got %v, want %q at %s", c.data, err, c.text, c.pointer)
			continue
		}
		if strings.Contains(broken.Text, "SECRET") {
			t.Errorf("%s: text quotes the data: %s", c.data, broken.Text)
		}
	}
}

func TestValidateNeedsJSON(t *testing.T) {
	table := build(t, []route.Rule{rule("any", func(r *route.Rule) { r.Schema = []byte(`true`) })}, commands)
	for _, e := range []*sdk.Event{{}, {Data: []byte("{}"), DataContentType: "text/plain"}} {
		m, err := table.Match(e)
		if err != nil {
			t.Fatal(err)
		}
		var broken *route.SchemaError
		if err := table.Validate(e, m); !errors.As(err, &broken) || broken.Pointer != "/data" {
			t.Errorf("got %v, want a SchemaError at /data", err)
		}
	}
}

func TestValidateHoldsForEveryMatchedRoute(t *testing.T) {
	needs := func(property string) func(*route.Rule) {
		return func(r *route.Rule) { r.Schema = []byte(`{"required":["` + property + `"]}`) }
	}
	table := build(t, []route.Rule{
		rule("first", needs("amount")), rule("second", needs("nothing")), rule("third", needs("nil")),
		rule("off", func(r *route.Rule) { needs("off")(r); r.When = "false" }),
	}, commands)
	m, err := table.Match(order())
	if err != nil {
		t.Fatal(err)
	}
	var broken *route.SchemaError
	if err := table.Validate(order(), m); !errors.As(err, &broken) || broken.Route != "second" {
		t.Errorf("got %v, want the second route's", err)
	}
}

func TestSchemasAreCheckedAtLoad(t *testing.T) {
	for _, c := range []struct{ schema, want string }{
		{`{"$ref":"https://schemas.example/order.json"}`, "never fetched"},
		{`{"$ref":"file:///etc/passwd"}`, "never fetched"},
		{`{"$ref":"other.json"}`, "never fetched"},
		{`{"properties":{"a":{"$ref":"http://127.0.0.1/x"}}}`, "never fetched"},
		{`{"$schema":"https://schemas.example/meta.json"}`, "never fetched"},
		{`{"$ref":"#/$defs/nothing"}`, "nothing"},
		{`{"type":"objekt"}`, `at "/type": value must be one of 'array'`},
		{`{"pattern":"("}`, "pattern"},
		{`{"minimum":1e10000000}`, "no double can hold"},
		{``, "no JSON"},
		{`{} {}`, "no JSON"},
		{`7`, "schema"},
	} {
		_, err := route.New([]route.Rule{rule("one", func(r *route.Rule) { r.Schema = []byte(c.schema) })}, commands, route.Options{})
		if err == nil {
			t.Errorf("%s: was accepted", c.schema)
			continue
		}
		if first := faults(t, err)[0]; first.Key != "routes[0].schema" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.schema, err, c.want)
		}
	}
	for _, schema := range []string{
		`{"$id":"https://schemas.example/order.json","$ref":"#/$defs/a","$defs":{"a":true}}`,
		`{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{}},"$ref":"#/definitions/a"}`,
		`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
	} {
		if _, err := route.New([]route.Rule{rule("one", func(r *route.Rule) { r.Schema = []byte(schema) })}, commands, route.Options{}); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
	}
}

func FuzzValidate(f *testing.F) {
	table := build(f, []route.Rule{rule("orders", func(r *route.Rule) { r.Schema = []byte(orderSchema) })}, commands)
	f.Add(`{"amount":1,"items":[{"sku":"a"}],"either":"x"}`)
	f.Add(`{"amount":1e999999999,"id":1E+0000000000000400,"step":-0.0e-9,"items":[[1],[1]]}`)
	f.Add(`{"a/b~c":null,"\ud800":1}`)
	f.Fuzz(func(t *testing.T, data string) {
		e := &sdk.Event{Data: []byte(data), DataIsJSON: true}
		m, err := table.Match(e)
		if err != nil {
			t.Fatal(err)
		}
		err = table.Validate(e, m)
		var broken *route.SchemaError
		if err != nil && (!errors.As(err, &broken) || !strings.HasPrefix(broken.Pointer, "/data") || broken.Text == "") {
			t.Errorf("got %#v", err)
		}
		if again := table.Validate(e, m); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Errorf("first %v, then %v", err, again)
		}
	})
}
