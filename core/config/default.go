package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
)

// Default gives the configuration of an empty file: every field with a
// `default` tag has that value.
func Default() Config {
	var c Config
	setDefaults(reflect.ValueOf(&c).Elem())
	return c
}

// setDefaults fills the struct v, and the structs in it, from their tags. A
// pointer or slice stays nil: its elements get theirs when they are decoded.
// It panics on a tag that its own type cannot read.
func setDefaults(v reflect.Value) {
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag
		if !field.CanSet() {
			continue
		}
		text, found := tag.Lookup("default")
		switch {
		case found:
			if err := setText(field, text); err != nil {
				panic(fmt.Sprintf("config: default of %s.%s: %v", v.Type(), v.Type().Field(i).Name, err))
			}
		case field.Kind() == reflect.Struct:
			setDefaults(field)
		}
	}
}

// setText sets a scalar from its text: that of a tag, a variable or a flag.
func setText(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		v.SetInt(int64(n))
	default:
		return fmt.Errorf("a %s cannot be written as one text", v.Kind())
	}
	return nil
}
