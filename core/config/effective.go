package config

import (
	"encoding"
	"fmt"
	"reflect"
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
		case !v.IsZero() || field.Tag.Get("default") != "":
			*out = append(*out, Setting{Key: key, Value: literal(v), Origin: c.origin(key)})
		}
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
	}
	return fmt.Sprint(v.Interface())
}
