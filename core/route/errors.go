package route

import (
	"errors"
	"fmt"
)

// ErrNoRoute tells that no route is for the event.
var ErrNoRoute = errors.New("no route is for this event")

// CompileError is one fault of a rule or a channel, found by [New].
type CompileError struct {
	Key    string // where it stands: routes[3].when, channels[0].order_by
	Line   int    // inside the expression, from 1; 0 where there is none
	Column int    // in characters, from 1; 0 where there is none
	Err    error
}

// Error gives key, place and fault.
func (e *CompileError) Error() string {
	if e.Line == 0 {
		return e.Key + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s: line %d, column %d: %v", e.Key, e.Line, e.Column, e.Err)
}

// Unwrap gives Err.
func (e *CompileError) Unwrap() error { return e.Err }

// ConditionError tells that an expression failed on an event, which is then
// refused: a condition that cannot be answered selects nothing and excludes
// nothing. Err may quote the event's data.
type ConditionError struct {
	Key string // routes[3].when, channels[0].order_by
	Err error
}

// Error gives key and fault.
func (e *ConditionError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap gives Err.
func (e *ConditionError) Unwrap() error { return e.Err }

// SchemaError tells where an event's data breaks a route's schema. Text speaks
// of the schema and never quotes the data.
type SchemaError struct {
	Route   string
	Pointer string // RFC 6901, into the event: /data/amount
	Text    string
}

// Error gives route, place and fault.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("route %s: %s: %s", e.Route, e.Pointer, e.Text)
}
