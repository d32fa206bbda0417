package main

import (
	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core"
)

func (a *app) openapiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the OpenAPI 3.1 description of the HTTP door",
		Args:  cobra.NoArgs,
		RunE: do(func(*cobra.Command, []string) error {
			_, err := a.out.Write(core.OpenAPI())
			return err
		}),
	}
}
