package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
)

func (a *app) logCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Set what a running router writes into its log",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(a.logLevelCommand())
	return cmd
}

func (a *app) logLevelCommand() *cobra.Command {
	var to admin.LevelChange
	var lasts time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "level [PART [LEVEL --why TEXT]]",
		Short: "List the log levels of the router's parts, or set one",
		Long: `level lists what each part of the router writes: debug, info, warn or error, and how
many lines were left out since the start because there were too many at once. With a
part and a level it sets it, until --for is over, or the router starts anew:
[log] levels in headgate.toml is what lasts.`,
		Example: `  headgate log level
  headgate log level intake debug --for 10m --why "a sender is refused"`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 2:
				return fmt.Errorf("PART and LEVEL are all it takes, and there are %d", len(args))
			case len(args) == 2 && !slices.Contains(config.LogLevels(), args[1]):
				return fmt.Errorf("%q is none of debug, info, warn, error", args[1])
			case len(args) == 2 && to.Why == "":
				return errors.New("say why with --why: it goes into the log")
			case len(args) < 2 && (lasts != 0 || to.Why != ""):
				return errors.New("--for and --why are for setting a level")
			case lasts < 0 || lasts%time.Second != 0:
				return fmt.Errorf("--for %s is no time in whole seconds", lasts)
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return [][]cobra.Completion{config.LogParts(), config.LogLevels(), nil}[min(len(args), 2)], cobra.ShellCompDirectiveNoFileComp
		},
		RunE: do(func(cmd *cobra.Command, args []string) error {
			router, err := a.router()
			if err != nil {
				return err
			}
			if len(args) == 2 {
				to.Part, to.Level, to.Seconds = args[0], args[1], int(lasts/time.Second)
				if err := router.SetLevel(cmd.Context(), to); err != nil {
					return err
				}
			}
			list, err := router.Levels(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) > 0 {
				list = slices.DeleteFunc(list, func(l admin.PartLevel) bool { return l.Part != args[0] })
				if len(list) == 0 {
					return fmt.Errorf("no part %q: headgate log level names them", args[0])
				}
			}
			if asJSON {
				return a.printJSON(list)
			}
			a.printLevels(list)
			return nil
		}),
	}
	cmd.Flags().DurationVar(&lasts, "for", 0, "then it goes back by itself")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	whyFlag(cmd, &to.Why)
	return cmd
}

func (a *app) printLevels(list []admin.PartLevel) {
	t := newTable(a.out, "PART", "LEVEL", "CONFIGURED", "UNTIL", "LEFT OUT")
	for _, l := range list {
		t.row(l.Part, l.Level, l.Configured, stamp(l.Until), l.LeftOut)
	}
	t.end()
}
