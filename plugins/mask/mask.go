// Package mask is the transform that hides members of an event's data. It
// redacts: the original never travels beside the result.
//
//	[[transforms]]
//	name = "mask-card"
//	plugin = "mask"
//	config = { fields = ["/data/card/number", "/data/guests/[*]/email"], with = "***", keep_last = 4, missing = "ignore" }
//
// A field is a JSON Pointer (RFC 6901) that starts at the event and leads below
// its data. A step [*] stands for each element of a list and each member of an
// object. Names compare exactly: Number is not number.
//
// Whatever stands at a field, of any kind, becomes the string with. A string
// keeps its last keep_last characters (Unicode code points) behind it, unless
// it has fewer than twice as many: then it is hidden whole, as are numbers.
// Every other byte of the data stays as it is, number texts and member order
// included. Masking twice is masking once.
//
// Where a pointer leads nowhere, there is nothing to hide: missing = "ignore"
// lets the event go on, "fail" makes it a dead letter. An element without the
// member counts as missing, a list without elements does not.
//
// It fails closed: data that is not JSON text cannot be masked, and such an
// event is a dead letter.
package mask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/headgate-io/headgate/sdk"
)

const version = "0.1.0"

// Plugin brings the one transform, mask.
func Plugin() sdk.Plugin {
	return sdk.TransformFunc("mask", version, apply,
		sdk.Documented("Hides members of an event's data and keeps every other byte."),
		sdk.Needing(sdk.Needs{Data: true}),
		sdk.Redacting())
}

type config struct {
	Fields   []string `json:"fields" required:"true" min:"1" doc:"JSON Pointers below /data to mask; [*] for each element"`
	With     string   `json:"with" default:"***" min:"1" doc:"what stands in place of a value"`
	KeepLast int      `json:"keep_last" default:"0" min:"0" max:"16" doc:"how many characters at the end of a string stay"`
	Missing  string   `json:"missing" default:"ignore" enum:"ignore,fail" doc:"what becomes of an event that lacks a field"`

	paths []path
}

// Validate reads the fields.
func (c *config) Validate() error {
	var faults sdk.Diagnostics
	c.paths = make([]path, len(c.Fields))
	for i, f := range c.Fields {
		p, err := parsePath(f)
		if err != nil {
			faults = append(faults, sdk.Diagnostic{Path: fmt.Sprintf("/fields/%d", i), Text: err.Error()})
		}
		c.paths[i] = p
	}
	if faults != nil {
		return faults
	}
	return nil
}

var errNotJSON = errors.New("data is not JSON, so it cannot be masked")

func apply(_ context.Context, c config, e *sdk.Event) error {
	if e.Data == nil {
		return c.lacking(&c.paths[0])
	}
	// JSON is UTF-8 (RFC 8259, section 8.1). Other bytes in a name would be read
	// as another name by some.
	if !e.DataIsJSON || !json.Valid(e.Data) || !utf8.Valid(e.Data) {
		return sdk.Permanent(errNotJSON)
	}
	data, missing := splice(e.Data, c.paths, c.mask)
	if err := c.lacking(missing); err != nil {
		return err
	}
	e.Data = data
	return nil
}

// lacking judges an event without the field p, nil for one that has all.
func (c *config) lacking(p *path) error {
	if p == nil || c.Missing == "ignore" {
		return nil
	}
	return sdk.Permanent(fmt.Errorf("nothing to mask at %s", p.pointer))
}
