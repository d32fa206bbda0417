package route

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/headgate-io/headgate/sdk"
)

// Match is what the table says about one event. It is to be read only: its
// slices may be the table's own. It belongs to one goroutine.
type Match struct {
	Routes  []Matched // every route that applies, in file order; at least one
	Targets []Target  // every channel once, by the first route that leads there

	view *view // carries parsed data from Match to Validate; may be nil
}

// Matched is one route that applies.
type Matched struct {
	Name         string
	Requirements []Requirement
	Rate         Rate

	schema *jsonschema.Schema
}

// Requirement is what a sender must show. All requirements of all matched
// routes bind: none falls through to another route.
type Requirement struct {
	Auth   []string // any of these providers; empty for any
	Scopes []string // all of these

	EventSignature bool // of the event itself
}

// require adds a requirement, unless it asks for nothing.
func (m *Matched) require(r Requirement) {
	if len(r.Auth) == 0 && len(r.Scopes) == 0 && !r.EventSignature {
		return
	}
	m.Requirements = append(m.Requirements, Requirement{Auth: slices.Clone(r.Auth), Scopes: slices.Clone(r.Scopes), EventSignature: r.EventSignature})
}

// Target is one channel an event goes to.
type Target struct {
	Channel string
	Route   string // the first in file order that leads there
	Command bool
	Order   string // order key; empty for none
	Park    bool

	// Transforms are those of Route, then those of the channel; one that both name
	// runs where the channel wants it, last.
	Transforms []string
}

// fewRoutes is how many routes may fit one event before Match takes memory
// from the heap to note them.
const fewRoutes = 16

// Match finds every route whose type, source and condition fit e. Its error is
// ErrNoRoute, or a *ConditionError when a condition of a route that fits
// otherwise, or the order key of a channel reached, cannot be computed.
func (t *Table) Match(e *sdk.Event) (Match, error) {
	var buf [fewRoutes]int
	paths := [...]path{{e.Type, sdk.TypeSeparator}, {e.Source, sdk.SourceSeparator}}
	fit := t.index.find(paths[:], buf[:0])
	// A route with several globs may have been found by several.
	slices.Sort(fit)
	fit = slices.Compact(fit)

	var m Match
	apply := fit[:0]
	for _, i := range fit {
		ok, err := t.routes[i].when.holds(m.look(t.routes[i].when, e))
		if err != nil {
			return Match{}, err
		}
		if ok {
			apply = append(apply, i)
		}
	}
	switch {
	case len(apply) == 0:
		return Match{}, ErrNoRoute
	case len(apply) == 1 && !t.routes[apply[0]].ordered:
		i := apply[0]
		m.Routes = t.matched[i : i+1 : i+1]
		m.Targets = slices.Clip(t.routes[i].targets)
		return m, nil
	}

	m.Routes = make([]Matched, len(apply))
	seen := make([]bool, len(t.channels))
	for n, i := range apply {
		m.Routes[n] = t.matched[i]
		for j, c := range t.routes[i].channels {
			if seen[c] {
				continue
			}
			seen[c] = true
			target := t.routes[i].targets[j]
			order, err := t.channels[c].order.key(m.look(t.channels[c].order, e))
			if err != nil {
				return Match{}, err
			}
			target.Order = order
			m.Targets = append(m.Targets, target)
		}
	}
	return m, nil
}

// look gives the match's view of e, made when the first expression asks.
func (m *Match) look(x *expression, e *sdk.Event) *view {
	if x != nil && m.view == nil {
		m.view = &view{event: e}
	}
	return m.view
}
