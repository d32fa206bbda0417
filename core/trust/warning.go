package trust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk"
)

// RouteNeeds are what one route takes and asks of those who send it.
type RouteNeeds struct {
	Name         string
	Types        []string // globs over "."; none for any
	Sources      []string // globs over "/"; none for any
	Requirements []Requirement
}

// Warning is what is no error and yet may not be meant.
type Warning struct {
	Names []string // of what it is about: "key till-1", "grants[3]", "route orders"
	Text  string
}

// String gives it in one line.
func (w Warning) String() string {
	if len(w.Names) == 0 {
		return w.Text
	}
	return strings.Join(w.Names, ", ") + ": " + w.Text
}

// maxWarnings bounds what is listed: who shares one source with thousands has one
// thing to change.
const maxWarnings = 100

// Warnings tells what of rules that [New] takes may not be meant, for whoever
// checks a configuration: principals that may send for the same source, since an
// event's id stands for whoever used it first there; and scopes that a route asks
// for and nobody who may send on it can have.
func (r Rules) Warnings(routes []RouteNeeds) []Warning {
	senders := r.senders()
	var out []Warning
	for _, n := range routes {
		out = append(out, n.unattainable(senders)...)
	}
	out = append(out, overlaps(senders)...)
	if len(out) > maxWarnings {
		out = append(out[:maxWarnings], Warning{Text: fmt.Sprintf("there is more of this kind: these are the first %d", maxWarnings)})
	}
	return out
}

// sender is a principal, or with a grant several of which nobody knows who they are.
type sender struct {
	name string // key till-1, grants[3]
	auth string
	who  string // equal for those that are the same principals
	*rights
}

// senders leaves out keys that are revoked and what New refuses.
func (r Rules) senders() []sender {
	var out []sender
	for _, a := range r.Auths {
		for _, k := range a.Keys {
			if held, err := newRights(k.Sources, k.Types, k.Scopes); err == nil && k.State != StateRevoked {
				out = append(out, sender{"key " + k.ID, a.Name, k.Principal, held})
			}
		}
	}
	for i, g := range r.Grants {
		if held, err := newRights(g.Sources, g.Types, g.Scopes); err == nil {
			who := fmt.Sprintf("%q %q %q %q", sorted(g.Clients), sorted(g.Subjects), sorted(g.Groups), g.When)
			out = append(out, sender{fmt.Sprintf("grants[%d]", i), g.Auth, who, held})
		}
	}
	return out
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// overlaps compares every two senders, until there is more than anybody reads.
func overlaps(senders []sender) []Warning {
	var out []Warning
	for i, a := range senders {
		for _, b := range senders[i+1:] {
			if a.auth == b.auth && a.who == b.who || !meetAny(a.sources, b.sources) {
				continue
			}
			text := "different principals may send for the same source: either can take ids of the other's events"
			if a.auth != b.auth {
				text = fmt.Sprintf("principals of auth %q and of auth %q may send for the same source: what is sent there is proven as well as the weaker of the two proves it", a.auth, b.auth)
			}
			out = append(out, Warning{Names: []string{a.name, b.name}, Text: text})
			if len(out) > maxWarnings {
				return out
			}
		}
	}
	return out
}

// unattainable gives a warning for each scope that nobody can have who may send
// what the route takes.
func (n RouteNeeds) unattainable(senders []sender) []Warning {
	sources, sourcesErr := globs("sources", orAny(n.Sources), sdk.SourceSeparator)
	types, typesErr := globs("types", orAny(n.Types), sdk.TypeSeparator)
	if sourcesErr != nil || typesErr != nil {
		return nil // they are errors of the route's
	}
	var may []sender
	for _, s := range senders {
		other := slices.ContainsFunc(n.Requirements, func(q Requirement) bool { return len(q.Auth) > 0 && !slices.Contains(q.Auth, s.auth) })
		if !other && meetAny(sources, s.sources) && meetAny(types, s.types) {
			may = append(may, s)
		}
	}
	var out []Warning
	seen := make(map[string]bool)
	for _, q := range n.Requirements {
		for _, scope := range q.Scopes {
			has := slices.ContainsFunc(may, func(s sender) bool { return slices.Contains(s.scopes, scope) })
			if !has && !seen[scope] {
				seen[scope] = true
				out = append(out, Warning{Names: []string{"route " + n.Name},
					Text: fmt.Sprintf("it requires scope %q, which no key and no grant has that may send here", scope)})
			}
		}
	}
	return out
}

func orAny(patterns []string) []string {
	if len(patterns) == 0 {
		return []string{"**"}
	}
	return patterns
}
