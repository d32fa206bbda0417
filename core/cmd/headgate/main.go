// Command headgate is the router and everything around it: one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/process"
	"github.com/headgate-io/headgate/sdk/host"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = "dev"

func main() {
	if err := host.SealDescriptors(); err != nil { // before any plugin is started
		fmt.Fprintln(os.Stderr, "headgate:", err)
		os.Exit(exitBad)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(process.ReapOrphans(func() int {
		return run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	}))
}

// streams are a command's standard streams.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// The exit codes.
const (
	exitFine        = 0
	exitBad         = 1 // what was asked about is bad, or did not work
	exitUsage       = 2
	exitUnreachable = 3 // no router answers
)

// run is main without the process around it.
func run(ctx context.Context, args []string, s streams) int {
	root := newRoot(s)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var did failure
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errSaid):
		return exitBad
	case !errors.As(err, &did):
		fmt.Fprintf(s.err, "headgate: %v\nusage: %s\nTry '%s --help'.\n", err, cmd.UseLine(), cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(s.err, "headgate: %s\n", printableLines(err.Error()))
	if errors.Is(err, admin.ErrUnreachable) {
		return exitUnreachable
	}
	return exitBad
}

// errSaid ends a command badly that has said why already.
var errSaid = errors.New("said")

// failure is an error of a command that ran, as opposed to one of its usage.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// do makes a command's work of f: its errors are no usage errors.
func do(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd, args); err != nil {
			return failure{err}
		}
		return nil
	}
}
