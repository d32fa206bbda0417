package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

func (a *app) eventCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "event",
		Short: "Look at events in a running router; cancel, hold or release them",
		Args:  cobra.NoArgs,
	}
	cancel := a.deedCommand(admin.Cancel, "End pending events as dropped")
	cancel.Long = `cancel ends events as dropped on every channel, or the one named, where they are
pending: one by its name, or with --all every one that the filters select. A
consumer that has one now is not stopped; its reply changes nothing.
` + deedHelp
	hold := a.deedCommand(admin.Hold, "Hand pending events out no more, until they are released")
	hold.Long = `hold keeps pending events from being handed out: one by its name, or with --all every
one that the filters select. A held event keeps what is behind it in its order
waiting. A consumer that has one now may end it; if it comes back it is held.
Held events age: beyond max_age they end as expired once they are released.
` + deedHelp
	release := a.deedCommand(admin.Release, "Hand held events out again")
	release.Long = `release lets held events go: one by its name, or with --all every one that the
filters select, oldest first, no faster than --rate.
` + deedHelp
	cmd.AddCommand(a.eventListCommand(), a.eventShowCommand(), cancel, hold, release)
	return cmd
}

func (a *app) eventListCommand() *cobra.Command {
	var f outbox.Filter
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List events that went to a command channel, oldest first",
		Args:  cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			f.State = outbox.State(state)
			if !slices.Contains(states, f.State) && state != "" {
				return fmt.Errorf("--state %q is none of pending, done, failed, dropped", state)
			}
			return checkLimit(f.Limit)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "pending, done, failed (dead letters) or dropped")
	cmd.Flags().BoolVar(&f.Held, "held", false, "only what is held")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]cobra.Completion{"pending", "done", "failed", "dropped"}, cobra.ShellCompDirectiveNoFileComp))
	a.listFlags(cmd, &f)
	return cmd
}

var states = []outbox.State{outbox.StatePending, outbox.StateDone, outbox.StateFailed, outbox.StateDropped}

// listLimit is how many events a list has unless it is told.
const listLimit = 100

func checkLimit(n int) error {
	if n < 1 || n > admin.MaxList {
		return fmt.Errorf("--limit %d is not 1 to %d: page with --after", n, admin.MaxList)
	}
	return nil
}

// listFlags makes cmd list what f selects.
func (a *app) listFlags(cmd *cobra.Command, f *outbox.Filter) {
	var asJSON bool
	cmd.Flags().StringVar(&f.Channel, "channel", "", "only of this `channel`")
	cmd.Flags().StringVar(&f.Source, "source", "", "only of this source")
	cmd.Flags().StringVar(&f.Type, "type", "", "only of this type")
	cmd.Flags().StringVar(&f.Principal, "principal", "", "only of this principal, as show prints it")
	cmd.Flags().StringVar(&f.KeyID, "key", "", "only what the key of this `ID` has proven; AUTH:ID for the key of a token")
	cmd.Flags().IntVar(&f.Limit, "limit", listLimit, "so many at most")
	cmd.Flags().Uint64Var(&f.After, "after", 0, "only above this sequence, to page")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	a.completeChannel(cmd)
	a.completePrincipal(cmd)
	cmd.RunE = do(func(cmd *cobra.Command, _ []string) error {
		if f.Principal != "" && !strings.Contains(f.Principal, ":") {
			return wholePrincipal(f.Principal)
		}
		router, err := a.router()
		if err != nil {
			return err
		}
		list, err := router.Events(cmd.Context(), *f)
		if err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(list)
		}
		a.printEvents(list)
		if len(list) == f.Limit {
			fmt.Fprintf(a.err, "There may be more: --after %d\n", list[len(list)-1].Seq)
		}
		return nil
	})
}

func (a *app) printEvents(list []admin.Event) {
	t := newTable(a.out, "SEQ", "ID", "SOURCE", "TYPE", "STATE", "CHANNELS", "ACCEPTED", "KEY", "PROOF", "PRINCIPAL")
	for _, e := range list {
		channels := make([]string, len(e.Channels))
		for i, c := range e.Channels {
			channels[i] = fmt.Sprintf("%s:%s", c.Channel, c.State)
			if c.Held {
				channels[i] += "(held)"
			}
		}
		t.row(e.Seq, e.ID, e.Source, e.Type, e.State, strings.Join(channels, " "), stamp(e.Accepted), e.Key, proofOf(&e), e.Principal)
	}
	t.end()
}

