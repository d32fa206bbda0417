package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
)

// roleArg is the first argument of this program in a role. What follows is the
// file for a CPU profile, empty for none, the role's name and its arguments.
const roleArg = "role"

// role works until ctx ends. What it says are lines: its address once it works,
// then what it measures, if it does.
type role func(ctx context.Context, args []string, say func(string)) error

func roles() map[string]role {
	return map[string]role{"router": playRouter, "floor": playFloor, "sender": playSender, "receiver": playReceiver, "consumers": playConsumers,
		"allocations": playAllocations, "memory": playMemory, "publisher": playPublisher}
}

// play is the program in a role. It ends with its standard input.
func play(ctx context.Context, args []string, in io.Reader, out io.Writer) (err error) {
	if len(args) < 2 || roles()[args[1]] == nil {
		return fmt.Errorf("roles are for bench itself")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process at the latest
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	if args[0] != "" {
		f, err := os.Create(args[0])
		if err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		defer func() {
			pprof.StopCPUProfile()
			if cerr := f.Close(); err == nil {
				err = cerr
			}
		}()
	}
	return roles()[args[1]](ctx, args[2:], func(line string) { fmt.Fprintln(out, line) })
}
