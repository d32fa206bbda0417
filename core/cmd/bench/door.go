package main

import (
	"context"
	"fmt"
)

// batchEvents is the size of S4's batches.
const batchEvents = 100

// memoryNote is what has to be said wherever commands are measured.
const memoryNote = "memory outbox, not durable"

// telemetry is S2.
func (b *bench) telemetry(ctx context.Context) ([]*row, error) {
	s, err := b.newStand(ctx, "S2", published)
	if err != nil {
		return nil, err
	}
	defer s.close()
	c := newComparison("signed event over HTTP to telemetry", 64)
	c.rate.Aim = atLeast(0.8)
	if err := c.against(ctx, s, 64); err != nil {
		return nil, err
	}
	c.rate.Note = s.tally() + "; " + lagNote(c.lags)
	return c.rows(), nil
}

// commands is S3, as far as there is an outbox.
func (b *bench) commands(ctx context.Context) ([]*row, error) {
	s, err := b.newStand(ctx, "S3", commanded)
	if err != nil {
		return nil, err
	}
	defer s.close()
	var rows []*row
	for _, one := range []struct {
		connections int
		ratio       float64
	}{{64, 0.6}, {512, 0.7}} {
		c := newComparison("the same to commands ("+memoryNote+")", one.connections)
		c.rate.Aim, c.p99.Aim = atLeast(one.ratio), atMost(3)
		if err := c.against(ctx, s, one.connections); err != nil {
			return nil, err
		}
		c.rate.Note = s.tally() + "; " + lagNote(c.lags)
		rows = append(rows, c.rows()...)
	}
	return rows, nil
}

// batches is S4.
func (b *bench) batches(ctx context.Context) ([]*row, error) {
	s, err := b.newStand(ctx, "S4", commanded)
	if err != nil {
		return nil, err
	}
	defer s.close()
	what := fmt.Sprintf("%d events per request to commands (%s)", batchEvents, memoryNote)
	accepted := &row{What: what, Unit: "events/s", Against: "one per request", Aim: atLeast(5)}
	done := &row{What: what + ", until the last is done", Unit: "events/s", Against: "one per request"}
	var lags []float64
	err = b.each(
		func() error {
			o, err := s.fireRouter(ctx, 64, 1)
			if err != nil {
				return err
			}
			accepted.Baseline = append(accepted.Baseline, o.perSecond())
			done.Baseline = append(done.Baseline, o.deliveredPerSecond())
			return nil
		},
		func() error {
			o, err := s.fireRouter(ctx, 64, batchEvents)
			if err != nil {
				return err
			}
			accepted.Measured = append(accepted.Measured, o.perSecond())
			done.Measured = append(done.Measured, o.deliveredPerSecond())
			lags = append(lags, o.lag)
			return nil
		})
	if err != nil {
		return nil, err
	}
	accepted.Note = s.tally() + "; batches: " + lagNote(lags)
	return []*row{accepted, done}, nil
}
