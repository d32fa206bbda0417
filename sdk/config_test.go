package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

type inner struct {
	Host string `json:"host" required:"true" doc:"where"`
	Port int    `json:"port" default:"443" min:"1" max:"65535"`
}

type everyKind struct {
	Fields []string          `json:"fields" required:"true" min:"1" doc:"JSON Pointers"`
	With   string            `json:"with" default:"***" max:"8"`
	On     string            `json:"on" default:"fail" enum:"fail,drop"`
	Every  time.Duration     `json:"every" default:"30s"`
	Ratio  float64           `json:"ratio" default:"0.5" min:"0" max:"1"`
	Count  uint8             `json:"count"`
	Deep   bool              `json:"deep" default:"true"`
	Peers  map[string]inner  `json:"peers"`
	To     *inner            `json:"to"`
	At     inner             `json:"at"`
	Token  string            `json:"token" secret:"true"`
	Free   json.RawMessage   `json:"free"`
	Any    any               `json:"any"`
	Tags   map[string]string `json:"tags" default:"{\"a\":\"b\"}"`
	hidden int
	Gone   int `json:"-"`
}

func TestDecodeConfigGivesDefaults(t *testing.T) {
	got, err := sdk.DecodeConfig[everyKind]([]byte(`{"fields":["/a"],"peers":{"x":{"host":"h"}},"to":{"host":"t","port":1},"free":{"b": 2},"any":[1],"token":"s"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := everyKind{Fields: []string{"/a"}, With: "***", On: "fail", Every: 30 * time.Second, Ratio: 0.5, Deep: true, Peers: map[string]inner{"x": {"h", 443}},
		To: &inner{"t", 1}, At: inner{"", 443}, Token: "s", Free: json.RawMessage(`{"b": 2}`), Any: []any{1.0}, Tags: map[string]string{"a": "b"}}
	if !reflect.DeepEqual(got, want) || got.hidden != 0 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDecodeConfigNamesEveryFault(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":         {``, []string{"/fields: is required: JSON Pointers"}},
		"null":            {`null`, []string{"want a table, not null"}},
		"a list":          {`[]`, []string{"want a table, not a list"}},
		"broken":          {`{"fields":`, []string{"want a table, not a table"}},
		"unknown":         {`{"fields":["/a"],"wiht":"x","zzzzzzz":1}`, []string{"/wiht: is not known: did you mean with?", "/zzzzzzz: is not known: there are fields, with, "}},
		"case":            {`{"Fields":["/a"]}`, []string{"/fields: is required: JSON Pointers", "/Fields: is not known: did you mean fields?"}},
		"wrong types":     {`{"fields":"x","deep":1,"every":5,"count":-1,"ratio":"y","with":null,"tags":{"a":1}}`, []string{"/fields: want a list, not a string", "/with: want a string, not null", `/every: want a duration such as "30s", not such a number`, "/ratio: want a number, not a string", "/count: want a whole number, not negative, not such a number", "/deep: want true or false, not such a number", "/tags/a: want a string, not such a number"}},
		"bounds":          {`{"fields":[],"with":"123456789","ratio":2,"peers":{"a/b":{"host":"h","port":0}}}`, []string{"/fields: want at least 1 entries", "/with: want at most 8 characters", "/ratio: want at most 1", "/peers/a~1b/port: want at least 1"}},
		"enum":            {`{"fields":["/a"],"on":"maybe"}`, []string{"/on: want one of fail, drop"}},
		"within a list":   {`{"fields":["/a",2]}`, []string{"/fields/1: want a string, not such a number"}},
		"missing within":  {`{"fields":["/a"],"to":{}}`, []string{"/to/host: is required: where"}},
		"a secret's text": {`{"fields":["/a"],"token":12345}`, []string{"/token: want a string, not such a number"}},
	} {
		_, err := sdk.DecodeConfig[everyKind]([]byte(c.text))
		d, ok := errors.AsType[sdk.Diagnostics](err)
		if !ok || len(d) != len(c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
			continue
		}
		for i, line := range strings.Split(d.Error(), "\n") {
			if !strings.HasPrefix(line, c.want[i]) {
				t.Errorf("%s: line %d is %q, want %q", name, i, line, c.want[i])
			}
		}
		if err != nil && strings.Contains(err.Error(), "12345") {
			t.Errorf("%s: the error shows a value", name)
		}
	}
}

func TestConfigSchemaSaysWhatTagsSay(t *testing.T) {
	text, err := sdk.ConfigSchema[everyKind]()
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Schema               string `json:"$schema"`
		Type                 string
		Required             []string
		AdditionalProperties any
		Properties           map[string]map[string]any
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if s.Schema != sdk.SchemaDialect || s.Type != "object" || s.AdditionalProperties != false || !reflect.DeepEqual(s.Required, []string{"fields"}) || len(s.Properties) != 14 {
		t.Errorf("the schema is %s", text)
	}
	for name, want := range map[string]map[string]any{
		"with":  {"type": "string", "default": "***", "maxLength": 8.0},
		"on":    {"type": "string", "default": "fail", "enum": []any{"fail", "drop"}},
		"every": {"type": "string", "default": "30s", "format": "duration-go"},
		"ratio": {"type": "number", "default": 0.5, "minimum": 0.0, "maximum": 1.0},
		"count": {"type": "integer", "minimum": 0.0},
		"token": {"type": "string", sdk.SecretKeyword: true},
		"free":  {},
		"any":   {},
		"tags":  {"type": "object", "default": map[string]any{"a": "b"}, "additionalProperties": map[string]any{"type": "string"}},
	} {
		if !reflect.DeepEqual(s.Properties[name], want) {
			t.Errorf("%s is %v, want %v", name, s.Properties[name], want)
		}
	}
	if s.Properties["fields"]["minItems"] != 1.0 || s.Properties["fields"]["description"] != "JSON Pointers" {
		t.Errorf("fields is %v", s.Properties["fields"])
	}
}

type loop struct {
	Next *loop `json:"next"`
}

func TestConfigSchemaRefusesWhatItCannotSay(t *testing.T) {
	refused := func(name string, err error) {
		if err == nil {
			t.Errorf("%s has a schema", name)
		}
	}
	_, err := sdk.ConfigSchema[string]()
	refused("a string", err)
	_, err = sdk.ConfigSchema[loop]()
	refused("a loop", err)
	_, err = sdk.ConfigSchema[struct{ F func() }]()
	refused("a function", err)
	_, err = sdk.ConfigSchema[struct {
		N int `secret:"true"`
	}]()
	refused("a secret number", err)
	_, err = sdk.ConfigSchema[struct {
		N int `default:"x"`
	}]()
	refused("a default that is none", err)
	_, err = sdk.ConfigSchema[struct {
		N int `default:"1" required:"true"`
	}]()
	refused("a default that is never used", err)
	_, err = sdk.ConfigSchema[struct {
		N int `min:"low"`
	}]()
	refused("a bound that is no number", err)
	_, err = sdk.ConfigSchema[struct{ *Terms }]()
	refused("an embedded pointer", err)
	_, err = sdk.ConfigSchema[struct{ time.Duration }]()
	refused("an embedded duration", err)
	_, err = sdk.ConfigSchema[struct {
		Terms `json:"terms"`
	}]()
	refused("an embedded struct with a tag", err)
	if _, err = sdk.ConfigSchema[struct {
		Terms `json:"-"`
	}](); err != nil {
		t.Errorf("an embedded struct that is left out: %v", err)
	}
}

type Terms struct {
	deeper
	Leeway time.Duration `json:"leeway" default:"60s" max:"5" doc:"how far clocks may differ"`
	Token  string        `json:"token" required:"true" secret:"true" doc:"whose"`
}

type deeper struct {
	Mode string `json:"mode" enum:"a,b"`
	At   inner  `json:"at"`
}

type embedding struct {
	Name string `json:"name" default:"x"`
	Terms
	Count int `json:"count" default:"3"`
}

func TestEmbeddedFieldsAreTheStructsOwn(t *testing.T) {
	got, err := sdk.DecodeConfig[embedding]([]byte(`{"token":"s","mode":"b","at":{"host":"h"},"count":4}`))
	want := embedding{Name: "x", Count: 4, Terms: Terms{Leeway: time.Minute, Token: "s", deeper: deeper{Mode: "b", At: inner{"h", 443}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	for text, want := range map[string]string{
		`{}`:                                "/token: is required: whose",
		`{"token":"s","leeway":1}`:          `/leeway: want a duration such as "30s", not such a number`,
		`{"token":"s","mode":"c"}`:          "/mode: want one of a, b",
		`{"token":"s","at":{"port":0}}`:     "/at/host: is required: where\n/at/port: want at least 1",
		`{"token":"s","tokne":"s"}`:         "/tokne: is not known: did you mean token?",
		`{"token":"s","Terms":{}}`:          "/Terms: is not known: there are name, mode, at, leeway, token, count",
		`{"token":"s","terms":{},"deep":1}`: "/deep: is not known: there are name, mode, at, leeway, token, count\n/terms: is not known: there are name, mode, at, leeway, token, count",
	} {
		if _, err := sdk.DecodeConfig[embedding]([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	type flat struct {
		Name   string        `json:"name" default:"x"`
		Mode   string        `json:"mode" enum:"a,b"`
		At     inner         `json:"at"`
		Leeway time.Duration `json:"leeway" default:"60s" max:"5" doc:"how far clocks may differ"`
		Token  string        `json:"token" required:"true" secret:"true" doc:"whose"`
		Count  int           `json:"count" default:"3"`
	}
	whole, err := sdk.ConfigSchema[embedding]()
	same, flatErr := sdk.ConfigSchema[flat]()
	if err != nil || flatErr != nil || string(whole) != string(same) {
		t.Errorf("the schema is %s, %v\nwant %s, %v", whole, err, same, flatErr)
	}
}

// A name is one field's: which of two is meant must not be a matter of depth.
func TestNamesThatClashAreRefused(t *testing.T) {
	clash := func(err error, want string) {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	_, err := sdk.ConfigSchema[struct {
		Terms
		Mine string `json:"leeway"`
	}]()
	clash(err, `fields Terms.Leeway and Mine of struct`)
	_, err = sdk.ConfigSchema[struct {
		Terms
		deeper
	}]()
	clash(err, `fields Terms.deeper.Mode and deeper.Mode of struct`)
	_, err = sdk.ConfigSchema[struct {
		One string
		Two string `json:"One"`
	}]()
	clash(err, `fields One and Two of struct { One string; Two string "json:\"One\"" } have the same name "One"`)
	_, err = sdk.ConfigSchema[struct {
		In struct {
			embedding
			Name int `json:"name"`
		} `json:"in"`
	}]()
	clash(err, `fields embedding.Name and Name of`)
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, `transform bad: fields Terms.Leeway and Leeway`) {
			t.Errorf("a transform of such a configuration: %q", text)
		}
	}()
	sdk.NewTransform("bad", func(context.Context, struct {
		Terms
		Leeway string `json:"leeway"`
	}, *sdk.Event) error {
		return nil
	})
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add([]byte(`{"fields":["/a"],"peers":{"x":{"host":"h"}},"every":"1m"}`))
	f.Add([]byte(`{"to":{},"free":null,"any":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := sdk.DecodeConfig[everyKind](text)
		if err == nil && (len(c.Fields) == 0 || c.Ratio < 0 || c.Ratio > 1 || len(c.With) > 4*8) {
			t.Errorf("%s is taken as %+v", text, c)
		}
	})
}
