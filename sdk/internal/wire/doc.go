// Package wire is the one pair of converters between package sdk's words and the
// messages of headgate.plugin.v1, errors included: errors.Is works across the
// process border.
//
// It is generous to nobody: what the other side must not send is an error that
// wraps [ErrBreach] and names the breach.
package wire
