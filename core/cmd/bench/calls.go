package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

const (
	// callers are as many as a router has for one chain of transforms.
	callers = 4
	// largeBatch is the most events that a router gives a plugin at once.
	largeBatch = 256
	// callLimit is what an event of a large batch may take, in microseconds.
	callLimit = 5
)

// batchSizes are how many events go at once.
func batchSizes() []int { return []int{1, 16, largeBatch} }

// newBatch gives so many events for a transform.
func newBatch(size int, extensions []sdk.Extension) ([]sdk.Input, error) {
	batch := make([]sdk.Input, size)
	for i := range batch {
		e, err := sdk.ParseEvent(newEvent(fmt.Sprintf("bench-%d", i), commanded))
		if err != nil {
			return nil, err
		}
		e.Raw, e.Extensions = nil, extensions
		batch[i].Event = &e
	}
	return batch, nil
}

// calls tells what an event costs that goes to a plugin and comes back, by what
// becomes of it and by how many go at once.
func (b *bench) calls(ctx context.Context, conn *host.Conn) ([]*row, error) {
	var rows []*row
	var sides []func() error
	for _, verdict := range []sdk.Verdict{sdk.Unchanged, sdk.Replace} {
		kind := kindThat(verdict)
		for _, size := range batchSizes() {
			batch, err := newBatch(size, nil)
			if err != nil {
				return nil, err
			}
			c := newCalling(fmt.Sprintf("plugin call, batch of %d, %s", size, kind), conn.Facts().PID, conn.Transform(kind), verdict, batch)
			if size == largeBatch {
				c.wall.Aim = atMostValue(callLimit)
			}
			rows = append(rows, c.wall, c.cpu)
			sides = append(sides, func() error { return c.run(ctx, b) })
		}
	}
	rows[0].Note = fmt.Sprintf("events of %d bytes without extensions over the router's own wire, mTLS included, %d calls at once; both sides share the processors", eventBytes, callers)
	rows[1].Note = "of both sides; what else runs on the machine does not count"
	return rows, b.each(sides...)
}

// calling is calls of one transform with batches of one size.
type calling struct {
	wall, cpu *row
	plugin    int // pid
	transform sdk.Transform
	verdict   sdk.Verdict
	batch     []sdk.Input // calls only read it
}

func newCalling(what string, plugin int, t sdk.Transform, v sdk.Verdict, batch []sdk.Input) *calling {
	return &calling{wall: &row{What: what + ", per event", Unit: "us"}, cpu: &row{What: what + ", processor time per event", Unit: "us", Missing: withoutProc()},
		plugin: plugin, transform: t, verdict: v, batch: batch}
}

// against gives its rows with the figures of another, of the same rounds, beside
// its own.
func (c *calling) against(what string, base *calling) []*row {
	c.wall.Against, c.wall.Baseline = what, base.wall.Measured
	c.cpu.Against, c.cpu.Baseline = what, base.cpu.Measured
	return []*row{c.wall, c.cpu}
}

// run adds one round.
func (c *calling) run(ctx context.Context, b *bench) error {
	before, err := cpuSince(c.plugin, 0)
	if err != nil {
		return err
	}
	var events atomic.Int64
	got, err := b.drive(ctx, callers, len(c.batch), func() error {
		outcomes, err := c.transform.Transform(ctx, c.batch)
		if err == nil && outcomes[0].Verdict != c.verdict {
			err = fmt.Errorf("plugin: verdict %d, want %d: %s", outcomes[0].Verdict, c.verdict, outcomes[0].Reason)
		}
		events.Add(int64(len(outcomes)))
		return err
	})
	if err != nil {
		return err
	}
	c.wall.Measured = append(c.wall.Measured, float64(time.Second/time.Microsecond)/got.rate)
	used, err := cpuSince(c.plugin, before)
	if err != nil || c.cpu.Missing != "" {
		return err
	}
	c.cpu.Measured = append(c.cpu.Measured, got.cpu+float64(used)/float64(time.Microsecond)/float64(events.Load()))
	return nil
}
