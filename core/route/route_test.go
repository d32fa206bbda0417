package route_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/sdk"
)

// order is the event that most tests route.
func order() *sdk.Event {
	return &sdk.Event{
		ID: "a-1", Source: "//shop.example/till/7", SpecVersion: "1.0", Type: "com.example.order.created",
		Subject: "order/42", Time: "2026-03-01T10:00:00Z", DataContentType: "application/json",
		Extensions: []sdk.Extension{
			{Name: "priority", Value: "7", Kind: sdk.KindInteger},
			{Name: "sampled", Value: "true", Kind: sdk.KindBoolean},
			{Name: "tenant", Value: "acme"},
		},
		Data:       []byte(`{"amount":12.5,"count":3,"customer":"c-9","big":18446744073709551615,"urgent":true,"note":null,"items":[{"sku":"a"},{"sku":"b"}]}`),
		DataIsJSON: true,
	}
}

// commands is a single command channel, the least a table needs.
var commands = []route.Channel{{Name: "commands", Command: true}}

// rule is one that fits everything and goes to commands, changed by edit.
func rule(name string, edit func(*route.Rule)) route.Rule {
	r := route.Rule{Name: name, Types: []string{"**"}, Channels: []string{"commands"}}
	if edit != nil {
		edit(&r)
	}
	return r
}

func build(t testing.TB, rules []route.Rule, channels []route.Channel) *route.Table {
	t.Helper()
	table, err := route.New(rules, channels, route.Options{})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return table
}

// when builds a table of one route with a condition.
func when(t testing.TB, condition string) *route.Table {
	return build(t, []route.Rule{rule("one", func(r *route.Rule) { r.When = condition })}, commands)
}

// names of the routes that matched, with spaces between.
func names(m route.Match) string {
	var all []string
	for _, r := range m.Routes {
		all = append(all, r.Name)
	}
	return strings.Join(all, " ")
}

// faults takes a joined error of New apart.
func faults(t testing.TB, err error) []*route.CompileError {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error is no joined one: %v", err)
	}
	var all []*route.CompileError
	for _, err := range joined.Unwrap() {
		var fault *route.CompileError
		if !errors.As(err, &fault) {
			t.Fatalf("fault is no *CompileError: %v", err)
		}
		all = append(all, fault)
	}
	return all
}
