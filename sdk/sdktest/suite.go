package sdktest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// Suite tries a plugin from outside, by every rule of Rules.
type Suite struct {
	// Command starts the plugin. Rules about its processes start it more than
	// once. Only the rule "cycles" goes through package host, and so obeys SHA256,
	// User and Limits; the others start it plainly, so as to start it wrongly too.
	Command host.Command
	Options Options

	limits limits
	only   map[string]bool // names of rules; nil for all
}

// Options are what a plugin needs to be tried. The zero value is for one that
// needs nothing.
type Options struct {
	// Config is what each kind is opened with, by its name: a JSON object with
	// secrets resolved. A kind that is not named is opened with {}.
	Config map[string]string
	// Policy is what each kind of provider is held to.
	Policy map[string]sdk.ProviderPolicy
	// Events are structured CloudEvents that the plugin is meant for. They are
	// given to its transforms beside the suite's own.
	Events []string
	// Cycles is how often it is started and stopped by the rule "cycles"; 50
	// when zero.
	Cycles int
}

// defaultCycles is enough for a leak of one descriptor, file or process a cycle
// to be told from chance.
const defaultCycles = 50

// ruleTime bounds one rule, so that no plugin holds the suite for longer. The
// longest is the cycles: 50 of a slow start are well within.
const ruleTime = 2 * time.Minute

// Run tries the plugin rule by rule, in the order of Rules, and gives report
// each result as it comes. It says whether no rule failed. When ctx ends, the
// rules that are left fail.
func (s *Suite) Run(ctx context.Context, report func(Result)) bool {
	x := &subject{command: s.Command, options: s.Options, limits: s.limits}
	if x.limits == (limits{}) {
		x.limits = defaultLimits
	}
	if x.options.Cycles == 0 {
		x.options.Cycles = defaultCycles
	}
	unmet := make(map[string]bool)
	passed := true
	for _, r := range rules {
		if s.only != nil && !s.only[r.Name] {
			continue
		}
		result := Result{Rule: r.Name, Doc: r.Doc}
		began := time.Now()
		if unmet[r.needs] {
			result.Verdict, result.Reason = NotApplicable, "not tried, for "+r.needs+" was not met"
			unmet[r.Name] = true
		} else {
			result.Verdict, result.Reason = judge(r.run(ctx, x))
			result.Reason = x.redact(result.Reason)
		}
		result.Took = time.Since(began)
		if result.Verdict == Fail {
			passed = false
			unmet[r.Name] = true
		}
		report(result)
	}
	return passed
}

// run tries one rule.
func (r *rule) run(ctx context.Context, x *subject) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("not tried: %w", err)
	}
	if r.of != 0 && len(x.kinds(r.of)) == 0 {
		return inapplicable("the plugin offers no " + kindWord(r.of))
	}
	ctx, cancel := context.WithTimeout(ctx, ruleTime)
	defer cancel()
	return r.try(ctx, x)
}

// inapplicable is the error of a rule that has nothing to try, and why.
type inapplicable string

func (i inapplicable) Error() string { return string(i) }

func judge(err error) (Verdict, string) {
	if err == nil {
		return Pass, ""
	}
	if why, ok := errors.AsType[inapplicable](err); ok {
		return NotApplicable, string(why)
	}
	return Fail, err.Error()
}
