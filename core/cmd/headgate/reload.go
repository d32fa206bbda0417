package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
)

func (a *app) reloadCommand() *cobra.Command {
	var o admin.Reload
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running router read its configuration again",
		Long: `Has a running router read its configuration again: it is checked as a whole,
started beside what runs, and put in place in one step. A file that is not good
changes nothing, and the error says what is wrong with it. Connections of what
stays go on. [data] and some other keys count from the next start on; they are
marked so.

SIGHUP does the same, and so does a change of a file with [reload] watch = true.

A channel that is gone and still holds events is refused, and so is a transform
that such events may have to go through: with --orphans hold they wait in the
store until it comes back.`,
		Args: cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			router, err := a.router()
			if err != nil {
				return err
			}
			done, err := router.Reload(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(done)
			}
			a.printReloaded(&done)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&o.Wait, "wait", false, "return when what is gone has ended, too")
	cmd.Flags().StringVar(&o.Orphans, "orphans", "", "what becomes of events that wait for what is gone: hold keeps them; without it the file is refused")
	cmd.Flags().StringVar(&o.Why, "why", "", "why, for the audit log")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("orphans", cobra.FixedCompletions([]string{"hold"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) printReloaded(done *admin.Reloaded) {
	if len(done.Changes) == 0 {
		a.printf("generation %d: nothing of the configuration is another; what it refers to was read again\n", done.Generation)
		return
	}
	t := newTable(a.out, "KEY", "WAS", "NOW", "NOTE")
	for _, c := range done.Changes {
		t.row(c.Key, orDash(c.Was), orDash(c.Now), remarkOn(c))
	}
	t.end()
	a.printf("generation %d: %s\n", done.Generation, count(len(done.Changes), "change"))
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func remarkOn(c admin.Change) string {
	switch {
	case c.Restart && c.Weakens:
		return "WEAKENS, from the next start on"
	case c.Restart:
		return "from the next start on"
	case c.Weakens:
		return "WEAKENS"
	}
	return ""
}

// reloadOnHangup reloads at each hangup until ctx ends.
func reloadOnHangup(ctx context.Context, hangup <-chan os.Signal, reload func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			reload()
		}
	}
}
