// Command bench measures headgate against its speed targets S1 to S4 and S7
// to S9. Run it with `go run ./core/cmd/bench`; --only S2,S3 takes a part of it.
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
	"strings"
	"syscall"
	"time"
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
}

// run is main without the process around it.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == roleArg {
		return play(ctx, args[1:], os.Stdin, out)
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
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.rounds < 1 || seconds <= 0 || f.NArg() > 0 {
		return errors.New("--rounds and --seconds must be positive, and there are no arguments")
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
