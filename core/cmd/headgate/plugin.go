package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/plugin"
)

func (a *app) pluginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Write, try, measure and look at plugins",
		Long: `A plugin is a program of yours, in a process of its own, that changes events on
their way out or brings the keys that tokens are checked with. Begin with:

  headgate plugin new shout      a plugin that works, with its test
  headgate plugin dev shout      send an event through it; again at every change
  headgate plugin test shout     every rule a router relies on`,
	}
	cmd.AddCommand(a.pluginNewCommand(), a.pluginDevCommand(), a.pluginTestCommand(), a.pluginBenchCommand(),
		a.pluginInspectCommand(), a.pluginListCommand(), a.pluginPackCommand(), a.pluginServeCommand())
	return cmd
}

// pluginServeCommand is what the router runs for a shipped plugin.
func (a *app) pluginServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "serve NAME",
		Short:  "Be a shipped plugin; the router runs this, not you",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: do(func(_ *cobra.Command, args []string) error {
			p, ok := bundledNamed(args[0])
			if !ok {
				return fmt.Errorf("no plugin %q is shipped: there are %s", args[0], strings.Join(bundledNames(), ", "))
			}
			plugin.Serve(p)
			return nil
		}),
	}
}

func (a *app) pluginListCommand() *cobra.Command {
	var asJSON, shipped bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the plugins of a running router, or with --shipped what comes with it",
		Args:  cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			if shipped {
				return a.listShipped(asJSON)
			}
			router, err := a.router()
			if err != nil {
				return err
			}
			top, err := router.Top(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(listed(&top))
			}
			a.printPlugins(&top)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&shipped, "shipped", false, "the plugins that come with headgate; needs no router")
	return cmd
}

// The classes of plugins at work.
const (
	classTransform = "transform"
	classProvider  = "provider"
)

// classOf tells what a plugin is for. No [[transforms]] has the name of an [[auth]]
// of a plugin.
func classOf(top *admin.Top, name string) string {
	if trustOf(top, name) != nil {
		return classProvider
	}
	return classTransform
}

// listedPlugin is what plugin list tells programs.
type listedPlugin struct {
	*admin.Plugin
	Class string `json:"class"`
}

func listed(top *admin.Top) []listedPlugin {
	list := make([]listedPlugin, len(top.Plugins))
	for i := range top.Plugins {
		list[i] = listedPlugin{&top.Plugins[i], classOf(top, top.Plugins[i].Name)}
	}
	return list
}

func (a *app) printPlugins(top *admin.Top) {
	if len(top.Plugins) == 0 {
		a.printf("no [[transforms]], and no [[auth]] of a plugin\n")
		return
	}
	t := newTable(a.out, "NAME", "KIND", "PLUGIN", "VERSION", "STATE", "SINCE", "PID", "FAILURES", "EVENTS", "FAILED", "ISOLATED", "BLAMED", "LAST ERROR")
	for _, p := range top.Plugins {
		class, events := classOf(top, p.Name), []any{p.Events, p.Failed, p.Isolated, p.Blamed}
		if class == classProvider {
			events = []any{"", "", "", ""} // no event passes it
			if p.LastError == "" && p.Warned != nil && without(trustOf(top, p.Name)) {
				p.LastError = p.Warned.Text
			}
		}
		cells := append([]any{p.Name, class, p.Plugin, p.Version, pluginState(&p), p.Since, p.PID, p.Failures}, events...)
		t.row(append(cells, firstLine(p.LastError))...)
	}
	t.end()
}

// without tells that tokens of some issuer cannot be checked.
func without(of *admin.Trust) bool {
	return of != nil && slices.ContainsFunc(of.Issuers, func(i trust.IssuerFact) bool { return i.State == trust.TrustNone || i.State == trust.TrustDead })
}

// pluginState is a state, and when something follows by itself.
func pluginState(p *admin.Plugin) string {
	if p.Next.IsZero() {
		return string(p.State)
	}
	return fmt.Sprintf("%s, again in %s", p.State, max(time.Until(p.Next), 0).Round(100*time.Millisecond))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// shippedPlugin is a plugin that comes with headgate, for programs.
type shippedPlugin struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Transforms []string `json:"transforms,omitempty"`
	Providers  []string `json:"providers,omitempty"`
	Doc        string   `json:"doc"`
}

func (a *app) listShipped(asJSON bool) error {
	var list []shippedPlugin
	for _, p := range bundled() {
		s := shippedPlugin{Name: p.Name, Version: p.Version}
		for _, k := range p.Transforms {
			s.Transforms, s.Doc = append(s.Transforms, k.Name), k.Doc
		}
		for _, k := range p.Providers {
			s.Providers, s.Doc = append(s.Providers, k.Name), k.Doc
		}
		list = append(list, s)
	}
	if asJSON {
		return a.printJSON(list)
	}
	t := newTable(a.out, "PLUGIN", "KIND", "VERSION", "WHAT IT DOES")
	for _, s := range list {
		class := classTransform
		if len(s.Transforms) == 0 {
			class = classProvider
		}
		t.row(s.Name, class, s.Version, s.Doc)
	}
	t.end()
	return nil
}
