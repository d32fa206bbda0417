package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// overridable lists the sections whose scalars variables and flags may set.
// Nothing in them weakens security.
var overridable = []string{"data", "admin", "log", "limits"}

const envPrefix = "HEADGATE_"

// overrides gives the tables that variables and flags set, flags over
// variables, with the name of each as its place.
func (l *loader) overrides() (map[string]any, *spot) {
	values, places := map[string]any{}, &spot{}
	set := func(section, key, text, from string) {
		at := places.add(section, Position{File: from}).add(key, Position{File: from})
		at.Position = Position{File: from}
		value, problem := override(section, key, text)
		if problem != nil {
			problem.File = from
			l.problems = append(l.problems, *problem)
			return
		}
		table, _ := values[section].(map[string]any)
		if table == nil {
			table = map[string]any{}
			values[section] = table
		}
		table[key] = value
	}
	for _, pair := range slices.Sorted(slices.Values(l.opts.Env)) {
		name, text, _ := strings.Cut(pair, "=")
		if short, ok := strings.CutPrefix(name, envPrefix); ok {
			if section, key, ok := strings.Cut(short, "__"); ok {
				set(strings.ToLower(section), strings.ToLower(key), text, "env "+name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.opts.Set)) {
		section, key, _ := strings.Cut(name, ".")
		set(section, key, l.opts.Set[name], "flag "+name)
	}
	return values, places
}

// override gives a text the type that its key has in TOML.
func override(section, key, text string) (any, *Problem) {
	problem := &Problem{Key: join(section, key)}
	if !slices.Contains(overridable, section) {
		problem.Text = "variables and flags set keys of [data], [admin], [log] and [limits] only"
		problem.Hint = "put it in the file"
		return nil, problem
	}
	table, _ := fieldOf(reflect.TypeFor[Config](), section)
	field, found := fieldOf(table.Type, key)
	if !found {
		problem.Text, problem.Hint = "unknown key", didYouMean(key, keysOf(table.Type))
		return nil, problem
	}
	value := reflect.New(field.Type).Elem()
	if err := setText(value, text); err != nil {
		problem.Text = err.Error()
		return nil, problem
	}
	switch {
	case isText(field.Type) || value.Kind() == reflect.String:
		return text, nil
	case value.Kind() == reflect.Int:
		return value.Int(), nil
	}
	return value.Interface(), nil
}
