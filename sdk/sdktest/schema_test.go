package sdktest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/sdktest"
)

func TestFaultsOfASchema(t *testing.T) {
	for _, c := range []struct {
		name, schema, config string
		want                 []string // path and configuration of each fault
	}{
		{"members", `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"object"},"c":{}},"required":["a"],"additionalProperties":false}`, `{"a":"x"}`, []string{
			`/zz-headgate-unknown {"a":"x","zz-headgate-unknown":1}`,
			`/a {"a":{"zz-headgate-unknown":[]}}`,
			`/b {"a":"x","b":[[]]}`,
			`/a {}`,
		}},
		{"open", `{"type":"object","properties":{"a/b":{"type":["integer","null"]}}}`, `{}`, []string{`/a~1b {"a/b":{"zz-headgate-unknown":[]}}`}},
		{"any type", `{"type":"object","properties":{"a":{"type":["object","array"]},"b":true}}`, `{}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := sdktest.Faults(c.schema, c.config)
			if err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, f := range got {
				list = append(list, f[0]+" "+f[1])
			}
			if fmt.Sprint(list) != fmt.Sprint(c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(list, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestSchemasThatAreRefused(t *testing.T) {
	for _, c := range []struct{ name, schema, config, want string }{
		{"no JSON", `{`, `{}`, "schema is no JSON"},
		{"true", `true`, `{}`, "no JSON object"},
		{"no object", `{"type":"string"}`, `{}`, "describes no object"},
		{"no schema", `{"type":"object","required":"a"}`, `{}`, "no JSON Schema"},
		{"fetched", `{"type":"object","properties":{"a":{"$ref":"https://example.com/a.json"}}}`, `{}`, "never fetched"},
		{"draft", `{"$schema":"http://json-schema.org/draft-04/schema#","type":"object"}`, `{}`, "another draft"},
		{"misfit", `{"type":"object","required":["a"]}`, `{}`, "missing property"},
		{"default", `{"type":"object","properties":{"a":{"type":"integer","minimum":5,"default":3}}}`, `{}`, "default of a does not fit"},
		{"default by reference", `{"type":"object","$defs":{"n":{"type":"integer"}},"properties":{"a":{"$ref":"#/$defs/n","default":"x"}}}`, `{}`, "default of a does not fit"},
		{"secret default", `{"type":"object","properties":{"a":{"type":"string","default":"x","x-headgate-secret":true}}}`, `{}`, "everybody can read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := sdktest.Faults(c.schema, c.config); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v: want %q", err, c.want)
			}
		})
	}
}
