package main

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/audit"
)

func (a *app) auditSearchCommand() *cobra.Command {
	var dir, since, until string
	var q audit.Query
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "search",
		Short: "Print the records that the filters select, oldest first",
		Long: `search reads the log from the oldest record on. --id and --source select what was said
of an event and what became of it. --json prints the lines as they stand in the log.

It checks nothing: audit verify does.`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) (err error) {
			if q.Limit < 0 {
				return fmt.Errorf("--limit %d is less than 0", q.Limit)
			}
			if q.Since, err = auditTime("since", since); err != nil {
				return err
			}
			q.Until, err = auditTime("until", until)
			return err
		},
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			_, files, err := a.auditFiles(dir)
			if err != nil {
				return err
			}
			tell := func(l *audit.Line) error { _, err := fmt.Fprintf(a.out, "%s\n", l.Raw); return err }
			if !asJSON {
				t := newTable(a.out, "RECORD", "TIME", "ACTION", "OUTCOME", "REASON", "PRINCIPAL", "SEQ", "ID", "SOURCE", "CHANNEL", "BY")
				defer t.end()
				tell = func(l *audit.Line) error { searchRow(t, l); return nil }
			}
			unread, err := audit.Search(cmd.Context(), files, q, tell)
			if err == nil && unread > 0 {
				fmt.Fprintf(a.err, "%s cannot be read: headgate audit verify tells more\n", count(unread, "line"))
			}
			return err
		}),
	}
	dirFlag(cmd, &dir)
	cmd.Flags().StringVar(&q.ID, "id", "", "only of the event of this id")
	cmd.Flags().StringVar(&q.Source, "source", "", "only of events of this source")
	cmd.Flags().StringVar(&q.Principal, "principal", "", "only of this principal, or subject")
	cmd.Flags().StringVar(&q.Action, "action", "", "only this action, or those that begin with it: auth, event.dead")
	cmd.Flags().StringVar(&q.Reason, "reason", "", "only with this reason `code`")
	cmd.Flags().StringVar(&q.Request, "request", "", "only of the request of this id, as its answer had it")
	cmd.Flags().StringVar(&since, "since", "", "only from this `time` on: RFC 3339, a day, or how long ago")
	cmd.Flags().StringVar(&until, "until", "", "only before this `time`")
	cmd.Flags().IntVar(&q.Limit, "limit", 0, "so many at most; 0 for no limit")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line each")
	_ = cmd.RegisterFlagCompletionFunc("action", cobra.FixedCompletions([]cobra.Completion{"event", "auth", "admin", "key", "config", "plugin", "listener", "telemetry", "audit"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// searchRow prints a record. What an unproven peer wrote of itself is marked.
func searchRow(t *table, l *audit.Line) {
	told, mark := l.Told, ""
	if told == (audit.Told{}) && l.Unproven != told {
		told, mark = l.Unproven, "?"
	}
	principal := ""
	if told.Principal.Subject != "" || told.Principal.Provider != "" {
		principal = mark + told.Principal.String()
	}
	t.row(l.N, stamp(l.Time), l.Action, l.Outcome, l.Reason, principal, number(l.Seq), marked(mark, told.Event.ID), marked(mark, told.Event.Source), l.Channel,
		cmp.Or(l.Actor, l.Source.Addr))
}

func marked(mark, text string) string {
	if text == "" {
		return ""
	}
	return mark + text
}

// number is n, and nothing for none.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}
