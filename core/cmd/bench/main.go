// Command bench measures headgate against its speed targets S1 to S10, and the
// journal alone: J1 appends, J2 remembered identities, J3 a backlog and a
// restart. Run it with `go run ./core/cmd/bench`; --only S2,S3
// takes a part of it.
//
// It compares and asserts nothing. Each measurement stands beside a baseline
// taken on the same machine in the same run: both are short and alternate for
// --rounds rounds, and what is printed is medians with their extremes. What
// cannot be measured here is printed too, with the reason.
//
// Senders, routers and consumers are processes of their own: this program
// starts itself in roles, and a small libzmq program that it compiles.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/headgate-io/headgate/sdk/plugin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	rounds   int
	window   time.Duration // of one side of one round
	only     []string      // targets; empty for all
	profiles string        // directory of CPU profiles; empty for none
	json     string        // file; empty for none
	dir      string        // for data; empty for that of temporary files
	pending  int           // events of S9
	ids      int           // identities of J2
	backlog  int           // events of J3
}

// run is main without the process around it.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == roleArg {
		return play(ctx, args[1:], os.Stdin, out)
	}
	if slices.Equal(args, []string{pluginArg, codecsArg}) {
		serveCodecs()
		return nil
	}
	if len(args) > 0 && args[0] == pluginArg {
		plugin.Serve(ownPlugin()) // ends the process
	}
	var o options
	var seconds float64
	var only string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 7, "alternations of baseline and measurement")
	f.Float64Var(&seconds, "seconds", 0.7, "length of one side of one round")
	f.StringVar(&only, "only", "", "targets to measure, as in S1,S2; all when empty")
	f.StringVar(&o.profiles, "cpuprofile", "", "`directory` for CPU profiles of the measured process")
	f.StringVar(&o.json, "json", "", "`file` for the results with every sample")
	f.StringVar(&o.dir, "dir", "", "`directory` for data, on the disk to be measured; the one for temporary files when empty")
	f.IntVar(&o.pending, "pending", 1_000_000, "events pending in S9")
	f.IntVar(&o.ids, "ids", 1_000_000, "identities remembered in J2, as in 10000000")
	f.IntVar(&o.backlog, "backlog", 100_000, "events pending in J3, as in 1000000")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.rounds < 1 || seconds <= 0 || o.pending < 1 || o.ids < 1 || o.backlog < 1 || f.NArg() > 0 {
		return errors.New("every number must be positive, and there are no arguments")
	}
	o.window = time.Duration(seconds * float64(time.Second))
	for name := range strings.SplitSeq(only, ",") {
		if name != "" {
			o.only = append(o.only, strings.ToUpper(name))
		}
	}
	rows, err := measure(ctx, o)
	if err != nil {
		return err
	}
	if o.json != "" {
		if err := writeJSON(o, rows); err != nil {
			return err
		}
	}
	return writeTable(out, o, rows)
}
