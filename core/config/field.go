package config

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
)

// fields lists the fields of a struct that have a key in TOML, in order. The
// keys of an embedded struct stand among its own, with its tags behind theirs.
func fields(t reflect.Type) []reflect.StructField {
	var out []reflect.StructField
	for i := range t.NumField() {
		field := t.Field(i)
		if key := field.Tag.Get("toml"); key != "" && key != "-" {
			out = append(out, field)
		}
		if !field.Anonymous {
			continue
		}
		for _, inner := range fields(field.Type) {
			inner.Index = slices.Concat(field.Index, inner.Index)
			inner.Tag = reflect.StructTag(strings.TrimSpace(string(inner.Tag + " " + field.Tag)))
			out = append(out, inner)
		}
	}
	return out
}

// fieldOf returns the first field that has key.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for _, field := range fields(t) {
		if field.Tag.Get("toml") == key {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

// fieldFor is fieldOf for a key with two forms, a string and an array: the
// field that takes raw.
func fieldFor(t reflect.Type, key string, raw any) (reflect.StructField, bool) {
	if _, isArray := raw.([]any); isArray {
		for _, field := range fields(t) {
			if field.Tag.Get("toml") == key && field.Type.Kind() == reflect.Slice {
				return field, true
			}
		}
	}
	return fieldOf(t, key)
}

// keysOf lists the keys of a struct.
func keysOf(t reflect.Type) []string {
	var out []string
	for _, field := range fields(t) {
		out = append(out, field.Tag.Get("toml"))
	}
	return out
}

// isText tells a type that TOML writes as a string, whatever its kind in Go.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
