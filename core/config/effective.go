package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Setting is one key with its value and where that comes from.
type Setting struct {
	Key    string // dotted, as in channels[0].prefetch
	Value  string // as TOML writes it; secrets are [redacted]
	Origin string // "default", "FILE:LINE", "env NAME" or "flag NAME"
}

// Effective lists every key that has a value, in the order of [Config]. Keys
// that do not apply to the class of their table are left out.
func (c *Config) Effective() []Setting {
	var out []Setting
	for _, p := range c.parts() {
		if !p.table {
			out = append(out, Setting{Key: p.key, Value: literal(p.value), Origin: c.origin(p.key)})
		}
	}
	return out
}

// origin says where a key was set.
func (c *Config) origin(key string) string {
	at, exact := c.spots.find(key)
	switch {
	case !exact:
		return "default"
	case at.Line == 0:
		return at.File
	}
	return fmt.Sprintf("%s:%d", at.File, at.Line)
}

// literal writes a value as TOML does.
func literal(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return strconv.Quote(err.Error())
		}
		return strconv.Quote(string(text))
	}
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = literal(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		parts := make([]string, v.Len())
		for i, name := range namesIn(v) {
			parts[i] = step(name.String()) + " = " + literal(v.MapIndex(name))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.Interface:
		return literal(v.Elem())
	case reflect.Float64:
		text := strconv.FormatFloat(v.Float(), 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") { // else it would be a whole number
			text += ".0"
		}
		return text
	}
	return fmt.Sprint(v.Interface())
}

// namesIn gives the keys of a map by string, in order.
func namesIn(table reflect.Value) []reflect.Value {
	names := table.MapKeys()
	slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return names
}
