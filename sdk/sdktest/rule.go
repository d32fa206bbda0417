package sdktest

import (
	"context"
	"slices"

	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// Rule is one thing that is asked of every plugin.
type Rule struct {
	Name string // stable, such as "one-outcome"
	Doc  string // one sentence
}

// Rules are all rules, in the order in which they are tried.
func Rules() []Rule {
	list := make([]Rule, len(rules))
	for i, r := range rules {
		list[i] = r.Rule
	}
	return list
}

// rule is a Rule and how it is tried.
type rule struct {
	Rule
	needs string             // the rule without which this one tells nothing
	of    pluginv1.Kind_Type // the type of kinds it is about; zero for the plugin as a whole
	try   func(context.Context, *subject) error
}

// rules are ordered so that each comes after what it needs.
var rules = slices.Concat(startRules, configRules, transformRules, logRules, endRules, trustRules)
