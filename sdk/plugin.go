package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
)

// Plugin is what a plugin brings: a library value. Package sdk/plugin serves
// it to a router from a process of its own.
type Plugin struct {
	Name       string // [a-z0-9-], 1 to 64 bytes
	Version    string // semantic version of the plugin itself
	Transforms []TransformKind
	Providers  []ProviderKind
}

// TransformKind is one kind of transform that a plugin offers. A router opens
// it once for each configuration.
type TransformKind struct {
	Name    string // unique among the plugin's kinds; by convention the plugin's own name
	Doc     string // one sentence
	Schema  json.RawMessage
	Needs   Needs
	Redacts bool // takes out what consumers must not see, so the original never travels beside its result
	// Open makes an instance with a configuration: a JSON object, checked against
	// nothing yet. It errs with Diagnostics for a fault of the configuration.
	Open func(ctx context.Context, config json.RawMessage) (Transform, error)
}

// ProviderKind is one kind of identity provider that a plugin offers.
type ProviderKind struct {
	Name   string
	Doc    string
	Schema json.RawMessage
	// Open makes an instance for one [[auth]]. It errs with Diagnostics for a
	// fault of the configuration.
	Open func(ctx context.Context, policy ProviderPolicy, config json.RawMessage) (Provider, error)
}

// Needs says which parts of an event are sent to a transform at all; id,
// source, type, subject, time, content type and schema always are.
type Needs struct {
	Data       bool
	Extensions bool
	Principal  bool
}

// Everything but the principal is what a transform needs unless it says less.
var everything = Needs{Data: true, Extensions: true}

// ErrUnavailable is wrapped by the error of a transform that cannot work now and
// will later: nothing is wrong with the events, and they wait.
var ErrUnavailable = errors.New("plugin unavailable")

// version is one that fits into every delivery's header and any log.
var version = regexp.MustCompile(`^[!-~]{1,64}$`)

var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

// Check finds what no router would take: a bad or doubled name, a kind without
// Open, a schema that is no JSON.
func (p *Plugin) Check() error {
	if !name.MatchString(p.Name) {
		return fmt.Errorf("plugin name %q: want 1 to 64 of a-z, 0-9 and inner hyphens", p.Name)
	}
	if !version.MatchString(p.Version) {
		return fmt.Errorf("plugin %s: version %.80q: want 1 to 64 visible ASCII characters", p.Name, p.Version)
	}
	if len(p.Transforms)+len(p.Providers) == 0 {
		return fmt.Errorf("plugin %s offers neither a transform nor a provider", p.Name)
	}
	seen := make(map[string]bool)
	kind := func(what, n string, schema json.RawMessage, opens bool) error {
		switch {
		case !name.MatchString(n):
			return fmt.Errorf("plugin %s: %s name %q: want 1 to 64 of a-z, 0-9 and inner hyphens", p.Name, what, n)
		case seen[n]:
			return fmt.Errorf("plugin %s: the name %s is used twice", p.Name, n)
		case !opens:
			return fmt.Errorf("plugin %s: %s %s cannot be opened: its Open is nil", p.Name, what, n)
		case !json.Valid(schema):
			return fmt.Errorf("plugin %s: the schema of %s %s is no JSON", p.Name, what, n)
		}
		seen[n] = true
		return nil
	}
	for _, t := range p.Transforms {
		if err := kind("transform", t.Name, t.Schema, t.Open != nil); err != nil {
			return err
		}
	}
	for _, v := range p.Providers {
		if err := kind("provider", v.Name, v.Schema, v.Open != nil); err != nil {
			return err
		}
	}
	return nil
}
