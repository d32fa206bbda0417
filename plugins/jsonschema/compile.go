package jsonschema

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/headgate-io/headgate/sdk"
)

// base is where a schema's own references start from. Nothing is behind it.
const base = "schema:///"

var errFetch = errors.New("a schema is never fetched: put it under $defs")

// refusing is the loader of other documents.
type refusing struct{}

func (refusing) Load(string) (any, error) { return nil, errFetch }

// compile reads the schema that stands at path in the configuration.
func compile(text []byte, path string) (*jsonschema.Schema, sdk.Diagnostics) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, sdk.Diagnostics{{Path: path, Text: fmt.Sprintf("is no JSON: %v", err)}}
	}
	if err := checkNumbers(document); err != nil {
		return nil, sdk.Diagnostics{{Path: path, Text: err.Error()}}
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(refusing{})
	if err := c.AddResource(base, document); err != nil {
		return nil, sdk.Diagnostics{{Path: path, Text: err.Error()}}
	}
	schema, err := c.Compile(base)
	if err == nil {
		return schema, nil
	}
	if wrong, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if invalid, ok := errors.AsType[*jsonschema.ValidationError](wrong.Err); ok {
			return nil, diagnose(invalid, path)
		}
	}
	return nil, sdk.Diagnostics{{Path: path, Text: err.Error()}}
}

// diagnose names each place at which a schema is none, once.
func diagnose(invalid *jsonschema.ValidationError, path string) sdk.Diagnostics {
	var faults sdk.Diagnostics
	var leaves func(e *jsonschema.ValidationError)
	leaves = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			faults = append(faults, sdk.Diagnostic{Path: pointer(path, e.InstanceLocation), Text: words(e)})
		}
		for _, cause := range e.Causes {
			leaves(cause)
		}
	}
	leaves(invalid)
	slices.SortFunc(faults, func(a, b sdk.Diagnostic) int {
		return strings.Compare(a.Path+"\x00"+a.Text, b.Path+"\x00"+b.Text)
	})
	return slices.Compact(faults)
}
