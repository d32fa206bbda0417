package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func (a *app) pluginTestCommand() *cobra.Command {
	var f targetFlags
	var policy sdk.ProviderPolicy
	var events []string
	var junit string
	var cycles int
	var list, asJSON bool
	cmd := &cobra.Command{
		Use:   "test PLUGIN | PATH",
		Short: "Run the conformance suite on a plugin in any language",
		Long: `test tries every rule that a router relies on, from outside, on a shipped plugin, an
executable, a .py or .pyz, or the source directory of one. It exits with 1 when a
rule is broken, and says which and why.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if list {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		ValidArgsFunction: a.plugins(false),
		RunE: do(func(cmd *cobra.Command, args []string) error {
			if list {
				return a.listRules(asJSON)
			}
			t, err := newTarget(args[0], &f)
			if err != nil {
				return err
			}
			defer t.close()
			s, err := a.suite(cmd.Context(), t, &f, policy, events)
			if err != nil {
				return err
			}
			s.Options.Cycles = cycles
			return a.runSuite(cmd.Context(), s, junit, asJSON)
		}),
	}
	f.add(cmd)
	cmd.Flags().StringArrayVar(&events, "event", nil, "an event it is meant for, in `FILE`; again for more")
	cmd.Flags().StringSliceVar(&policy.Issuers, "issuer", []string{"https://issuer.example"}, "of a provider: what it is told to serve")
	cmd.Flags().StringSliceVar(&policy.Audiences, "audience", []string{"api://headgate"}, "of a provider")
	cmd.Flags().StringSliceVar(&policy.Algs, "alg", []string{"ES256", "RS256", "EdDSA"}, "of a provider")
	cmd.Flags().StringVar(&junit, "junit", "", "write a JUnit report to `FILE`")
	cmd.Flags().IntVar(&cycles, "cycles", 0, "starts and stops in a row; 0 for 50")
	cmd.Flags().BoolVar(&list, "list", false, "list the rules")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) listRules(asJSON bool) error {
	rules := sdktest.Rules()
	if asJSON {
		list := make([]triedRule, len(rules))
		for i, r := range rules {
			list[i] = triedRule{Rule: r.Name, Doc: r.Doc}
		}
		return a.printJSON(list)
	}
	t := newTable(a.out, "RULE", "WHAT IT ASKS")
	for _, r := range rules {
		t.row(r.Name, r.Doc)
	}
	t.end()
	return nil
}

// suite is what to try a target with: its configuration is that of the kind
// named, or of each.
func (a *app) suite(ctx context.Context, t *target, f *targetFlags, policy sdk.ProviderPolicy, files []string) (*sdktest.Suite, error) {
	command, err := t.command(ctx)
	if err != nil {
		return nil, err
	}
	config, err := f.configJSON()
	if err != nil {
		return nil, err
	}
	s := &sdktest.Suite{Command: command, Options: sdktest.Options{Config: make(map[string]string), Policy: make(map[string]sdk.ProviderPolicy)}}
	for _, file := range files {
		e, err := a.readEvent(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		s.Options.Events = append(s.Options.Events, string(e.Raw))
	}
	if len(files) == 0 {
		s.Options.Events = []string{sampleEvent}
	}
	kinds, err := kindsOf(ctx, command)
	if err != nil { // the suite tells better what is wrong
		return s, nil
	}
	for _, k := range kinds {
		if f.kind == "" || f.kind == k {
			s.Options.Config[k], s.Options.Policy[k] = config, policy
		}
	}
	return s, nil
}

// kindsOf names what a plugin offers.
func kindsOf(ctx context.Context, c host.Command) ([]string, error) {
	conn, err := host.Start(ctx, c, host.Options{Version: version})
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it was only asked
	d, err := conn.Describe(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, k := range d.Transforms {
		names = append(names, k.Name)
	}
	for _, k := range d.Providers {
		names = append(names, k.Name)
	}
	return names, nil
}

func (a *app) runSuite(ctx context.Context, s *sdktest.Suite, junit string, asJSON bool) error {
	var results []sdktest.Result
	tally := make(map[sdktest.Verdict]int)
	passed := s.Run(ctx, func(r sdktest.Result) {
		results = append(results, r)
		tally[r.Verdict]++
		if !asJSON {
			a.printf("%-14s  %-24s %6s  %s\n", r.Verdict, r.Rule, r.Took.Round(time.Millisecond), printable(r.Reason))
			if r.Rule == "sample" && r.Verdict == sdktest.Fail {
				a.printf("%45s  give it a configuration that is right: --config-json\n", "")
			}
		}
	})
	if junit != "" {
		f, err := os.Create(junit)
		if err != nil {
			return err
		}
		err = sdktest.JUnit(f, results)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return fmt.Errorf("junit: %w", err)
		}
	}
	if asJSON {
		if err := a.printJSON(tried(results)); err != nil {
			return err
		}
	} else {
		a.printf("\n%d passed, %d failed, %d not applicable\n", tally[sdktest.Pass], tally[sdktest.Fail], tally[sdktest.NotApplicable])
	}
	if !passed {
		return errSaid
	}
	return nil
}

// triedRule is a rule and what came of it, for programs.
type triedRule struct {
	Rule    string          `json:"rule"`
	Doc     string          `json:"doc"`
	Verdict sdktest.Verdict `json:"verdict,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Seconds float64         `json:"seconds,omitempty"`
}

func tried(results []sdktest.Result) []triedRule {
	list := make([]triedRule, len(results))
	for i, r := range results {
		list[i] = triedRule{Rule: r.Rule, Doc: r.Doc, Verdict: r.Verdict, Reason: r.Reason, Seconds: r.Took.Seconds()}
	}
	return list
}
