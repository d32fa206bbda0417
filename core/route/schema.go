package route

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/headgate-io/headgate/sdk"
)

// dataPointer is where data stands in an event.
const dataPointer = "/data"

// schemaURL is the base that a schema's own references start from. Nothing is
// behind it.
const schemaURL = "schema:///"

// refuse is the loader of other documents: a schema is complete in itself.
type refuse struct{}

var errFetch = errors.New("a schema is never fetched: put it under $defs")

func (refuse) Load(string) (any, error) { return nil, errFetch }

// compileSchema reads one JSON Schema, of draft 2020-12 unless it says so.
func compileSchema(text []byte) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("schema is no JSON: %w", err)
	}
	if err := checkNumbers(document); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(refuse{})
	if err := c.AddResource(schemaURL, document); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	schema, err := c.Compile(schemaURL)
	if err == nil {
		return schema, nil
	}
	var invalid *jsonschema.ValidationError
	if wrong, ok := err.(*jsonschema.SchemaValidationError); ok && errors.As(wrong.Err, &invalid) {
		faults := leaves(invalid, nil)
		slices.Sort(faults)
		return nil, fmt.Errorf("schema is no JSON Schema: %s", strings.Join(slices.Compact(faults), "; "))
	}
	return nil, fmt.Errorf("schema: %w", err)
}

// leaves appends what is behind e to all, one line each.
func leaves(e *jsonschema.ValidationError, all []string) []string {
	if len(e.Causes) == 0 {
		return append(all, fmt.Sprintf("at %q: %s", pointer("", e.InstanceLocation), words(e)))
	}
	for _, cause := range e.Causes {
		all = leaves(cause, all)
	}
	return all
}

// Validate checks the data of e, which m was made for, against the schema of
// every matched route. Its error is a *SchemaError of the first route in file
// order that is not met.
func (t *Table) Validate(e *sdk.Event, m Match) error {
	v := m.view
	if v == nil {
		v = &view{event: e}
	}
	for _, r := range m.Routes {
		if r.schema == nil {
			continue
		}
		if !e.DataIsJSON {
			return &SchemaError{Route: r.Name, Pointer: dataPointer, Text: "event has no JSON data"}
		}
		data, err := v.data()
		if err != nil {
			return &SchemaError{Route: r.Name, Pointer: dataPointer, Text: err.Error()}
		}
		if err := r.schema.Validate(data); err != nil {
			return schemaError(r.Name, err)
		}
	}
	return nil
}

func schemaError(route string, err error) *SchemaError {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return &SchemaError{Route: route, Pointer: dataPointer, Text: "schema cannot be applied"}
	}
	first := firstFault(invalid)
	first.Route = route
	return first
}

// firstFault is the one with the least pointer, so that an event gives the
// same answer each time; objects are walked in no order. An alternative that
// was not met counts as one fault, for nobody knows which branch was meant.
func firstFault(e *jsonschema.ValidationError) *SchemaError {
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.PropertyNames, *kind.Contains:
	default:
		var first *SchemaError
		for _, cause := range e.Causes {
			f := firstFault(cause)
			if first == nil || f.Pointer < first.Pointer || f.Pointer == first.Pointer && f.Text < first.Text {
				first = f
			}
		}
		if first != nil {
			return first
		}
	}
	return &SchemaError{Pointer: pointer(dataPointer, e.InstanceLocation), Text: describe(e)}
}

// pointer writes RFC 6901, from base on.
func pointer(base string, tokens []string) string {
	var b strings.Builder
	b.WriteString(base)
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for _, token := range tokens {
		b.WriteByte('/')
		b.WriteString(escape.Replace(token))
	}
	return b.String()
}

// describe says what the schema wants. The validator's own words are used for
// those faults where they come from the schema and from counting alone.
func describe(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Type, *kind.Enum, *kind.Const, *kind.Required, *kind.Dependency, *kind.DependentRequired,
		*kind.MinProperties, *kind.MaxProperties, *kind.MinItems, *kind.MaxItems, *kind.AdditionalItems,
		*kind.MinLength, *kind.MaxLength, *kind.UniqueItems:
		return words(e)
	case *kind.Minimum:
		return "must be at least " + decimal(k.Want)
	case *kind.Maximum:
		return "must be at most " + decimal(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + decimal(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + decimal(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + decimal(k.Want)
	case *kind.Pattern:
		return "must match " + strconv.Quote(k.Want)
	case *kind.Format:
		return "must be a valid " + k.Want
	case *kind.FalseSchema:
		return "is not allowed"
	}
	if path := e.ErrorKind.KeywordPath(); len(path) > 0 {
		return "does not meet " + path[0]
	}
	return "does not meet the schema"
}

// words are the validator's own.
func words(e *jsonschema.ValidationError) string {
	leaf := *e
	leaf.Causes = nil
	return leaf.BasicOutput().Error.String()
}

func decimal(r *big.Rat) string {
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}
