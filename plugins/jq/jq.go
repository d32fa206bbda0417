// Package jq is the transform that makes an event's data anew with a jq filter,
// as gojq (github.com/itchyny/gojq) runs it.
//
//	[[transforms]]
//	name = "order-total"
//	plugin = "jq"
//	config = { filter = "{id, total: ([.items[].price] | add)}", timeout = "1s", max_output = 1_048_576 }
//
// The filter's input is the event's data, null where it has none. $event holds
// the attributes: $event.type, $event.subject, and extensions by their names. It
// gives exactly one value, which becomes the data. A filter that gives none
// (empty, or a select that is not met) drops the event; one that gives several,
// fails, or was given data that is not JSON makes it a dead letter.
//
// The result is JSON: a content type that is absent or not JSON becomes
// application/json. Members are sorted by name. Numbers that the filter passes
// on keep their text, however long; integers it computes are exact, all else is
// a double, NaN becomes null and an infinity the greatest double. An event takes
// integers up to 2^53-1: the router refuses a result with a greater one, which a
// filter gives as text by tostring.
//
// A failure tells what did not fit and never a value, with one exception: the
// text of the filter's own error("...") is the reason.
//
// # Bounds
//
// A filter sees neither environment nor files, has no input and debug, and does
// nothing but compute. Each event has timeout for itself; one that takes longer
// comes again, for a busy machine takes longer too, until it is out of
// attempts. A result longer than max_output bytes, or nested deeper than an
// event may be, is a dead letter.
//
// Time is looked at between two steps of a filter; one step runs to its end. No
// bound but time is on memory: a filter that recurses or collects without end can
// take a gigabyte in a second. Filters are trusted, data is not: where a filter
// lets the data say how much is made, the plugin's process needs a memory limit,
// and the router's own deadline ends a step that does not. To know of:
//
//   - .[i] = x makes a list of up to 2^29 elements, 8 GiB; a string times a
//     number up to 2 GiB
//   - what doubles itself at each step, as reduce range(40) as $i (.; . + .),
//     or squares an integer, is out of memory before its time
//   - tojson, tostring, flatten and comparisons walk the whole of a value that
//     holds itself many times over
//   - regular expressions taken from data are kept for as long as the transform
package jq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/itchyny/gojq"

	"github.com/headgate-io/headgate/sdk"
)

const version = "0.1.0"

// Plugin brings the one transform, jq.
func Plugin() sdk.Plugin {
	return sdk.TransformFunc("jq", version, apply,
		sdk.Documented("Makes an event's data anew with a jq filter, or drops the event."),
		sdk.Needing(sdk.Needs{Data: true, Extensions: true}))
}

type config struct {
	Filter    string        `json:"filter" required:"true" min:"1" doc:"jq filter from the data to one value; $event holds the attributes"`
	Timeout   time.Duration `json:"timeout" default:"1s" doc:"longest time for one event"`
	MaxOutput int           `json:"max_output" default:"1048576" min:"1" doc:"longest result, in bytes of JSON"`

	code *gojq.Code
}

// eventVariable is the name by which a filter finds the attributes.
const eventVariable = "$event"

// Validate compiles the filter.
func (c *config) Validate() error {
	var faults sdk.Diagnostics
	if c.Timeout <= 0 {
		faults = append(faults, sdk.Diagnostic{Path: "/timeout", Text: `want more than no time, such as "1s"`})
	}
	var err error
	if c.code, err = compile(c.Filter); err != nil {
		faults = append(faults, sdk.Diagnostic{Path: "/filter", Text: err.Error()})
	}
	if faults != nil {
		return faults
	}
	return nil
}

// compile gives a filter nothing from outside: neither module loader, nor
// environment, nor further inputs.
func compile(filter string) (*gojq.Code, error) {
	query, err := gojq.Parse(filter)
	if at, ok := errors.AsType[*gojq.ParseError](err); ok {
		return nil, fmt.Errorf("is no jq filter up to byte %d: %w", at.Offset, err)
	}
	if err != nil {
		return nil, fmt.Errorf("is no jq filter: %w", err)
	}
	code, err := gojq.Compile(query, gojq.WithVariables([]string{eventVariable}))
	if err != nil {
		return nil, fmt.Errorf("is no jq filter that runs here: %w", err)
	}
	return code, nil
}

func apply(ctx context.Context, c config, e *sdk.Event) error {
	data, err := input(e)
	if err != nil {
		return sdk.Permanent(err)
	}
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	result, err := one(c.code.RunWithContext(limited, data, attributes(e)))
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("filter was stopped: %w", ctx.Err())
	case limited.Err() != nil:
		return fmt.Errorf("filter took longer than %s", c.Timeout)
	case err != nil:
		return err
	}
	if e.Data, err = encode(result, c.MaxOutput); err != nil {
		return sdk.Permanent(err)
	}
	e.DataIsJSON = true
	if !isJSON(e.DataContentType) {
		e.DataContentType = "application/json"
	}
	return nil
}

var errSeveral = errors.New("filter gave more than one value: put it in [ ] or take the first(...)")

// one runs a filter to its only value.
func one(values gojq.Iter) (any, error) {
	result, ok := values.Next()
	if !ok {
		return nil, sdk.Dropped("filter gave no value")
	}
	if err, ok := result.(error); ok {
		return nil, sdk.Permanent(fault(err))
	}
	more, ok := values.Next()
	switch err, failed := more.(error); {
	case failed:
		return nil, sdk.Permanent(fault(err))
	case ok:
		return nil, sdk.Permanent(errSeveral)
	}
	return result, nil
}
