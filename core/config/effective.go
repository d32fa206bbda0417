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
	c.settings(reflect.ValueOf(c).Elem(), "", &out)
	return out
}

func (c *Config) settings(table reflect.Value, path string, out *[]Setting) {
	for _, field := range fields(table.Type()) {
		if class := field.Tag.Get("class"); class != "" && class != table.Addr().Interface().(classed).class() {
			continue
		}
		v, key := table.FieldByIndex(field.Index), join(path, field.Tag.Get("toml"))
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				continue
			}
			v = v.Elem()
		}
		t := v.Type()
		switch {
		case t == reflect.TypeFor[Absent]():
		case t.Kind() == reflect.Struct && !isText(t):
			c.settings(v, key, out)
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && !isText(t.Elem()):
			for i := range v.Len() {
				c.settings(v.Index(i), item(key, i), out)
			}
		case t.Kind() == reflect.Map:
			c.entries(v, key, out)
		case !v.IsZero() || field.Tag.Get("default") != "":
			*out = append(*out, Setting{Key: key, Value: literal(v), Origin: c.origin(key)})
		}
	}
}

// entries lists what stands in a table whose keys are anybody's.
func (c *Config) entries(table reflect.Value, path string, out *[]Setting) {
	for _, name := range namesIn(table) {
		v, key := table.MapIndex(name), join(path, name.String())
		if v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if v.Kind() == reflect.Map {
			c.entries(v, key, out)
			continue
		}
		*out = append(*out, Setting{Key: key, Value: literal(v), Origin: c.origin(key)})
	}
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
