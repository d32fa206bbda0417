package sdktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/headgate-io/headgate/sdk"
)

// schema is a kind's configuration as it describes it.
type schema struct {
	text     []byte
	compiled *jsonschema.Schema
	outline
}

// outline is the part of a schema that faulty configurations are derived from.
type outline struct {
	Type       any                        `json:"type"`
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
	Additional any                        `json:"additionalProperties"`
}

// property is the part of a member's schema that is looked at.
type property struct {
	Type    any             `json:"type"` // a name or a list of names
	Default json.RawMessage `json:"default"`
	Secret  bool            `json:"x-headgate-secret"`
}

// schemaURL is the base of a schema's own references. Nothing is behind it.
const schemaURL = "schema:///"

// refuse is the loader of other documents: a schema is complete in itself.
type refuse struct{}

func (refuse) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is never fetched: put it under $defs", url)
}

// readSchema compiles a schema as JSON Schema 2020-12.
func readSchema(text []byte) (*schema, error) {
	compiled, err := compile(text, schemaURL)
	if err != nil {
		return nil, err
	}
	s := &schema{text: text, compiled: compiled}
	if err := json.Unmarshal(text, &s.outline); err != nil {
		return nil, fmt.Errorf("schema is no JSON object: %w", err)
	}
	if s.Type != "object" {
		return nil, errors.New(`schema describes no object: a configuration is a table, so its "type" is "object"`)
	}
	return s, nil
}

func compile(text []byte, location string) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("schema is no JSON: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(refuse{})
	if err := c.AddResource(schemaURL, document); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	compiled, err := c.Compile(location)
	if err != nil {
		return nil, fmt.Errorf("schema is no JSON Schema 2020-12: %w", err)
	}
	if d := compiled.DraftVersion; d != 2020 {
		return nil, fmt.Errorf("schema is of another draft, %d: want %s", d, sdk.SchemaDialect)
	}
	return compiled, nil
}

// takes errs when a configuration does not fit the schema.
func (s *schema) takes(config string) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(config))
	if err != nil {
		return fmt.Errorf("configuration is no JSON: %w", err)
	}
	return s.compiled.Validate(value)
}

// defaultFault finds a default that does not fit its own member's schema.
func (s *schema) defaultFault() error {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.property(name)
		if p.Default == nil {
			continue
		}
		compiled, err := compile(s.text, schemaURL+"#/properties/"+escaped(name))
		if err != nil {
			return err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(p.Default))
		if err != nil {
			return fmt.Errorf("default of %s is no JSON: %w", name, err)
		}
		if err := compiled.Validate(value); err != nil {
			return fmt.Errorf("default of %s does not fit its own schema: %w", name, err)
		}
		if p.Secret {
			return fmt.Errorf("%s is a secret and has a default, which everybody can read", name)
		}
	}
	return nil
}

// property reads one member's schema. One that is a boolean, which a schema may
// be, says nothing.
func (s *schema) property(name string) property {
	var p property
	_ = json.Unmarshal(s.Properties[name], &p) // what was read until then counts
	return p
}

// fault is a configuration with one fault, and where that is.
type fault struct {
	path   string // JSON Pointer
	member string // the member at fault
	config string
}

// unknownMember is a name that no configuration has.
const unknownMember = "zz-headgate-unknown"

// unknown is config with a member that the schema does not have; none where the
// schema allows any.
func (s *schema) unknown(config string) []fault {
	if s.Additional != false {
		return nil
	}
	return []fault{{"/" + unknownMember, unknownMember, changed(config, unknownMember, `1`)}}
}

// mistyped gives config once for each member whose type the schema says, with a
// value of another type.
func (s *schema) mistyped(config string) []fault {
	var list []fault
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		types, ok := s.property(name).types()
		if !ok {
			continue
		}
		wrong := `{"` + unknownMember + `":[]}`
		if slices.Contains(types, "object") {
			wrong = `[[]]`
			if slices.Contains(types, "array") {
				continue // what is left to be wrong depends on its entries
			}
		}
		list = append(list, fault{"/" + escaped(name), name, changed(config, name, wrong)})
	}
	return list
}

// incomplete gives config once for each required member, without it.
func (s *schema) incomplete(config string) []fault {
	var list []fault
	for _, name := range s.Required {
		list = append(list, fault{"/" + escaped(name), name, changed(config, name, "")})
	}
	return list
}

// secrets is config with every secret member set to value; ok when there is one.
func (s *schema) secrets(config, value string) (_ string, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if s.property(name).Secret {
			config, ok = changed(config, name, `"`+value+`"`), true
		}
	}
	return config, ok
}

// types are the names of the JSON types a member may have, if it says so.
func (p property) types() ([]string, bool) {
	switch t := p.Type.(type) {
	case string:
		return []string{t}, true
	case []any:
		var names []string
		for _, n := range t {
			if name, ok := n.(string); ok {
				names = append(names, name)
			}
		}
		return names, len(names) > 0
	}
	return nil, false
}

// changed sets one member of a JSON object to a JSON text, or takes it out where
// that is empty. config is known to be an object.
func changed(config, name, value string) string {
	members := make(map[string]json.RawMessage)
	_ = json.Unmarshal([]byte(config), &members) // the rule "schema" found it good
	if value == "" {
		delete(members, name)
	} else {
		members[name] = json.RawMessage(value)
	}
	text, _ := json.Marshal(members) // of valid texts it cannot fail
	return string(text)
}

// escaped is one step of a JSON Pointer (RFC 6901, section 3).
func escaped(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
