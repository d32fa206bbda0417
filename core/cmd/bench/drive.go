package main

import (
	"context"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// drive lets so many callers call again and again for the window. A call is of
// so many events. The processor time is this process's.
func (b *bench) drive(ctx context.Context, callers, events int, call func() error) (sample, error) {
	before, err := cpuSince(os.Getpid(), 0)
	if err != nil {
		return sample{}, err
	}
	times := make([][]int64, callers)
	g, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for i := range times {
		g.Go(func() error {
			for at := start; at.Sub(start) < b.window && ctx.Err() == nil; {
				if err := call(); err != nil {
					return err
				}
				now := time.Now()
				times[i] = append(times[i], int64(now.Sub(at)))
				at = now
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return sample{}, err
	}
	v := &volley{elapsed: time.Since(start), sorted: slices.Concat(times...)}
	slices.Sort(v.sorted)
	v.accepted = len(v.sorted) * events
	cpu, err := cpuSince(os.Getpid(), before)
	return newSample(v, v.elapsed, cpu), err
}
