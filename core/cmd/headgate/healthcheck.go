package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) healthcheckCommand() *cobra.Command {
	var live, asJSON bool
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Tell by the exit code whether a running router is ready",
		Long: `Exits with 0 when the router of this configuration can do all of its work, else
with 1, and says what it waits for. With --live it is enough that it answers. It asks
at the admin socket, as its own user: for containers, whose image has no shell, and
for scripts. GET /readyz and GET /livez of [admin] http tell the same. With --json it
prints what /readyz has, ready or not.`,
		Args: cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			router, err := a.router()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), within)
			defer cancel()
			ready, err := router.Ready(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("the router has not answered within %s", within)
			}
			if err != nil {
				fmt.Fprintf(a.err, "headgate: %v\n", err)
				return errSaid // container runtimes know 0 and 1 alone
			}
			fine := ready.Ready || live
			switch {
			case asJSON:
				if err := a.printJSON(ready); err != nil {
					return err
				}
			case fine:
				a.printf("ok\n")
			default:
				for _, f := range ready.Faults {
					fmt.Fprintf(a.err, "not ready: %s %s %s\n", printable(f.What), printable(f.Name), printable(f.Why))
				}
			}
			if !fine {
				return errSaid
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&live, "live", false, "0 also when it answers and is not ready")
	cmd.Flags().DurationVar(&within, "within", 5*time.Second, "time that it has to answer")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
