package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/audit"
)

func (a *app) auditExportCommand() *cobra.Command {
	var dir, since, until string
	var s audit.Span
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export DIRECTORY",
		Short: "Copy a part of the audit log, with its checkpoints, for auditors",
		Long: `export copies the files that have records of a span into DIRECTORY, which must be new
or empty, whole, with the checkpoints of that part. What it makes can be checked,
searched and proven from alone: headgate audit verify DIRECTORY, best with a
checkpoint that auditors have from elsewhere.`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		PreRunE: func(*cobra.Command, []string) (err error) {
			if s.From < 0 || s.To < 0 || s.To > 0 && s.To <= s.From {
				return errors.New("--from and --to are indexes of records, and --to is the greater one")
			}
			if s.Since, err = auditTime("since", since); err != nil {
				return err
			}
			s.Until, err = auditTime("until", until)
			return err
		},
		RunE: do(func(cmd *cobra.Command, args []string) error {
			_, files, err := a.auditFiles(dir)
			if err != nil {
				return err
			}
			x, err := audit.Extract(cmd.Context(), files, s, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(x)
			}
			a.printf("%s: records %d to %d, in %s, with %s\n", args[0], x.First, x.Size-1, count(x.Files, "file"), count(x.Checkpoints, "checkpoint"))
			return nil
		}),
	}
	dirFlag(cmd, &dir)
	cmd.Flags().StringVar(&since, "since", "", "from this `time` on: RFC 3339, a day, or how long ago")
	cmd.Flags().StringVar(&until, "until", "", "before this `time`")
	cmd.Flags().Int64Var(&s.From, "from", 0, "from this `index` on")
	cmd.Flags().Int64Var(&s.To, "to", 0, "before this `index`; 0 for no bound")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
