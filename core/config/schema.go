package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/headgate-io/headgate/sdk/curve"
)

// schema is the part of JSON Schema, draft 2020-12, that describes TOML keys.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	Maximum     *int               `json:"maximum,omitempty"`
	Default     any                `json:"default,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false, or *schema
	AnyOf       []*schema          `json:"anyOf,omitempty"`
}

// Schema gives a JSON Schema (draft 2020-12) of the TOML, for editors. It
// knows keys, types, enumerations and bounds of whole numbers; the rules
// between keys are for [Load].
func Schema() []byte {
	root := schemaOf(reflect.TypeFor[Config](), "")
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "headgate.toml"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic("config: schema: " + err.Error())
	}
	return b.Bytes()
}

func schemaOf(t reflect.Type, tag reflect.StructTag) *schema {
	s := &schema{Description: tag.Get("doc")}
	if text, found := tag.Lookup("default"); found {
		s.Default = text
	}
	if values, found := tag.Lookup("enum"); found {
		s.Enum = strings.Split(values, ",")
	}
	switch {
	case isText(t):
		s.Type, s.Pattern = "string", patternOf(t)
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem(), tag)
	case t.Kind() == reflect.Struct:
		s.table(t)
	case t.Kind() == reflect.Slice:
		s.Type, s.Items = "array", schemaOf(t.Elem(), "")
	case t.Kind() == reflect.Map:
		s.Type, s.Additional = "object", schemaOf(t.Elem(), "")
	case t.Kind() == reflect.Interface: // any value
	case t.Kind() == reflect.Bool:
		s.Type, s.Default = "boolean", tag.Get("default") == "true"
	case t.Kind() == reflect.Int:
		s.Type = "integer"
		s.Default, s.Minimum, s.Maximum = nil, number(tag.Get("min")), number(tag.Get("max"))
		if n := number(tag.Get("default")); n != nil {
			s.Default = *n
		}
	default:
		s.Type = "string"
	}
	return s
}

// table describes a struct.
func (s *schema) table(t reflect.Type) {
	s.Type, s.Properties, s.Additional = "object", map[string]*schema{}, false
	for _, field := range fields(t) {
		key, of := field.Tag.Get("toml"), schemaOf(field.Type, field.Tag)
		if other := s.Properties[key]; other != nil {
			of = &schema{AnyOf: []*schema{other, of}}
		}
		s.Properties[key] = of
		if field.Tag.Get("required") == "true" {
			s.Required = append(s.Required, key)
		}
	}
}

// patternOf gives the form of a type that is written as a string.
func patternOf(t reflect.Type) string {
	const size = `[0-9]+(B|kB|KiB|MB|MiB|GB|GiB|TB|TiB)`
	const clock = `([0-9.]+(h|m|s|ms|us|ns))`
	switch t {
	case reflect.TypeFor[Duration]():
		return `^([0-9]+d` + clock + `*|` + clock + `+)$`
	case reflect.TypeFor[Size]():
		return `^` + size + `$`
	case reflect.TypeFor[Share]():
		return `^([1-9][0-9]?%|100%|` + size + `)$`
	case reflect.TypeFor[PerSecond]():
		return `^[0-9.]+/s$`
	case reflect.TypeFor[Percent]():
		return `^[0-9.]+%$`
	case reflect.TypeFor[curve.Public]():
		return `^[0-9A-Za-z.:+=^!/*?&<>()\[\]{}@%$#-]{40}$`
	case reflect.TypeFor[Prefix]():
		return `^[0-9A-Fa-f.:]+/[0-9]{1,3}$`
	}
	return ""
}

func number(text string) *int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	return &n
}
