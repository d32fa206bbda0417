package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// DecodeConfig reads a configuration by the tags that ConfigSchema describes:
// with defaults, and every fault at once as Diagnostics. Nil or empty text is an
// empty object.
func DecodeConfig[C any](text []byte) (C, error) {
	var c C
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}")
	}
	d := decoding{}
	d.value(reflect.ValueOf(&c).Elem(), "", text, field{})
	if len(d.faults) > 0 {
		return c, d.faults
	}
	return c, nil
}

type decoding struct{ faults Diagnostics }

func (d *decoding) fault(path, format string, args ...any) {
	d.faults = append(d.faults, Diagnostic{Path: path, Text: fmt.Sprintf(format, args...)})
}

// value reads JSON text into v. f are the tags of the field it is, or of the
// list it is in.
func (d *decoding) value(v reflect.Value, path string, text json.RawMessage, f field) {
	t := v.Type()
	switch {
	case t == durationType:
		d.duration(v, path, text)
		return
	case t == rawType:
		v.SetBytes(bytes.Clone(text))
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		d.value(v.Elem(), path, text, f)
	case reflect.Struct:
		d.object(v, path, text)
	case reflect.Slice:
		d.list(v, path, text, f)
	case reflect.Map:
		d.table(v, path, text)
	default:
		d.scalar(v, path, text, f)
	}
}

func (d *decoding) scalar(v reflect.Value, path string, text json.RawMessage, f field) {
	if bytes.Equal(text, []byte("null")) || json.Unmarshal(text, v.Addr().Interface()) != nil {
		d.fault(path, "want %s, not %s", wanted(v.Type()), found(text))
		return
	}
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		if f.enum != nil && !slices.Contains(f.enum, s) {
			d.fault(path, "want one of %s", strings.Join(f.enum, ", "))
		}
		d.within(path, float64(utf8.RuneCountInString(s)), f, " characters")
	case reflect.Float32, reflect.Float64:
		d.within(path, v.Float(), f, "")
	case reflect.Bool, reflect.Interface:
	default:
		if v.CanInt() {
			d.within(path, float64(v.Int()), f, "")
		} else {
			d.within(path, float64(v.Uint()), f, "")
		}
	}
}

func (d *decoding) within(path string, n float64, f field, unit string) {
	if f.min != nil && n < *f.min {
		d.fault(path, "want at least %g%s", *f.min, unit)
	}
	if f.max != nil && n > *f.max {
		d.fault(path, "want at most %g%s", *f.max, unit)
	}
}

func (d *decoding) duration(v reflect.Value, path string, text json.RawMessage) {
	var s string
	if json.Unmarshal(text, &s) == nil {
		if x, err := time.ParseDuration(s); err == nil {
			v.SetInt(int64(x))
			return
		}
	}
	d.fault(path, `want a duration such as "30s", not %s`, found(text))
}

func (d *decoding) list(v reflect.Value, path string, text json.RawMessage, f field) {
	var items []json.RawMessage
	if json.Unmarshal(text, &items) != nil || items == nil {
		d.fault(path, "want a list, not %s", found(text))
		return
	}
	d.within(path, float64(len(items)), f, " entries")
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(v.Index(i), fmt.Sprintf("%s/%d", path, i), item, field{enum: f.enum})
	}
}

func (d *decoding) table(v reflect.Value, path string, text json.RawMessage) {
	members, ok := d.members(path, text)
	if !ok {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(members)))
	for _, name := range sortedNames(members) {
		x := reflect.New(v.Type().Elem()).Elem()
		d.value(x, pointer(path, name), members[name], field{})
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), x)
	}
}

func (d *decoding) members(path string, text json.RawMessage) (map[string]json.RawMessage, bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		d.fault(path, "want a table, not %s", found(text))
		return nil, false
	}
	return members, true
}

func (d *decoding) object(v reflect.Value, path string, text json.RawMessage) {
	list, err := fields(v.Type())
	if err != nil {
		d.fault(path, "%v", err)
		return
	}
	members, ok := d.members(path, text)
	if !ok {
		return
	}
	names := make([]string, len(list))
	for i, f := range list {
		names[i] = f.name
		member := v.FieldByIndex(f.index)
		text, there := members[f.name]
		delete(members, f.name)
		switch {
		case there:
		case f.required:
			d.fault(pointer(path, f.name), "is required%s", because(f.doc))
			continue
		case f.has:
			if text, err = f.defaultJSON(member.Type()); err != nil {
				d.fault(pointer(path, f.name), "%v", err)
				continue
			}
		default:
			d.inner(member, pointer(path, f.name))
			continue
		}
		d.value(member, pointer(path, f.name), text, f)
	}
	for _, unknown := range sortedNames(members) {
		if like := Nearest(unknown, names); like != "" {
			d.fault(pointer(path, unknown), "is not known: did you mean %s?", like)
		} else {
			d.fault(pointer(path, unknown), "is not known: there are %s", strings.Join(names, ", "))
		}
	}
}

// inner gives an absent struct the defaults of its fields; what it requires is
// not missed unless the struct is there.
func (d *decoding) inner(v reflect.Value, path string) {
	if v.Kind() != reflect.Struct {
		return
	}
	quiet := decoding{}
	quiet.object(v, path, []byte("{}"))
}

func because(doc string) string {
	if doc == "" {
		return ""
	}
	return ": " + doc
}

// pointer adds one step to a JSON Pointer (RFC 6901, section 3).
func pointer(path, name string) string {
	return path + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, not negative"
	case reflect.Interface:
		return "a value"
	}
	return "a whole number"
}

// found tells the kind of a JSON text. Its value may be secret.
func found(text json.RawMessage) string {
	switch text = bytes.TrimSpace(text); {
	case len(text) == 0:
		return "nothing"
	case text[0] == '{':
		return "a table"
	case text[0] == '[':
		return "a list"
	case text[0] == '"':
		return "a string"
	case text[0] == 't', text[0] == 'f':
		return "true or false"
	case text[0] == 'n':
		return "null"
	}
	return "such a number"
}