// proofOf tells how sender and event were proven.
func proofOf(e *admin.Event) string {
	if e.Proof.Event == "" {
		return e.Proof.Transport
	}
	return e.Proof.Transport + " + " + e.Proof.Event
}

// stamp gives a time as logs have it, empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

func (a *app) eventShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show SOURCE ID",
		Short: "Show one event with its history, and itself while it is held",
		Args:  cobra.ExactArgs(2),
	}
	a.showFlags(cmd, func(*admin.Event) error { return nil })
	return cmd
}

// showFlags makes cmd show one event that fit is content with.
func (a *app) showFlags(cmd *cobra.Command, fit func(*admin.Event) error) {
	var raw, asJSON bool
	cmd.Flags().BoolVar(&raw, "raw", false, "print the event alone, its exact bytes")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("raw", "json")
	cmd.RunE = do(func(cmd *cobra.Command, args []string) error {
		router, err := a.router()
		if err != nil {
			return err
		}
		e, err := router.Event(cmd.Context(), outbox.Key{Source: args[0], ID: args[1]})
		if err != nil {
			return err
		}
		if err := fit(&e); err != nil {
			return err
		}
		switch {
		case asJSON:
			return a.printJSON(e)
		case !raw:
			a.printEvent(&e)
			return nil
		case len(e.Raw) == 0:
			return fmt.Errorf("event %s of %s has ended: %w", e.ID, e.Source, errGone)
		}
		_, err = a.out.Write(e.Raw)
		return err
	})
}

var errGone = errors.New("the event itself is no longer held, only its state")

func (a *app) printEvent(e *admin.Event) {
	a.printf("event      %s of %s\n", printable(e.ID), printable(e.Source))
	a.printf("type       %s\n", printable(e.Type))
	a.printf("state      %s\n", e.State)
	a.printf("principal  %s\n", printable(e.Principal.String()))
	a.optional("key", e.Key)
	a.optional("proof", proofOf(e))
	a.printf("accepted   %s, sequence %d\n", stamp(e.Accepted), e.Seq)
	for _, c := range e.Channels {
		a.printf("\nchannel    %s: %s, attempt %d, %s\n", c.Channel, channelStateOf(c), c.Attempt, count(c.Failures, "failure"))
		a.optional("order key", c.Order)
		a.optional("through", strings.Join(c.Transforms, ", "))
		a.optional("due", stamp(c.Due))
		a.optional("changed", stamp(c.At))
		a.optional("reason", c.Reason)
		a.optional("result", string(c.Result))
		if len(c.History) == 0 {
			continue
		}
		t := newTable(a.out, "ATTEMPT", "AT", "WHAT", "REASON")
		for _, h := range c.History {
			t.row(h.Attempt, stamp(h.At), h.What, h.Reason)
		}
		t.end()
	}
	if len(e.Event) == 0 {
		a.printf("\n%v\n", errGone)
		return
	}
	var text bytes.Buffer
	if err := json.Indent(&text, e.Event, "", "  "); err != nil {
		a.printf("\n%s\n", printable(string(e.Event)))
		return
	}
	a.printf("\n")
	for line := range strings.Lines(text.String()) {
		a.printf("%s\n", printable(strings.TrimSuffix(line, "\n")))
	}
}

func channelStateOf(c admin.ChannelState) string {
	switch {
	case c.Out && c.Held:
		return string(c.State) + " (out with a consumer, held when it comes back)"
	case c.Out:
		return string(c.State) + " (out with a consumer)"
	case c.Held:
		return string(c.State) + " (held)"
	}
	return string(c.State)
}

func (a *app) optional(name, value string) {
	if value != "" {
		a.printf("%-9s  %s\n", name, printable(value))
	}
}

func whyFlag(cmd *cobra.Command, why *string) {
	cmd.Flags().StringVar(why, "why", "", "the reason, for the log")
}
