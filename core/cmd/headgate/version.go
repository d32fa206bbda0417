package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/sdk"
)

// versions are what version tells.
type versions struct {
	Version  string `json:"version"`
	SDK      string `json:"sdk"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Tell which headgate this is",
		Args:  cobra.NoArgs,
		RunE: do(func(*cobra.Command, []string) error {
			v := versions{Version: version, SDK: sdk.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if asJSON {
				return a.printJSON(v)
			}
			a.printf("headgate %s (sdk %s, %s, %s)\n", v.Version, v.SDK, v.Go, v.Platform)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
