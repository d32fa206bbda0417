package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/headgate-io/headgate/sdk"
)

// Resolve gives the configuration as the plugin is to have it: JSON, with each
// secret in the place of its reference. Which fields are secret the plugin's own
// schema says, by sdk.SecretKeyword. There a reference has to stand and nothing
// else; everywhere else a text is itself. Files are read anew each time. It is
// safe for concurrent use.
//
// The error is [Problems], each with its place, and never holds a secret. A
// schema that marks a secret where Resolve does not look is refused.
func (p *Plugin) Resolve(schema json.RawMessage) (json.RawMessage, error) {
	c := p.from()
	r := report{spots: c.spots}
	key := join(p.key, "config")
	marks, err := secretsIn(schema)
	if err != nil {
		r.bad(key, "the schema of plugin %q cannot be used: %v", p.Name, err)
		return nil, r.err()
	}
	s := resolving{report: &r, c: c}
	table := s.table(p.Config, key, marks)
	if err := r.err(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(table)
	if err != nil {
		return nil, Problems{c.Problem(key, "cannot be written as JSON")} // err may quote a value
	}
	return text, nil
}

// from is the configuration that the plugin stands in.
func (p *Plugin) from() *Config {
	if p.of == nil {
		return &Config{env: func() []string { return nil }}
	}
	return p.of
}

// resolving copies a configuration, secrets in the place of references.
type resolving struct {
	*report
	c *Config
}

func (s *resolving) table(table map[string]any, path string, m *marks) map[string]any {
	out := make(map[string]any, len(table))
	for _, name := range slices.Sorted(maps.Keys(table)) {
		out[name] = s.value(table[name], join(path, name), m.member(name))
	}
	return out
}

func (s *resolving) value(v any, path string, m *marks) any {
	if m.secret() {
		return s.secret(v, path)
	}
	switch x := v.(type) {
	case map[string]any:
		return s.table(x, path, m)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = s.value(x[i], item(path, i), m.element())
		}
		return out
	}
	return v
}

// secret gives what a reference stands for. What stands there instead of one
// may be the secret itself, and is not shown.
func (s *resolving) secret(v any, path string) any {
	ref, ok := v.(string)
	if !ok || !isReference(ref) {
		s.hint(path, `write "file:PATH" or "env:NAME" of it`, "is a secret, which does not stand in this file itself")
		return nil
	}
	text, err := resolve(ref, s.c.Dir, s.c.env())
	switch {
	case err != nil:
	case text == "":
		err = fmt.Errorf("%s: it is empty", ref)
	case !utf8.ValidString(text):
		err = fmt.Errorf("%s: it is no UTF-8 text", ref)
	}
	if err != nil {
		s.bad(path, "%v", err)
		return nil
	}
	return text
}

// marks is the part of a JSON Schema that tells where secrets are. Nil marks
// nothing.
type marks struct {
	Secret  bool
	Members map[string]*marks
	Others  *marks // members that Members lacks
	Items   *marks
}

func (m *marks) secret() bool { return m != nil && m.Secret }

func (m *marks) element() *marks {
	if m == nil {
		return nil
	}
	return m.Items
}

func (m *marks) member(name string) *marks {
	if m == nil {
		return nil
	}
	if member, known := m.Members[name]; known {
		return member
	}
	return m.Others
}

// secretsIn reads the marks of a schema. Empty text is a schema that says
// nothing.
func secretsIn(schema json.RawMessage) (*marks, error) {
	if len(schema) == 0 {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal(schema, &v); err != nil {
		return nil, errors.New("it is not JSON")
	}
	return marksOf(v)
}

var errHiddenSecret = errors.New("it marks a secret elsewhere than in properties, items and additionalProperties, and only there they are looked for")

// marksOf walks one schema: an object, or a boolean, which marks nothing. A
// mark that the walk would miss would hand the plugin a reference for a secret,
// so it is an error.
func marksOf(v any) (*marks, error) {
	schema, ok := v.(map[string]any)
	if !ok {
		if mentions(v) {
			return nil, errHiddenSecret
		}
		return nil, nil
	}
	m, err := new(marks), error(nil)
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		of := schema[keyword]
		switch keyword {
		case sdk.SecretKeyword:
			if m.Secret, ok = of.(bool); !ok {
				err = fmt.Errorf("%s is neither true nor false", keyword)
			}
		case "properties":
			m.Members, err = membersOf(of)
		case "additionalProperties":
			m.Others, err = marksOf(of)
		case "items":
			m.Items, err = marksOf(of)
		default:
			if mentions(of) {
				err = errHiddenSecret
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

func membersOf(v any) (map[string]*marks, error) {
	properties, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("properties is not an object")
	}
	out := make(map[string]*marks, len(properties))
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		m, err := marksOf(properties[name])
		if err != nil {
			return nil, err
		}
		out[name] = m
	}
	return out, nil
}

// mentions reports whether the keyword stands anywhere in a value.
func mentions(v any) bool {
	switch x := v.(type) {
	case map[string]any:
		if _, found := x[sdk.SecretKeyword]; found {
			return true
		}
		for _, inner := range x {
			if mentions(inner) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(x, mentions)
	}
	return false
}
