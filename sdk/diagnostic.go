package sdk

import (
	"errors"
	"strings"
)

// Diagnostic is one fault of a configuration.
type Diagnostic struct {
	Path string // JSON Pointer (RFC 6901) into the configuration; empty for the whole
	Text string // what is wrong and what to do; never a value that may be secret
}

// Diagnostics are all faults of a configuration. It is the error that a plugin
// refuses one with; it crosses the process border whole.
type Diagnostics []Diagnostic

// Error gives a line for each fault.
func (d Diagnostics) Error() string {
	lines := make([]string, len(d))
	for i, x := range d {
		lines[i] = strings.TrimPrefix(x.Path+": "+x.Text, ": ")
	}
	return strings.Join(lines, "\n")
}

// diagnosed makes any error Diagnostics.
func diagnosed(err error) error {
	if _, ok := errors.AsType[Diagnostics](err); ok {
		return err
	}
	return Diagnostics{{Text: err.Error()}}
}
