package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/sdk"
)

func (a *app) tailCommand() *cobra.Command {
	var of admin.Tail
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Watch what a running router decides, as it happens",
		Long: `tail prints a line for each decision about an event: accepted, queued, duplicate or
refused as it comes in; delivered, done, retry, dead or dropped on its way out. It
takes nothing from consumers, and the router does not wait for it: what tail is too
slow for is missed, and it says how much that was.`,
		Example: `  headgate tail --refused
  headgate tail --channel commands --type 'com.example.order.*' --json`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			for _, g := range []struct{ flag, pattern, sep string }{{"type", of.Type, sdk.TypeSeparator}, {"source", of.Source, sdk.SourceSeparator}} {
				if g.pattern == "" {
					continue
				}
				if _, err := sdk.ParseGlob(g.pattern, g.sep); err != nil {
					return fmt.Errorf("--%s: %w", g.flag, err)
				}
			}
			return nil
		},
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			router, err := a.router()
			if err != nil {
				return err
			}
			tell := a.printTold
			if asJSON {
				tell = func(t admin.Told) error {
					e := json.NewEncoder(a.out)
					e.SetEscapeHTML(false)
					return e.Encode(t)
				}
			}
			return router.Tail(cmd.Context(), of, tell)
		}),
	}
	cmd.Flags().StringVar(&of.Channel, "channel", "", "only about this `channel`")
	cmd.Flags().StringVar(&of.Type, "type", "", "only of such types, a `glob` as in com.example.order.*")
	cmd.Flags().StringVar(&of.Source, "source", "", "only of such sources, a `glob` as in //shop.example/**")
	cmd.Flags().BoolVar(&of.Refused, "refused", false, "only refusals")
	cmd.Flags().BoolVar(&of.Payload, "payload", false, "the events themselves, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a document a line")
	_ = cmd.RegisterFlagCompletionFunc("channel", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.allChannels()
	})
	return cmd
}

// allChannels completes with the channels of both classes.
func (a *app) allChannels() ([]cobra.Completion, cobra.ShellCompDirective) {
	cfg, err := a.load(nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]cobra.Completion, len(cfg.Channels))
	for i := range cfg.Channels {
		names[i] = cfg.Channels[i].Name
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// printTold prints one line of a tail, and an event below it.
func (a *app) printTold(t admin.Told) error {
	if t.Decision == nil {
		_, err := fmt.Fprintf(a.out, "%s missed: too many at once\n", count(int(t.Missed), "decision"))
		return err
	}
	line := []string{t.At.Local().Format("15:04:05.000"), fmt.Sprintf("%-9s", t.What)}
	add := func(name, value string) {
		if value != "" {
			line = append(line, name+"="+printable(value))
		}
	}
	if t.ID != "" {
		line = append(line, printable(t.ID))
	}
	add("type", t.Type)
	add("source", t.Source)
	add("channel", strings.Join(t.Channels, ","))
	if t.Attempt > 1 {
		add("attempt", fmt.Sprint(t.Attempt))
	}
	add("code", t.Code)
	add("reason", t.Reason)
	add("principal", t.Principal)
	add("ingress", t.Ingress)
	add("addr", t.Addr)
	if _, err := fmt.Fprintln(a.out, strings.Join(line, " ")); err != nil || len(t.Payload) == 0 {
		return err
	}
	_, err := fmt.Fprintln(a.out, "    "+printable(string(t.Payload)))
	return err
}
