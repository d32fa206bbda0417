package sdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is one member of a configuration, as its Go field and tags say.
type field struct {
	name     string
	index    []int  // through the structs that embed it: reflect.Value.FieldByIndex
	path     string // the same by Go's names
	doc      string
	fallback string // text of the default; used when has
	has      bool
	required bool
	secret   bool
	enum     []string
	min, max *float64 // of a number; of a string's or list's length
}

var durationType = reflect.TypeFor[time.Duration]()
var rawType = reflect.TypeFor[json.RawMessage]()

// fields reads the tags of a configuration's struct:
//
//	json:"name"        as encoding/json; "-" leaves the field out
//	doc:"..."          one sentence
//	required:"true"    must be there
//	default:"..."      value when absent: text of a string, number, bool or duration, else JSON
//	enum:"a,b"         the only values of a string
//	min:"1" max:"9"    of a number, or of the length of a string or list
//	secret:"true"      a string that is written as file:PATH or env:NAME, and never shown
//
// The fields of an embedded struct stand among the others, as with encoding/json,
// but hide none and are hidden by none: no two have the same name.
func fields(t reflect.Type) ([]field, error) {
	var list []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		if f.Anonymous {
			embedded, err := promoted(t, f)
			if err != nil {
				return nil, err
			}
			list = append(list, embedded...)
			continue
		}
		if options != "" && options != "omitempty" && options != "omitzero" {
			return nil, fmt.Errorf("field %s of %s: no json options but omitempty and omitzero are supported", f.Name, t)
		}
		x := field{name: name, index: f.Index, path: f.Name, doc: f.Tag.Get("doc"), required: f.Tag.Get("required") == "true", secret: f.Tag.Get("secret") == "true"}
		if name == "" {
			x.name = f.Name
		}
		x.fallback, x.has = f.Tag.Lookup("default")
		if enum, ok := f.Tag.Lookup("enum"); ok {
			x.enum = strings.Split(enum, ",")
		}
		for tag, to := range map[string]**float64{"min": &x.min, "max": &x.max} {
			if text, ok := f.Tag.Lookup(tag); ok {
				n, err := strconv.ParseFloat(text, 64)
				if err != nil {
					return nil, fmt.Errorf("field %s of %s: tag %s: %w", f.Name, t, tag, err)
				}
				*to = &n
			}
		}
		if (x.secret || x.enum != nil) && f.Type.Kind() != reflect.String {
			return nil, fmt.Errorf("field %s of %s: only a string can be secret or have an enum", f.Name, t)
		}
		if x.required && x.has {
			return nil, fmt.Errorf("field %s of %s is required, so its default is never used", f.Name, t)
		}
		list = append(list, x)
	}
	seen := make(map[string]string, len(list))
	for _, f := range list {
		if other, taken := seen[f.name]; taken {
			return nil, fmt.Errorf("fields %s and %s of %s have the same name %q: give each its own", other, f.path, t, f.name)
		}
		seen[f.name] = f.path
	}
	return list, nil
}

// promoted are the fields that t has by embedding the struct f.
func promoted(t reflect.Type, f reflect.StructField) ([]field, error) {
	if f.Type.Kind() != reflect.Struct || f.Tag != "" {
		return nil, fmt.Errorf("field %s of %s: what is embedded is a struct, neither a pointer to one nor anything else, and has no tags", f.Name, t)
	}
	list, err := fields(f.Type)
	for i := range list {
		list[i].index = append(slices.Clone(f.Index), list[i].index...)
		list[i].path = f.Name + "." + list[i].path
	}
	return list, err
}

// defaultJSON is a field's default as JSON.
func (f *field) defaultJSON(t reflect.Type) (json.RawMessage, error) {
	text := []byte(f.fallback)
	if t.Kind() == reflect.String || t == durationType {
		text, _ = json.Marshal(f.fallback) // a string always can be
	}
	if !json.Valid(text) {
		return nil, fmt.Errorf("field %s: default %q is no JSON", f.name, f.fallback)
	}
	return text, nil
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
