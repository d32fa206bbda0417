// Package jsonschema is the transform that lets an event go on only if its data
// meets a JSON Schema. It changes nothing.
//
//	[[transforms]]
//	name = "orders-only"
//	plugin = "jsonschema"
//	[transforms.config]
//	on = "fail"
//	[transforms.config.schema]
//	type = "object"
//	required = ["id"]
//	[transforms.config.schema.properties.id]
//	type = "string"
//
// The schema is a table, or in schema_text a JSON text; of draft 2020-12 unless
// its $schema names another from draft 4 on. It is complete in itself: nothing
// is ever fetched, so what a $ref names stands under $defs. Patterns are Go's
// regular expressions, linear in time; format is not asserted. Schemas are
// trusted: one that refers to itself from several alternatives takes time that
// doubles with each level of the data.
//
// An event that does not meet it, or whose data is not JSON or absent, becomes a
// dead letter (on = "fail") or is dropped ("drop"). The reason names one place
// as a JSON Pointer that starts at the event, the first in order, and what was
// wanted there; never the value that was found.
package jsonschema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/headgate-io/headgate/sdk"
)

const version = "0.1.0"

// Plugin brings the one transform, jsonschema.
func Plugin() sdk.Plugin {
	return sdk.TransformFunc("jsonschema", version, apply,
		sdk.Documented("Lets an event go on only if its data meets a JSON Schema."),
		sdk.Needing(sdk.Needs{Data: true}))
}

type config struct {
	Schema     json.RawMessage `json:"schema" doc:"JSON Schema of the data"`
	SchemaText string          `json:"schema_text" doc:"JSON Schema of the data, as JSON text instead of a table"`
	On         string          `json:"on" default:"fail" enum:"fail,drop" doc:"what becomes of an event that does not meet the schema"`

	schema *jsonschema.Schema
}

// Validate compiles the schema.
func (c *config) Validate() error {
	text, path := []byte(c.Schema), "/schema"
	switch {
	case c.SchemaText == "" && c.Schema == nil:
		return sdk.Diagnostics{{Path: path, Text: "is required: a JSON Schema as a table, or as JSON text in schema_text"}}
	case c.SchemaText != "" && c.Schema != nil:
		return sdk.Diagnostics{{Path: "/schema_text", Text: "stands beside schema: keep one of them"}}
	case c.SchemaText != "":
		text, path = []byte(c.SchemaText), "/schema_text"
	}
	var faults sdk.Diagnostics
	if c.schema, faults = compile(text, path); faults != nil {
		return faults
	}
	return nil
}

func apply(_ context.Context, c config, e *sdk.Event) error {
	err := c.check(e)
	if err == nil {
		return nil
	}
	if c.On == "drop" {
		return sdk.Dropped(err.Error())
	}
	return sdk.Permanent(err)
}

var (
	errAbsent  = errors.New("event has no data, so it does not meet the schema")
	errNotJSON = errors.New("data is not JSON, so it does not meet the schema")
)

func (c *config) check(e *sdk.Event) error {
	if e.Data == nil {
		return errAbsent
	}
	if !e.DataIsJSON {
		return errNotJSON
	}
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data))
	if err != nil { // it may quote the data
		return errNotJSON
	}
	if err := checkNumbers(data); err != nil {
		return fmt.Errorf("data does not meet the schema: %w", err)
	}
	if err := c.schema.Validate(data); err != nil {
		return unmet(err)
	}
	return nil
}
