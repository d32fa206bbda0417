package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
)

func (a *app) channelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "channel",
		Short: "List channels; pause, resume or drain one",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(a.channelListCommand(),
		a.channelActCommand(admin.Pause, "Hand nothing more out; what is out goes on", "paused; what is out goes on"),
		a.channelActCommand(admin.Resume, "Hand out again", "handing out"),
		a.channelActCommand(admin.Drain, "Pause, and wait until nothing is out", "drained: nothing is out, and it stays paused"))
	return cmd
}

// channels are both classes, apart.
type channels struct {
	Commands  []admin.Command   `json:"commands"`
	Telemetry []admin.Telemetry `json:"telemetry"`
}

func (a *app) channelListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the channels of a running router",
		Args:  cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			router, err := a.router()
			if err != nil {
				return err
			}
			top, err := router.Top(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(channels{top.Commands, top.Telemetry})
			}
			a.printChannels(&top)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) printChannels(top *admin.Top) {
	t := newTable(a.out, "NAME", "CLASS", "STATE", "CONNECTIONS", "PENDING", "OUT", "HELD", "DEAD", "ADDRESS")
	configured := make(map[string]bool)
	for _, c := range top.Commands {
		configured[c.Name] = true
		t.row(c.Name, "command", channelState(c), len(c.Conns), c.Pending, c.Out, c.Held, c.Dead, c.Address)
	}
	for _, c := range top.Telemetry {
		t.row(c.Name, "telemetry", "open", c.Subscribers, "", "", "", "", c.Address)
	}
	for _, name := range slices.Sorted(maps.Keys(top.Outbox.Channels)) {
		if c := top.Outbox.Channels[name]; !configured[name] && c.Pending+c.Dead > 0 {
			t.row(name, "command", "not configured", "", c.Pending, c.Out, c.Held, c.Dead, "")
		}
	}
	t.end()
}

// pausedHelp is what every act on a channel says of the pause it makes or ends.
const pausedHelp = `

A paused channel stays so, across restarts too, until headgate channel resume. It
goes on accepting events, up to its max_pending.`

// channelActCommand does its verb, and then says so.
func (a *app) channelActCommand(verb admin.Verb, short, said string) *cobra.Command {
	act := admin.Act{Verb: verb}
	var asJSON bool
	cmd := &cobra.Command{
		Use:               string(verb) + " NAME --why TEXT",
		Short:             short,
		Long:              short + "." + pausedHelp,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.commandChannels,
		RunE: do(func(cmd *cobra.Command, args []string) error {
			router, err := a.router()
			if err != nil {
				return err
			}
			act.Channel = args[0]
			if verb == admin.Drain {
				if err := a.pauseFirst(cmd.Context(), router, act); err != nil {
					return err
				}
			}
			done, err := router.Act(cmd.Context(), act)
			switch {
			case verb == admin.Drain && cmd.Context().Err() != nil:
				return fmt.Errorf("channel %s: not drained yet, and it stays paused: headgate channel resume %s hands out again", act.Channel, act.Channel)
			case err != nil:
				return err
			case asJSON:
				return a.printJSON(done)
			}
			a.printf("%s: %s\n", act.Channel, said)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	whyFlag(cmd, &act.Why)
	_ = cmd.MarkFlagRequired("why")
	return cmd
}

// pauseFirst makes sure that a drain which is interrupted leaves the channel
// paused.
func (a *app) pauseFirst(ctx context.Context, router admin.Router, act admin.Act) error {
	act.Verb = admin.Pause
	if _, err := router.Act(context.WithoutCancel(ctx), act); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%s: paused; waiting for what is out\n", act.Channel)
	return nil
}

// commandChannels completes an argument with the command channels' names.
func (a *app) commandChannels(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	cfg, err := a.load(nil)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	of := slices.DeleteFunc(slices.Clone(cfg.Channels), func(c config.Channel) bool { return c.Class != "command" })
	names := make([]cobra.Completion, len(of))
	for i, c := range of {
		names[i] = c.Name
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeChannel completes the flag --channel of cmd.
func (a *app) completeChannel(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("channel", func(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.commandChannels(cmd, nil, begun)
	})
}
