package config

import (
	"cmp"
	"encoding"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// decode fills the struct that target points to, which has its defaults
// already, from a table.
func (r *report) decode(target any, table map[string]any) {
	r.table(reflect.ValueOf(target).Elem(), table, "")
}

// table decodes key by key. What a key lacks keeps its default.
func (r *report) table(v reflect.Value, table map[string]any, path string) {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		field, found := fieldFor(v.Type(), key, table[key])
		if !found {
			r.hint(join(path, key), cmp.Or(misplaced(v.Type(), key), didYouMean(key, keysOf(v.Type()))), "unknown key")
			continue
		}
		r.value(v.FieldByIndex(field.Index), table[key], join(path, key), field.Tag)
	}
	for _, field := range fields(v.Type()) {
		key := field.Tag.Get("toml")
		if _, found := table[key]; !found && field.Tag.Get("required") == "true" {
			r.bad(join(path, key), "is required")
		}
	}
}

// misplaced gives the hint for a key of one of the tables below.
func misplaced(t reflect.Type, key string) string {
	for _, field := range fields(t) {
		if name := field.Tag.Get("toml"); field.Type.Kind() == reflect.Struct && !isText(field.Type) && slices.Contains(keysOf(field.Type), key) {
			return fmt.Sprintf("it belongs into %s: %s = { %s = .. }", name, name, key)
		}
	}
	return ""
}

// value decodes one value into v, whose field has tag.
func (r *report) value(v reflect.Value, raw any, path string, tag reflect.StructTag) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		text, ok := raw.(string)
		if !ok {
			r.bad(path, "must be a string%s, not %s", suchAs(tag), kindOf(raw))
		} else if err := u.UnmarshalText([]byte(text)); err != nil {
			r.bad(path, "%v", err)
		} else {
			r.bounds(v, path, tag)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.value(v.Elem(), raw, path, tag)
	case reflect.Struct:
		table, ok := raw.(map[string]any)
		if !ok {
			r.bad(path, "must be a table, not %s", kindOf(raw))
			return
		}
		setDefaults(v)
		r.table(v, table, path)
	case reflect.Slice:
		r.array(v, raw, path)
	case reflect.Map:
		r.entries(v, raw, path)
	case reflect.Interface:
		r.free(raw, path)
		v.Set(reflect.ValueOf(raw))
	case reflect.String:
		text, ok := raw.(string)
		if !ok {
			r.bad(path, "must be a string, not %s", kindOf(raw))
			return
		}
		v.SetString(text)
		r.enum(text, path, tag)
	case reflect.Bool:
		b, ok := raw.(bool)
		if !ok {
			r.bad(path, "must be true or false, not %s", kindOf(raw))
			return
		}
		v.SetBool(b)
	case reflect.Int:
		n, ok := raw.(int64)
		if !ok || n < math.MinInt || n > math.MaxInt {
			r.bad(path, "must be a whole number, not %s", kindOf(raw))
			return
		}
		v.SetInt(n)
		r.bounds(v, path, tag)
	default:
		panic("config: no TOML for a field of type " + v.Type().String())
	}
}

func (r *report) array(v reflect.Value, raw any, path string) {
	array, ok := raw.([]any)
	if !ok && v.Type().Elem().Kind() == reflect.Struct && !isText(v.Type().Elem()) {
		r.bad(path, "must be an array of tables, each with the header [[%s]], not %s", path, kindOf(raw))
		return
	}
	if !ok {
		r.bad(path, "must be an array, not %s", kindOf(raw))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(array), len(array)))
	for i := range array {
		r.value(v.Index(i), array[i], item(path, i), "")
	}
}

// entries fills a map by string from a table whose keys are anybody's.
func (r *report) entries(v reflect.Value, raw any, path string) {
	table, ok := raw.(map[string]any)
	if !ok {
		r.bad(path, "must be a table, not %s", kindOf(raw))
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(table)))
	for _, key := range slices.Sorted(maps.Keys(table)) {
		value := reflect.New(v.Type().Elem()).Elem()
		r.value(value, table[key], join(path, key), "")
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
}

// free refuses what JSON has no form for: a plugin is given JSON.
func (r *report) free(raw any, path string) {
	switch x := raw.(type) {
	case string, bool, int64:
	case float64:
		if math.IsInf(x, 0) || math.IsNaN(x) {
			r.bad(path, "must be a finite number")
		}
	case []any:
		for i := range x {
			r.free(x[i], item(path, i))
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(x)) {
			r.free(x[key], join(path, key))
		}
	default:
		r.hint(path, "write it as a string", "is %s, and plugins are given JSON, which has none", kindOf(raw))
	}
}

func (r *report) enum(text, path string, tag reflect.StructTag) {
	list, found := tag.Lookup("enum")
	if values := strings.Split(list, ","); found && !slices.Contains(values, text) {
		r.hint(path, didYouMean(text, values), "%q must be one of %s", text, strings.Join(values, ", "))
	}
}

// bounds checks a number, size or duration against the tags min and max.
func (r *report) bounds(v reflect.Value, path string, tag reflect.StructTag) {
	for _, bound := range []struct {
		tag   string
		wrong int
		text  string
	}{{"min", -1, "at least"}, {"max", +1, "at most"}} {
		text, found := tag.Lookup(bound.tag)
		if !found {
			continue
		}
		limit := reflect.New(v.Type()).Elem()
		if err := setText(limit, text); err != nil {
			panic(fmt.Sprintf("config: %s of %s: %v", bound.tag, path, err))
		}
		if compare(v, limit) == bound.wrong {
			r.bad(path, "%v must be %s %s", v.Interface(), bound.text, text)
		}
	}
}

func compare(a, b reflect.Value) int {
	if a.CanFloat() {
		return cmp.Compare(a.Float(), b.Float())
	}
	return cmp.Compare(a.Int(), b.Int())
}

func suchAs(tag reflect.StructTag) string {
	if text := tag.Get("default"); text != "" {
		return fmt.Sprintf(" such as %q", text)
	}
	return ""
}

// kindOf names the TOML type of a decoded value.
func kindOf(raw any) string {
	switch raw.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case map[string]any:
		return "a table"
	case []any:
		return "an array"
	}
	return "a date or time"
}
