package route

import (
	"slices"

	"github.com/headgate-io/headgate/sdk"
)

// Verdict is why a route applies to an event or does not.
type Verdict string

// The verdicts, in the order in which they are found.
const (
	OtherType   Verdict = "other type"
	OtherSource Verdict = "other source"
	WhenFailed  Verdict = "when failed" // refuses the event
	WhenFalse   Verdict = "when is false"
	Applies     Verdict = "applies"
)

// Explanation is what the table thinks of one route for one event.
type Explanation struct {
	Route   string
	Verdict Verdict
	Err     error // with WhenFailed, a *ConditionError
}

// Explain goes through all routes in file order, one by one and without the
// index that Match uses. It is for people, not for every event.
func (t *Table) Explain(e *sdk.Event) []Explanation {
	all := make([]Explanation, len(t.routes))
	v := &view{event: e}
	for i := range t.routes {
		all[i].Route = t.matched[i].Name
		all[i].Verdict, all[i].Err = t.routes[i].explain(v)
	}
	return all
}

func (r *route) explain(v *view) (Verdict, error) {
	fits := func(s string) func(sdk.Glob) bool {
		return func(g sdk.Glob) bool { return g.Match(s) }
	}
	if !slices.ContainsFunc(r.types, fits(v.event.Type)) {
		return OtherType, nil
	}
	if !slices.ContainsFunc(r.sources, fits(v.event.Source)) {
		return OtherSource, nil
	}
	ok, err := r.when.holds(v)
	switch {
	case err != nil:
		return WhenFailed, err
	case !ok:
		return WhenFalse, nil
	}
	return Applies, nil
}
