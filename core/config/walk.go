package config

import (
	"reflect"
	"strings"
)

// part is a key that has a value, or a table that could be absent: an optional
// one, or an element of an array. The zero part is one that is absent.
type part struct {
	key   string // as in channels[0].prefetch
	name  string // as in channels.commands.prefetch; as key where a table has no name
	field string // as in Channel.prefetch; of what stands in a table whose keys are anybody's, that of the table
	table bool
	value reflect.Value
	of    reflect.Value // the struct that it stands in
	in    *part         // what leads to it; not told itself where it cannot be absent
	cfg   *Config
}

func (p part) there() bool { return p.value.IsValid() }

// parts lists what c has, in the order of [Config], each table before what
// stands in it. Keys that do not apply to the class of their table are left out.
func (c *Config) parts() []part {
	return partsOf(reflect.ValueOf(c).Elem(), part{cfg: c})
}

func partsOf(table reflect.Value, in part) []part {
	var w walk
	w.table(table, &in)
	return w.parts
}

type walk struct{ parts []part }

func (w *walk) table(table reflect.Value, in *part) {
	for _, field := range fields(table.Type()) {
		if class := field.Tag.Get("class"); class != "" && class != table.Addr().Interface().(classed).class() {
			continue
		}
		key := field.Tag.Get("toml")
		p := part{key: join(in.key, key), name: join(in.name, key), field: fieldName(table.Type(), field),
			value: table.FieldByIndex(field.Index), of: table, in: in, cfg: in.cfg}
		t := field.Type
		switch {
		case t.Kind() == reflect.Pointer:
			if !p.value.IsNil() {
				w.optional(p, p.value.Elem())
			}
		case t.Kind() == reflect.Struct && !isText(t):
			w.table(p.value, &p)
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && !isText(t.Elem()):
			for i := range p.value.Len() {
				element := p
				element.key, element.name = item(p.key, i), item(p.name, i)
				if name := nameIn(p.value.Index(i)); name != "" {
					element.name = join(p.name, name)
				}
				w.optional(element, p.value.Index(i))
			}
		case t.Kind() == reflect.Map:
			w.entries(p)
		case !p.value.IsZero() || field.Tag.Get("default") != "":
			w.parts = append(w.parts, p)
		}
	}
}

// optional tells a table that could be absent, and what stands in it.
func (w *walk) optional(p part, table reflect.Value) {
	p.table, p.value = true, table
	w.parts = append(w.parts, p)
	w.table(table, &p)
}

// entries tells what stands in a table whose keys are anybody's.
func (w *walk) entries(table part) {
	for _, name := range namesIn(table.value) {
		p := table
		p.key, p.name, p.in = join(table.key, name.String()), join(table.name, name.String()), &table
		if p.value = table.value.MapIndex(name); p.value.Kind() == reflect.Interface {
			p.value = p.value.Elem()
		}
		if p.value.Kind() == reflect.Map {
			w.entries(p)
			continue
		}
		w.parts = append(w.parts, p)
	}
}

// fieldName names a field by the type that declares it, which may be one that is
// embedded in t.
func fieldName(t reflect.Type, field reflect.StructField) string {
	for _, i := range field.Index[:len(field.Index)-1] {
		t = t.Field(i).Type
	}
	return t.Name() + "." + field.Tag.Get("toml")
}

// nameIn is the name of a table of an array, or its id; empty for one without.
func nameIn(table reflect.Value) string {
	for _, key := range []string{"name", "id"} {
		if field, has := fieldOf(table.Type(), key); has {
			return table.FieldByIndex(field.Index).String()
		}
	}
	return ""
}

// text writes a key's value as TOML does. A table is written as its name, or
// where it has none with all that stands in it.
func (p part) text() string {
	switch {
	case !p.there():
		return ""
	case !p.table:
		return literal(p.value)
	}
	if name := nameIn(p.value); name != "" {
		return literal(reflect.ValueOf(name))
	}
	var inner []string
	for _, key := range partsOf(p.value, part{cfg: p.cfg}) {
		inner = append(inner, key.key+" = "+key.text())
	}
	return "{" + strings.Join(inner, ", ") + "}"
}
