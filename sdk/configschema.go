package sdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// SecretKeyword marks a secret field in a schema. The router resolves the
// file: or env: reference that stands there, and never shows what it found.
const SecretKeyword = "x-headgate-secret"

// SchemaDialect is the JSON Schema that configurations are described in.
const SchemaDialect = "https://json-schema.org/draft/2020-12/schema"

// ConfigSchema describes a configuration: C's fields with their tags as JSON
// Schema 2020-12. C is a struct of strings, booleans, numbers, time.Duration
// (written "30s"), json.RawMessage or any (any JSON), and structs, pointers,
// slices and maps by string of these. The fields of an embedded struct count as
// C's own; two of one name are an error. It errs for anything else.
func ConfigSchema[C any]() (json.RawMessage, error) {
	t := reflect.TypeFor[C]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("a configuration is a struct, not %s", t)
	}
	s, err := schemaOf(t, nil)
	if err != nil {
		return nil, err
	}
	s.Dialect = SchemaDialect
	return json.Marshal(s)
}

// schema is the part of JSON Schema that configurations use, in the order in
// which it is read best.
type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Type        string             `json:"type,omitempty"`
	Format      string             `json:"format,omitempty"`
	Description string             `json:"description,omitempty"`
	Secret      bool               `json:"x-headgate-secret,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Default     json.RawMessage    `json:"default,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	MinLength   *float64           `json:"minLength,omitempty"`
	MaxLength   *float64           `json:"maxLength,omitempty"`
	MinItems    *float64           `json:"minItems,omitempty"`
	MaxItems    *float64           `json:"maxItems,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false, or *schema
	Items       *schema            `json:"items,omitempty"`
}

// schemaOf describes a type. within are the structs it lies in: a loop has no
// schema of this simple kind.
func schemaOf(t reflect.Type, within []string) (*schema, error) {
	switch {
	case t == durationType:
		return &schema{Type: "string", Format: "duration-go"}, nil
	case t == rawType:
		return &schema{}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return &schema{Type: "string"}, nil
	case reflect.Bool:
		return &schema{Type: "boolean"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &schema{Type: "integer"}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: "integer", Minimum: new(float64)}, nil
	case reflect.Float32, reflect.Float64:
		return &schema{Type: "number"}, nil
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return &schema{}, nil
		}
	case reflect.Pointer:
		return schemaOf(t.Elem(), within)
	case reflect.Slice:
		items, err := schemaOf(t.Elem(), within)
		return &schema{Type: "array", Items: items}, err
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			values, err := schemaOf(t.Elem(), within)
			return &schema{Type: "object", Additional: values}, err
		}
	case reflect.Struct:
		return structSchema(t, within)
	}
	return nil, fmt.Errorf("a configuration cannot hold a %s", t)
}

func structSchema(t reflect.Type, within []string) (*schema, error) {
	for _, w := range within {
		if w == t.String() {
			return nil, fmt.Errorf("the configuration %s lies within itself", strings.Join(append(within, w), " > "))
		}
	}
	within = append(within[:len(within):len(within)], t.String())
	list, err := fields(t)
	if err != nil {
		return nil, err
	}
	s := &schema{Type: "object", Additional: false, Properties: make(map[string]*schema, len(list))}
	for _, f := range list {
		of := t.FieldByIndex(f.index).Type
		p, err := schemaOf(of, within)
		if err != nil {
			return nil, err
		}
		p.Description, p.Secret, p.Enum = f.doc, f.secret, f.enum
		if f.has {
			if p.Default, err = f.defaultJSON(of); err != nil {
				return nil, err
			}
		}
		p.bound(f)
		if f.required {
			s.Required = append(s.Required, f.name)
		}
		s.Properties[f.name] = p
	}
	return s, nil
}

// bound gives a field's least and most to the keyword of its type.
func (s *schema) bound(f field) {
	least, most := &s.Minimum, &s.Maximum
	switch s.Type {
	case "string":
		least, most = &s.MinLength, &s.MaxLength
	case "array":
		least, most = &s.MinItems, &s.MaxItems
	}
	if f.min != nil {
		*least = f.min
	}
	if f.max != nil {
		*most = f.max
	}
}
