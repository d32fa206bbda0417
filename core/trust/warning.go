package trust

import (
	"fmt"
	"slices"
	"strconv"
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
			who := fmt.Sprintf("%q %q %q %q %q", sorted(g.Issuers), sorted(g.Clients), sorted(g.Subjects), sorted(g.Groups), g.When)
			out = append(out, sender{fmt.Sprintf("grants[%d]", i), g.Auth, who, held})
		}
	}
	return out
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// maxNamed bounds who is named in one warning.
const maxNamed = 6

// overlaps gives a warning for each pattern of sources by which somebody may send
// for what somebody else may send for, too. Where two patterns meet, that is told of
// the first.
func overlaps(senders []sender) []Warning {
	var order []sdk.Glob
	holders := make(map[string][]int) // of each pattern, by their place
	for i, s := range senders {
		for _, p := range s.sources {
			text := patternOf(p)
			if holders[text] == nil {
				order = append(order, p)
			}
			holders[text] = append(holders[text], i)
		}
	}
	var out []Warning
	for i, p := range order {
		all := slices.Clone(holders[patternOf(p)])
		for _, q := range order[i+1:] {
			if meet(p, q) {
				all = append(all, holders[patternOf(q)]...)
			}
		}
		slices.Sort(all)
		if w, shared := overlap(patternOf(p), senders, slices.Compact(all)); shared {
			out = append(out, w)
		}
		if len(out) > maxWarnings {
			break
		}
	}
	return out
}

// patternOf gives a glob of sources as it was written.
func patternOf(g sdk.Glob) string {
	segments, rest := g.Segments()
	if rest {
		segments = append(slices.Clone(segments), "**")
	}
	return strings.Join(segments, sdk.SourceSeparator)
}

// overlap tells of those who may send for p, if they are not all the same.
func overlap(p string, senders []sender, who []int) (w Warning, shared bool) {
	var auths []string
	first := senders[who[0]]
	for n, i := range who {
		s := senders[i]
		if n < maxNamed {
			w.Names = append(w.Names, s.name)
		}
		if quoted := strconv.Quote(s.auth); !slices.Contains(auths, quoted) {
			auths = append(auths, quoted)
		}
		shared = shared || s.auth != first.auth || s.who != first.who
	}
	if more := len(who) - maxNamed; more > 0 {
		w.Names = append(w.Names, fmt.Sprintf("%d more", more))
	}
	w.Text = fmt.Sprintf("different principals may send for source %s: each can take ids of the others' events", p)
	if len(auths) > 1 {
		w.Text = fmt.Sprintf("principals of auth %s may send for source %s: what is sent there is proven as well as the weakest of them proves it", strings.Join(auths, " and of auth "), p)
	}
	return w, shared
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
