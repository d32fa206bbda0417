package route_test

import (
	"errors"
	"testing"

	"github.com/headgate-io/headgate/core/route"
)

func TestExplain(t *testing.T) {
	table := build(t, []route.Rule{
		rule("type", func(r *route.Rule) { r.Types = []string{"com.other"}; r.Sources = []string{"//other"} }),
		rule("source", func(r *route.Rule) { r.Sources = []string{"//other"}; r.When = "false" }),
		rule("false", func(r *route.Rule) { r.When = "event.data.amount > 100" }),
		rule("failed", func(r *route.Rule) { r.When = "event.data.nothing == 1" }),
		rule("fits", func(r *route.Rule) { r.When = "event.data.amount > 1" }),
		rule("any", nil),
	}, commands)
	want := []route.Explanation{
		{Route: "type", Verdict: route.OtherType},
		{Route: "source", Verdict: route.OtherSource},
		{Route: "false", Verdict: route.WhenFalse},
		{Route: "failed", Verdict: route.WhenFailed},
		{Route: "fits", Verdict: route.Applies},
		{Route: "any", Verdict: route.Applies},
	}
	got := table.Explain(order())
	if len(got) != len(want) {
		t.Fatalf("%d explanations of %d routes", len(got), len(want))
	}
	for i, x := range got {
		var failed *route.ConditionError
		if isFailed := errors.As(x.Err, &failed); isFailed != (x.Verdict == route.WhenFailed) || isFailed && failed.Key != "routes[3].when" {
			t.Errorf("%s: error %v", x.Route, x.Err)
		}
		x.Err = nil
		if x != want[i] {
			t.Errorf("got %+v, want %+v", x, want[i])
		}
	}
}
