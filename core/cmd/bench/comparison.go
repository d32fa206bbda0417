package main

import (
	"context"
	"fmt"
)

// comparison is a router against the floor at so many connections.
type comparison struct {
	rate, p50, p99 *row
	lag            []float64
}

func newComparison(what string, connections int) *comparison {
	what = fmt.Sprintf("%s, %d connections", what, connections)
	floor := "net/http + HMAC"
	return &comparison{
		rate: &row{What: what, Unit: "req/s", Against: floor},
		p50:  &row{What: what + ", p50", Unit: "ms", Against: floor},
		p99:  &row{What: what + ", p99", Unit: "ms", Against: floor},
	}
}

func (c *comparison) rows() []*row { return []*row{c.rate, c.p50, c.p99} }

// against adds a round of both.
func (c *comparison) against(ctx context.Context, s *stand, connections int) error {
	return s.b.each(
		func() error {
			v, err := s.fireFloor(ctx, connections)
			if err != nil {
				return err
			}
			c.rate.Baseline = append(c.rate.Baseline, v.perSecond())
			c.p50.Baseline = append(c.p50.Baseline, v.millis(50))
			c.p99.Baseline = append(c.p99.Baseline, v.millis(99))
			return nil
		},
		func() error {
			v, lag, err := s.fireRouter(ctx, connections, 1)
			if err != nil {
				return err
			}
			c.rate.Measured = append(c.rate.Measured, v.perSecond())
			c.p50.Measured = append(c.p50.Measured, v.millis(50))
			c.p99.Measured = append(c.p99.Measured, v.millis(99))
			c.lag = append(c.lag, lag)
			return nil
		})
}

// undelivered says how far consumers lagged behind.
func (c *comparison) undelivered() string {
	return fmt.Sprintf("%.1f %% of what was accepted was still on its way at the end of a round (median)", 100*summarize(c.lag).Median)
}
