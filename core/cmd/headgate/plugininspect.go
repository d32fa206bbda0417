package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

func (a *app) pluginInspectCommand() *cobra.Command {
	var f targetFlags
	var call string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect TRANSFORM | AUTH | PLUGIN | PATH",
		Short: "Show what a plugin is, what it gets and how it is doing; with --call run one event",
		Long: `inspect shows a transform or an [[auth]] of the running router by its name in the
TOML, the latter with its issuers and how old their keys are, or starts
a shipped plugin or one of your own and shows what it says of itself: version,
configuration, and exactly what environment and descriptors its process gets.
With --call it runs one event and prints what became of it. For one of your own it
also prints what to paste into the configuration.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.plugins(true),
		RunE: do(func(cmd *cobra.Command, args []string) error {
			if call == "" {
				if facts, top := a.runningPlugin(cmd.Context(), args[0]); facts != nil {
					if asJSON {
						return a.printJSON(runningNow{facts, trustOf(top, facts.Name)})
					}
					a.printFacts(facts, top)
					return nil
				}
			}
			return a.inspectTarget(cmd.Context(), args[0], &f, call, asJSON)
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&call, "call", "", "run the event in `FILE` (- for standard input, sample for one of ours) and print what became of it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// runningPlugin finds a transform or provider of the router that runs here, if one does.
func (a *app) runningPlugin(ctx context.Context, name string) (*admin.Plugin, *admin.Top) {
	router, err := a.router()
	if err != nil {
		return nil, nil // no configuration here
	}
	top, err := router.Top(ctx)
	if err != nil {
		return nil, nil // nothing runs
	}
	for i := range top.Plugins {
		if top.Plugins[i].Name == name {
			return &top.Plugins[i], &top
		}
	}
	return nil, nil
}

// runningNow is what is told to programs of a plugin at work.
type runningNow struct {
	*admin.Plugin
	Trust *admin.Trust `json:"trust,omitempty"` // of an [[auth]]: what it vouches for
}

// trustOf is nil for a transform.
func trustOf(top *admin.Top, name string) *admin.Trust {
	for i := range top.Trust {
		if top.Trust[i].Name == name {
			return &top.Trust[i]
		}
	}
	return nil
}

func (a *app) printFacts(p *admin.Plugin, top *admin.Top) {
	t := newTable(a.out)
	t.row("name", p.Name)
	t.row("state", pluginState(p))
	t.row("plugin", p.Plugin+" "+p.Version)
	t.row("built with", p.SDK)
	t.row("kind", p.Kind)
	t.row("redacts", p.Redacts)
	t.row("pid", p.PID)
	t.row("generation", p.Generation)
	t.row("ready since", p.Since)
	t.row("failures", p.Failures)
	t.row("calls, events", fmt.Sprintf("%d, %d; %d events failed; %d calls under way", p.Calls, p.Events, p.Failed, p.InFlight))
	t.row("deadlines missed", p.Misses)
	t.row("events run alone", fmt.Sprintf("%d, of these given up %d", p.Isolated, p.Blamed))
	t.row("log lines dropped", p.Dropped)
	for _, c := range top.Outbox.Channels {
		if c.Shelved > 0 {
			t.row("events held", "see headgate channel list")
			break
		}
	}
	if p.LastCrash != nil {
		t.row("last crash", fmt.Sprintf("%s, generation %d: %s", p.LastCrash.At.Format(time.RFC3339), p.LastCrash.Generation, p.LastCrash.Reason))
	}
	if p.RolledBack != "" {
		t.row("rolled back", p.RolledBack)
	}
	if p.LastError != "" {
		t.row("last error", p.LastError)
	}
	if of := trustOf(top, p.Name); of != nil {
		printTrust(t, of)
	}
	if p.Warned != nil {
		t.row("it last warned", fmt.Sprintf("%s: %s", p.Warned.At.Format(time.RFC3339), p.Warned.Text))
	}
	printReceived(t, p.Boundary, p.Protocol, p.SHA256, p.Env, p.Files)
	t.end()
	if p.LastCrash != nil && p.LastCrash.Stack != "" {
		a.printf("\nwhat it last wrote:\n%s\n", printableLines(p.LastCrash.Stack))
	}
}

// printTrust tells what tokens are checked with, and how old that is.
func printTrust(t *table, of *admin.Trust) {
	if !of.FetchedAt.IsZero() {
		t.row("keys fetched", fmt.Sprintf("%s, %s ago", of.FetchedAt.Format(time.RFC3339), time.Since(of.FetchedAt).Round(time.Second)))
	}
	for _, i := range of.Issuers {
		line := i.Issuer + ": " + i.State
		if i.State != trust.TrustNone {
			line += fmt.Sprintf(", usable until %s, keys %s", i.UsableUntil.Format(time.RFC3339), strings.Join(i.Keys, " "))
		}
		t.row("issuer", line)
	}
	if of.Refused != nil {
		t.row("refused", fmt.Sprintf("%s: %s: %s", of.Refused.At.Format(time.RFC3339), of.Refused.Reason, of.Refused.Detail))
	}
}

// printableLines is printable for text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = printable(strings.ReplaceAll(l, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

// printReceived tells what a plugin's process was given.
func printReceived(t *table, boundary string, protocol int, sum string, env, files []string) {
	t.row("boundary", boundary)
	t.row("protocol", protocol)
	if sum != "" {
		t.row("sha256", sum)
	}
	for i, e := range env {
		if len(e) > maxShown { // a certificate
			e = e[:maxShown] + ".."
		}
		t.row(titleOnce(i, "environment"), e)
	}
	for i, f := range files {
		t.row(titleOnce(i, "descriptors"), fmt.Sprintf("%d %s", i, f))
	}
}

// maxShown is how much of one variable is shown on a screen; --json has all.
const maxShown = 96

func titleOnce(i int, title string) string {
	if i == 0 {
		return title
	}
	return " "
}

// inspected is what is told to programs of a plugin that was started to be looked
// at. Its names are those of plugin list.
type inspected struct {
	Plugin       string          `json:"plugin"`
	Version      string          `json:"version"`
	SDK          string          `json:"sdk"`
	Transforms   []inspectedKind `json:"transforms,omitempty"`
	Providers    []inspectedKind `json:"providers,omitempty"`
	Capabilities []string        `json:"capabilities,omitempty"`
	PID          int             `json:"pid"`
	Env          []string        `json:"env"`
	Files        []string        `json:"files"`
	Boundary     string          `json:"boundary"`
	Protocol     int             `json:"protocol"`
	SHA256       string          `json:"sha256,omitempty"`
}

type inspectedKind struct {
	Name    string          `json:"name"`
	Doc     string          `json:"doc"`
	Needs   []string        `json:"needs,omitempty"` // of a transform, as redacts
	Redacts bool            `json:"redacts,omitempty"`
	Schema  json.RawMessage `json:"schema"`
}

func newInspected(d *host.Description, received host.Facts) inspected {
	x := inspected{Plugin: d.Name, Version: d.Version, SDK: d.SDK, Capabilities: d.Capabilities, PID: received.PID, Env: received.Env,
		Files: received.Files, Boundary: received.Boundary, Protocol: received.Protocol, SHA256: received.SHA256}
	for _, k := range d.Transforms {
		x.Transforms = append(x.Transforms, inspectedKind{Name: k.Name, Doc: k.Doc, Needs: needs(k.Needs), Redacts: k.Redacts, Schema: k.Schema})
	}
	for _, k := range d.Providers {
		x.Providers = append(x.Providers, inspectedKind{Name: k.Name, Doc: k.Doc, Schema: k.Schema})
	}
	return x
}

func (a *app) inspectTarget(ctx context.Context, what string, f *targetFlags, call string, asJSON bool) error {
	t, err := newTarget(what, f)
	if err != nil {
		return err
	}
	defer t.close()
	command, err := t.command(ctx)
	if err != nil {
		return err
	}
	if call != "" {
		return a.callOne(ctx, command, f, call)
	}
	conn, err := host.Start(ctx, command, host.Options{Version: version, Log: a.pluginLine})
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it was only looked at
	d, err := conn.Describe(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(newInspected(&d, conn.Facts()))
	}
	a.printDescription(&d, conn.Facts())
	if command.Self == nil {
		sum := conn.Facts().SHA256
		a.printf("\n")
		if built, err := sha256File(t.product); err != nil || built != sum {
			a.printf("# first, for %s is absent or of another source:  %s\n", t.product, t.again)
		}
		a.printf("%s", a.pluginTOML(&d, t.product, sum, t.interpreter))
	}
	return nil
}

// pluginLine shows what a plugin logs.
func (a *app) pluginLine(l host.Line) {
	if l.Dropped > 0 {
		fmt.Fprintf(a.err, "plugin: (%d lines dropped: too many at once)\n", l.Dropped)
	}
	fmt.Fprintf(a.err, "plugin: %s: %s", l.Level, printableLines(l.Text))
	for _, k := range slices.Sorted(maps.Keys(l.Fields)) {
		fmt.Fprintf(a.err, " %s=%s", printable(k), printable(fmt.Sprint(l.Fields[k])))
	}
	fmt.Fprintln(a.err)
}

func (a *app) printDescription(d *host.Description, received host.Facts) {
	t := newTable(a.out)
	t.row("plugin", d.Name+" "+d.Version)
	t.row("built with", d.SDK)
	for _, k := range d.Transforms {
		t.row("transform", strings.TrimSuffix(k.Name+": "+k.Doc, ": "))
		t.row("  needs", strings.Join(needs(k.Needs), ", "))
		t.row("  redacts", k.Redacts)
		printSchema(t, k.Schema)
	}
	for _, k := range d.Providers {
		t.row("provider", strings.TrimSuffix(k.Name+": "+k.Doc, ": "))
		printSchema(t, k.Schema)
	}
	printReceived(t, received.Boundary, received.Protocol, received.SHA256, received.Env, received.Files)
	t.end()
}

func needs(n sdk.Needs) []string {
	parts := []string{"attributes"}
	for _, p := range []struct {
		name string
		on   bool
	}{{"data", n.Data}, {"extensions", n.Extensions}, {"principal", n.Principal}} {
		if p.on {
			parts = append(parts, p.name)
		}
	}
	return parts
}

// printSchema tells the first level of a configuration.
func printSchema(t *table, text json.RawMessage) {
	var s struct {
		Required   []string `json:"required"`
		Properties map[string]struct {
			Type        any             `json:"type"`
			Description string          `json:"description"`
			Default     json.RawMessage `json:"default"`
			Enum        []string        `json:"enum"`
			Secret      bool            `json:"x-headgate-secret"`
		} `json:"properties"`
	}
	if json.Unmarshal(text, &s) != nil {
		t.row("  config", "its schema cannot be read")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		var about []string
		if p.Type != nil {
			about = append(about, fmt.Sprint(p.Type))
		}
		switch {
		case slices.Contains(s.Required, name):
			about = append(about, "required")
		case p.Default != nil:
			about = append(about, "default "+string(p.Default))
		}
		if p.Enum != nil {
			about = append(about, "one of "+strings.Join(p.Enum, ", "))
		}
		if p.Secret {
			about = append(about, "secret: file:PATH or env:NAME")
		}
		t.row("  config."+name, strings.TrimSuffix(strings.Join(about, "; ")+": "+p.Description, ": "))
	}
}

// callOne runs one event.
func (a *app) callOne(ctx context.Context, command host.Command, f *targetFlags, file string) error {
	e, err := a.readEvent(file)
	if err != nil {
		return err
	}
	p, err := f.open(ctx, command, host.Options{Version: version, Log: a.pluginLine})
	if err != nil {
		return err
	}
	defer p.conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it has answered
	outcome, err := p.one(ctx, e)
	if err != nil {
		return err
	}
	a.printf("%s\n", printableLines(describeOutcome(&e, outcome)))
	if outcome.Verdict == sdk.Fail {
		return errSaid
	}
	return nil
}

// one runs one event.
func (p *opened) one(ctx context.Context, e sdk.Event) (sdk.Outcome, error) {
	e.Raw = nil
	outcomes, err := p.conn.Transform(p.kind.Name).Transform(ctx, []sdk.Input{{Event: &e, Principal: &sdk.Principal{Provider: "sample", Subject: "sample"}}})
	if err != nil {
		if exit := p.conn.Exit(); !exit.At.IsZero() {
			return sdk.Outcome{}, fmt.Errorf("%w: %s\n%s", err, exit, exit.Tail)
		}
		return sdk.Outcome{}, err
	}
	return outcomes[0], nil
}
