package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

// selection is what a deed is about: one event by its name, or with all every
// one that the filter selects.
type selection struct {
	all   bool
	f     outbox.Filter
	limit int // 0 for none
}

func (a *app) selectionFlags(cmd *cobra.Command, s *selection) {
	cmd.Flags().BoolVar(&s.all, "all", false, "every event that the filters select, oldest first")
	cmd.Flags().StringVar(&s.f.Channel, "channel", "", "only on this `channel`")
	cmd.Flags().StringVar(&s.f.Source, "source", "", "with --all: only of this source")
	cmd.Flags().StringVar(&s.f.Type, "type", "", "with --all: only of this type")
	cmd.Flags().StringVar(&s.f.Principal, "principal", "", "with --all: only of this principal, as event show prints it")
	cmd.Flags().StringVar(&s.f.KeyID, "key", "", "with --all: only what the key of this `ID` has proven; AUTH:ID for the key of a token")
	cmd.Flags().IntVar(&s.limit, "limit", 0, "with --all: so many at most; 0 for no limit")
	a.completeChannel(cmd)
	a.completePrincipal(cmd)
}

// completePrincipal completes the flag --principal of cmd by those who sent what the
// router has.
func (a *app) completePrincipal(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("principal", func(cmd *cobra.Command, _ []string, _ string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
		router, err := a.router()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		list, _ := router.Events(cmd.Context(), outbox.Filter{Limit: listPage}) // none where nothing runs
		for _, e := range list {
			if who := e.Principal.String(); !slices.Contains(out, who) {
				out = append(out, who)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	})
}

// check tells what is wrong with the arguments. A narrow selection of all needs
// a filter, so that nobody stops or ends everything by accident.
func (s *selection) check(args []string, narrow bool) error {
	filtered := s.f.Source != "" || s.f.Type != "" || s.f.Principal != "" || s.f.KeyID != ""
	switch {
	case s.all && len(args) > 0:
		return errors.New("--all takes no SOURCE ID: select with --channel, --source, --type, --principal and --key")
	case !s.all && len(args) != 2:
		return errors.New("name one event by SOURCE ID, or all that are selected with --all")
	case !s.all && (filtered || s.limit != 0):
		return errors.New("--source, --type, --principal, --key and --limit select with --all alone")
	case s.f.Principal != "" && !strings.Contains(s.f.Principal, ":"):
		return wholePrincipal(s.f.Principal)
	case s.limit < 0:
		return fmt.Errorf("--limit %d is less than 0", s.limit)
	case s.all && narrow && !filtered && !s.f.Held && s.f.Channel == "":
		return errors.New("--all alone would be every event there is: say which with --channel, --source, --type, --principal or --key")
	}
	return nil
}

// wholePrincipal tells what a filter for a principal has to be.
func wholePrincipal(said string) error {
	return fmt.Errorf("--principal %q is no whole principal: one is AUTH:NAME, of a token AUTH:ISSUER:SUBJECT, as headgate event list shows them", said)
}

// listPage is how many events are asked for at a time.
const listPage = 1000

// firstShown is how many of the selected events a dry run shows.
const firstShown = 10

// selected is what a selection came to. Events that are accepted later are none
// of it.
type selected struct {
	picks []admin.Pick // by sequence
	first []admin.Event
}

func (s *selected) add(e admin.Event, seq uint64) {
	s.picks = append(s.picks, admin.Pick{Key: outbox.Key{Source: e.Source, ID: e.ID}, Seq: seq})
	if len(s.first) < firstShown {
		s.first = append(s.first, e)
	}
}

// find asks the router for every event that verb can change.
func (s *selection) find(ctx context.Context, router admin.Router, verb admin.Verb, args []string) (found selected, _ error) {
	fits := func(c admin.ChannelState) bool {
		return (s.f.Channel == "" || s.f.Channel == c.Channel) && (!s.f.Held || c.Held) && verb.Fits(&c.ChannelStatus)
	}
	if !s.all {
		key := outbox.Key{Source: args[0], ID: args[1]}
		e, err := router.Event(ctx, key)
		if err == nil && !slices.ContainsFunc(e.Channels, fits) {
			err = verb.Unfit(key)
		}
		found.add(e, 0)
		return found, err
	}
	f := verb.Select(s.f)
	f.Limit = listPage
	f.Held = f.Held || s.f.Held
	for {
		list, err := router.Events(ctx, f)
		if err != nil {
			return found, err
		}
		for _, e := range list {
			if slices.ContainsFunc(e.Channels, fits) {
				found.add(e, e.Seq)
			}
			if s.limit > 0 && len(found.picks) == s.limit {
				return found, nil
			}
			f.After = e.Seq
		}
		if len(list) < listPage {
			return found, nil
		}
	}
}
