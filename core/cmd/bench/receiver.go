package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// How a receiver counts, as testdata/zmqthr.c does.
const (
	receiverWarm   = 1000 // messages before the clock starts: both queues are full then
	receiverStride = 64   // messages between two looks at the clock
)

// playReceiver counts what a Pull receives for so many seconds, its first
// argument, and says the count and the nanoseconds it took.
func playReceiver(ctx context.Context, args []string, say func(string)) error {
	if len(args) == 0 {
		return errors.New("receiver: seconds are needed")
	}
	seconds, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return fmt.Errorf("receiver: %w", err)
	}
	security, err := listeningSecurity(args[1:])
	if err != nil {
		return err
	}
	pull := zmq.NewPull(zmq.Options{Security: security})
	bound, err := pull.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	say(bound)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return pull.Run(ctx) })
	g.Go(func() error {
		count, spent, err := receive(ctx, pull, time.Duration(seconds*float64(time.Second)))
		if err != nil {
			return unlessEnded(ctx, err)
		}
		say(fmt.Sprint(count, spent.Nanoseconds()))
		return nil
	})
	return g.Wait()
}

// receive counts for as long as window.
func receive(ctx context.Context, from *zmq.Pull, window time.Duration) (count int, spent time.Duration, err error) {
	for range receiverWarm {
		if _, err := from.Recv(ctx); err != nil {
			return 0, 0, err
		}
	}
	for start := time.Now(); spent < window; spent = time.Since(start) {
		for range receiverStride {
			if _, err := from.Recv(ctx); err != nil {
				return 0, 0, err
			}
		}
		count += receiverStride
	}
	return count, spent, nil
}
