package main

import (
	"context"
	"fmt"
)

// comparison is a router against the floor at so many connections.
type comparison struct {
	rate, done, p50, p99 *row
	lags                 []float64
}

func newComparison(what string, connections int) *comparison {
	what = fmt.Sprintf("%s, %d connections", what, connections)
	floor := "net/http + HMAC"
	return &comparison{
		rate: &row{What: what, Unit: "req/s", Against: floor},
		done: &row{What: what + ", until the last is delivered", Unit: "req/s", Against: floor},
		p50:  &row{What: what + ", p50", Unit: "ms", Against: floor},
		p99:  &row{What: what + ", p99", Unit: "ms", Against: floor},
	}
}

func (c *comparison) rows() []*row { return []*row{c.rate, c.done, c.p50, c.p99} }

// against measures both.
func (c *comparison) against(ctx context.Context, s *stand, connections int) error {
	return s.b.each(
		func() error {
			v, err := s.fireFloor(ctx, connections)
			if err != nil {
				return err
			}
			c.rate.Baseline = append(c.rate.Baseline, v.perSecond())
			c.done.Baseline = append(c.done.Baseline, v.perSecond())
			c.p50.Baseline = append(c.p50.Baseline, v.millis(50))
			c.p99.Baseline = append(c.p99.Baseline, v.millis(99))
			return nil
		},
		func() error {
			o, err := s.fireRouter(ctx, connections, 1)
			if err != nil {
				return err
			}
			c.rate.Measured = append(c.rate.Measured, o.perSecond())
			c.done.Measured = append(c.done.Measured, o.deliveredPerSecond())
			c.p50.Measured = append(c.p50.Measured, o.millis(50))
			c.p99.Measured = append(c.p99.Measured, o.millis(99))
			c.lags = append(c.lags, o.lag)
			return nil
		})
}
