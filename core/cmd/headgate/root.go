package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
)

// app is what every command shares: streams, and the configuration's files.
type app struct {
	streams
	files []string
}

// newRoot is the explicit table of commands.
func newRoot(s streams) *cobra.Command {
	a := &app{streams: s}
	root := &cobra.Command{
		Use:   "headgate",
		Short: "A plugin-based event router: signed events in over HTTPS, verified deliveries out over ZeroMQ",
		Long: `headgate takes signed events from an edge, proves who sent them, and hands them
to back-end consumers over ZeroMQ, losing no accepted command.

Begin with:  headgate demo     see it all happen, needs nothing
             headgate init     a working quickstart in this directory
             headgate run      the router`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.PersistentFlags().StringArrayVarP(&a.files, "config", "c", []string{"headgate.toml"}, "configuration `file`; again for more, later ones win")
	_ = root.MarkPersistentFlagFilename("config", "toml")
	root.AddCommand(
		a.initCommand(), a.runCommand(), a.checkCommand(), a.explainCommand(), a.sendCommand(), a.consumeCommand(), a.demoCommand(),
		a.topCommand(), a.healthcheckCommand(), a.reloadCommand(), a.pluginCommand(), a.eventCommand(), a.dlqCommand(), a.channelCommand(), a.dataCommand(), a.auditCommand(), a.keyCommand(), a.tailCommand(), a.logCommand(), a.openapiCommand(), a.versionCommand(),
	)
	for _, group := range root.Commands() {
		if group.HasSubCommands() { // else a wrong subcommand would print help and succeed
			group.Args = cobra.NoArgs
			group.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	return root
}

// load reads the configuration.
func (a *app) load(set map[string]string) (*config.Config, error) {
	return config.Load(a.files, config.Options{Set: set, Plugins: bundledNames()})
}

// router is a client of the router that this configuration runs, whatever has
// become of the configuration since.
func (a *app) router() (*admin.Client, error) {
	cfg, err := config.Load(a.files, config.Options{Unchecked: true})
	if err != nil {
		return nil, err
	}
	return admin.NewClient(datadir.Socket(cfg.Path(cfg.Data.Dir))), nil
}

// printf writes to standard output.
func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }
