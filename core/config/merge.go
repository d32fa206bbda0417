package config

import (
	"maps"
	"slices"
)

// merge lays the table src over dst, and the places of src over those of dst.
// Tables merge key by key, arrays of named tables name by name, everything
// else is replaced.
func merge(dst, src map[string]any, at, from *spot) {
	for _, key := range slices.Sorted(maps.Keys(src)) {
		name := step(key)
		switch value := src[key].(type) {
		case map[string]any:
			if old, ok := dst[key].(map[string]any); ok {
				merge(old, value, at.in[name], from.in[name])
				continue
			}
		case []any:
			if old, ok := dst[key].([]any); ok && named(old) && named(value) {
				dst[key] = mergeNamed(old, value, at.in[name], from.in[name])
				continue
			}
		}
		dst[key] = src[key]
		at.add(name, Position{})
		at.in[name] = from.in[name]
	}
}

// mergeNamed merges each table of src with the one of that name in dst, or
// appends it. Names that src has twice stay twice: checking says so.
func mergeNamed(dst, src []any, at, from *spot) []any {
	before := dst
	for i := range src {
		table, place := src[i].(map[string]any), from.in[item("", i)]
		same := func(old any) bool { return nameOf(old) == nameOf(table) }
		if j := slices.IndexFunc(before, same); j >= 0 {
			merge(before[j].(map[string]any), table, at.in[item("", j)], place)
			continue
		}
		name := item("", len(dst))
		at.add(name, Position{})
		at.in[name] = place
		dst = append(dst, table)
	}
	return dst
}

// named tells an array of tables that all have a name, or an id as keys do.
func named(array []any) bool {
	return !slices.ContainsFunc(array, func(v any) bool { return nameOf(v) == "" })
}

func nameOf(v any) string {
	table, _ := v.(map[string]any)
	if name, ok := table["name"].(string); ok {
		return name
	}
	id, _ := table["id"].(string)
	return id
}
