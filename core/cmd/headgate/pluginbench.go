package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

func (a *app) pluginBenchCommand() *cobra.Command {
	var f targetFlags
	var event string
	var batches []int
	var calls int
	var each time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bench PLUGIN | PATH",
		Short: "Measure what a plugin costs per event, by the size of batches",
		Long: `bench runs one event over and over through a transform, over the wire that the
router uses, mTLS included. Router and plugin share this machine's processors.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.plugins(false),
		RunE: do(func(cmd *cobra.Command, args []string) error {
			t, err := newTarget(args[0], &f)
			if err != nil {
				return err
			}
			defer t.close()
			command, err := t.command(cmd.Context())
			if err != nil {
				return err
			}
			e, err := a.readEvent(event)
			if err != nil {
				return err
			}
			p, err := f.open(cmd.Context(), command, host.Options{Version: version})
			if err != nil {
				return err
			}
			defer p.conn.Close(context.WithoutCancel(cmd.Context())) //nolint:errcheck // it is measured
			return a.benchPlugin(cmd.Context(), p, e, benchPlan{batches, calls, each}, asJSON)
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&event, "event", "", "the event to run, in `FILE`; a sample when empty")
	cmd.Flags().IntSliceVar(&batches, "batches", []int{1, 16, 256}, "events per call")
	cmd.Flags().IntVar(&calls, "calls", 4, "calls under way at once")
	cmd.Flags().DurationVar(&each, "for", time.Second, "how long each size is run")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

type benchPlan struct {
	batches []int
	calls   int
	each    time.Duration
}

// cost is one line of a bench.
type cost struct {
	Batch     int     `json:"batch"`
	Calls     int     `json:"calls"`
	Events    int64   `json:"events"`
	PerSecond float64 `json:"events_per_second"`
	Micros    float64 `json:"microseconds_per_event"`
	Failed    int64   `json:"failed"`
}

func (a *app) benchPlugin(ctx context.Context, p *opened, e sdk.Event, plan benchPlan, asJSON bool) error {
	var costs []cost
	t := newTable(a.out, "BATCH", "CALLS", "EVENTS", "EVENTS/S", "US/EVENT", "FAILED")
	for _, size := range plan.batches {
		if size < 1 || plan.calls < 1 {
			return fmt.Errorf("want at least one event per call and one call at once")
		}
		c, err := p.measure(ctx, e, size, plan)
		if err != nil {
			return err
		}
		costs = append(costs, c)
		t.row(c.Batch, c.Calls, c.Events, fmt.Sprintf("%.0f", c.PerSecond), fmt.Sprintf("%.2f", c.Micros), c.Failed)
	}
	if asJSON {
		return a.printJSON(costs)
	}
	t.end()
	return nil
}

// measure runs batches of one size for a while.
func (p *opened) measure(ctx context.Context, e sdk.Event, size int, plan benchPlan) (cost, error) {
	var events, failed atomic.Int64
	transform := p.conn.Transform(p.kind.Name)
	errs := make([]error, plan.calls)
	began := time.Now()
	var going sync.WaitGroup
	for n := range plan.calls {
		going.Go(func() {
			batch := make([]sdk.Input, size)
			for i := range batch {
				one := e
				one.Raw = nil
				batch[i].Event = &one
			}
			for time.Since(began) < plan.each && ctx.Err() == nil {
				outcomes, err := transform.Transform(ctx, batch)
				if err != nil {
					errs[n] = err
					return
				}
				events.Add(int64(len(outcomes)))
				for _, o := range outcomes {
					if o.Verdict == sdk.Fail {
						failed.Add(1)
					}
				}
			}
		})
	}
	going.Wait()
	took := time.Since(began)
	for _, err := range errs {
		if err != nil {
			return cost{}, err
		}
	}
	n := events.Load()
	return cost{Batch: size, Calls: plan.calls, Events: n, PerSecond: float64(n) / took.Seconds(), Micros: float64(took.Microseconds()) / float64(max(n, 1)), Failed: failed.Load()}, ctx.Err()
}
