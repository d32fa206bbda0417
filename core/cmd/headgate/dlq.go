package main

import (
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
	a.showFlags(show, isDead)
	redrive := a.deedCommand(admin.Redrive, "Try dead letters again")
	redrive.Long = `redrive makes dead letters pending again, with no failures: one by its name, or with
--all every one that the filters select, oldest first. --rate spares a consumer
that has just been mended.
` + deedHelp
	drop := a.deedCommand(admin.Drop, "Throw dead letters away")
	drop.Long = `drop ends dead letters for good: one by its name, or with --all every one that the
filters select. What is dropped cannot be brought back.
` + deedHelp
	cmd.AddCommand(list, show, redrive, drop)
	return cmd
}

// isDead tells why an event is no dead letter.
func isDead(e *admin.Event) error {
	if slices.ContainsFunc(e.Channels, func(c admin.ChannelState) bool { return c.State == outbox.StateFailed }) {
		return nil
	}
	return fmt.Errorf("event %s of %s is %s, no dead letter: see headgate event show", e.ID, e.Source, e.State)
}
