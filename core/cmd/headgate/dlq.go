package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

func (a *app) dlqCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Look at dead letters, try them again, or throw them away",
		Args:  cobra.NoArgs,
	}
	list := &cobra.Command{Use: "list", Short: "List dead letters, oldest first", Args: cobra.NoArgs}
	dead := outbox.Filter{State: outbox.StateFailed}
	list.PreRunE = func(*cobra.Command, []string) error { return checkLimit(dead.Limit) }
	a.listFlags(list, &dead)
	show := &cobra.Command{Use: "show SOURCE ID", Short: "Show one dead letter with its history", Args: cobra.ExactArgs(2)}
	a.showFlags(show, func(e *admin.Event) error { return isDead(e, "") })
	cmd.AddCommand(list, show,
		a.deadCommand(admin.Redrive, "Try a dead letter again, or with --all every one that is selected"),
		a.deadCommand(admin.Drop, "Throw a dead letter away, or with --all every one that is selected"))
	return cmd
}

// isDead tells why an event is no dead letter, of that channel or of any.
func isDead(e *admin.Event, channel string) error {
	if slices.ContainsFunc(e.Channels, func(c admin.ChannelState) bool {
		return c.State == outbox.StateFailed && (channel == "" || c.Channel == channel)
	}) {
		return nil
	}
	if channel != "" {
		return fmt.Errorf("event %s of %s is no dead letter of channel %s: headgate event show tells where it is", e.ID, e.Source, channel)
	}
	return fmt.Errorf("event %s of %s is %s, no dead letter: see headgate event show", e.ID, e.Source, e.State)
}

// deadCommand is redrive or drop.
func (a *app) deadCommand(verb admin.Verb, short string) *cobra.Command {
	act := admin.Act{Verb: verb}
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   string(verb) + " (SOURCE ID | --all) --why TEXT",
		Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case act.All && len(args) > 0:
				return errors.New("--all takes no SOURCE ID: select with --channel and --type")
			case !act.All && len(args) != 2:
				return errors.New("name one dead letter by SOURCE ID, or all that are selected with --all")
			case !act.All && act.Type != "":
				return errors.New("--type selects with --all alone")
			case act.Why == "" && !dryRun:
				return errors.New("say why with --why: it goes into the log")
			}
			return nil
		},
		RunE: do(func(cmd *cobra.Command, args []string) error {
			if !act.All {
				act.Key = outbox.Key{Source: args[0], ID: args[1]}
			}
			if !dryRun {
				return a.act(cmd.Context(), act, asJSON)
			}
			done, err := a.rehearse(cmd.Context(), act)
			if err != nil {
				return err
			}
			if !asJSON {
				a.printf("dry run, nothing changed; ")
			}
			return a.printDone(act, done, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&act.All, "all", false, "every dead letter that --channel and --type select")
	cmd.Flags().StringVar(&act.Channel, "channel", "", "only of this `channel`")
	cmd.Flags().StringVar(&act.Type, "type", "", "with --all: only of this type")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only tell how many it would be")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	whyFlag(cmd, &act.Why)
	a.completeChannel(cmd)
	return cmd
}

// page is how many events a dry run asks for at a time.
const page = 1000

// rehearse counts what an act would change.
func (a *app) rehearse(ctx context.Context, act admin.Act) (done admin.Done, _ error) {
	router, err := a.router()
	if err != nil {
		return done, err
	}
	if !act.All {
		e, err := router.Event(ctx, act.Key)
		if err != nil {
			return done, err
		}
		return admin.Done{Changed: 1}, isDead(&e, act.Channel)
	}
	f := outbox.Filter{Channel: act.Channel, Type: act.Type, State: outbox.StateFailed, Limit: page}
	for {
		list, err := router.Events(ctx, f)
		if err != nil {
			return done, err
		}
		done.Changed += len(list)
		if len(list) < page {
			return done, nil
		}
		f.After = list[len(list)-1].Seq
	}
}
