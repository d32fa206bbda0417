package config

import "reflect"

// Undecided lists the keys that have no decision, and the decisions that are of
// no key.
func Undecided() (keys, decided []string) {
	known := make(map[string]bool)
	var visit func(reflect.Type)
	visit = func(t reflect.Type) {
		for _, field := range fields(t) {
			name, of := fieldName(t, field), field.Type
			if of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
				of = of.Elem()
			}
			table := of.Kind() == reflect.Struct && !isText(of)
			if _, is := decisions[name]; !is && !(table && field.Type.Kind() == reflect.Struct) {
				keys = append(keys, name)
			}
			known[name] = true
			if table {
				visit(of)
			}
		}
	}
	visit(reflect.TypeFor[Config]())
	for d := range decisions {
		if !known[d] {
			decided = append(decided, d)
		}
	}
	return keys, decided
}

// Covers tells whether a list of globs of types may have b beside a and let no
// more in.
func Covers(a, b string) bool { return types(a, b) }
