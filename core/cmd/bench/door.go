package main

import (
	"context"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/admin"
)

// Bounds of what is signed ahead for one side of one round: more than a door
// answers in that time on the machines this runs on. If not, the side is shorter.
const (
	singlesPerSecond = 80_000
	batchesPerSecond = 4_000
	batchEvents      = 100
)

// memoryNote is what has to be said wherever commands are measured.
const memoryNote = "memory outbox, not durable"

// stand is a router, its floor, and one consumer.
type stand struct {
	b        *bench
	router   *router
	floor    *child
	floorAt  string
	consumer *child
	kind     string // of the events that are sent

	delivered, dropped, refused, asked int // events, over all volleys
}

// newStand starts one for events of kind.
func (b *bench) newStand(ctx context.Context, name, kind string) (*stand, error) {
	s := &stand{b: b, kind: kind}
	var err error
	if s.router, err = b.newRouter(ctx, name); err != nil {
		return nil, err
	}
	if s.floor, s.floorAt, err = b.role(ctx, "", "floor", s.router.secret); err != nil {
		s.close()
		return nil, err
	}
	if s.consumer, err = s.consume(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// consume starts the consumer: libzmq's if there is one.
func (s *stand) consume(ctx context.Context) (c *child, err error) {
	mode, endpoint, consumers, subscribers := "work", s.router.commands, 1, 0
	if s.kind == published {
		mode, endpoint, consumers, subscribers = "sub", s.router.telemetry, 0, 1
	}
	if s.b.lib.path != "" {
		c, err = spawn(ctx, s.b.lib.path, mode, endpoint)
	} else {
		c, _, err = s.b.role(ctx, "", "consumers", mode, endpoint, "1")
	}
	if err != nil {
		return nil, err
	}
	if err := s.router.connected(ctx, consumers, subscribers); err != nil {
		c.kill()
		return nil, err
	}
	return c, nil
}

// close ends everything; the router last and in good order, for its profile.
func (s *stand) close() {
	for _, c := range []*child{s.floor, s.consumer} {
		if c != nil {
			c.kill()
		}
	}
	end(s.router.child)
}

// end stops a child. What it may say by then is of no use.
func end(c *child) { _ = c.stop() }

// shots are enough for one side.
func (s *stand) shots(batch int) *shots {
	most := singlesPerSecond
	if batch > 1 {
		most = batchesPerSecond
	}
	return newShots(order{requests: max(int(s.b.window.Seconds()*float64(most)), 1000/batch), batch: batch, kind: s.kind,
		keyID: keyID, signer: s.router.signer})
}

// fireFloor measures the floor.
func (s *stand) fireFloor(ctx context.Context, connections int) (*volley, error) {
	return fire(ctx, s.floorAt, s.shots(1), connections, s.b.window)
}

// fireRouter measures the router, then waits until it is quiet again. lag is
// the part of what it accepted that was not delivered by the end of the window.
func (s *stand) fireRouter(ctx context.Context, connections, batch int) (v *volley, lag float64, err error) {
	shots := s.shots(batch)
	before, err := s.router.ask.Top(ctx)
	if err != nil {
		return nil, 0, err
	}
	if v, err = fire(ctx, s.router.address, shots, connections, s.b.window); err != nil {
		return nil, 0, err
	}
	at, err := s.router.ask.Top(ctx)
	if err != nil {
		return nil, 0, err
	}
	after, err := s.router.quiet(ctx)
	if err != nil {
		return nil, 0, err
	}
	s.asked += v.accepted + v.refused
	s.refused += v.refused
	s.dropped += dropped(&after) - dropped(&before)
	s.delivered += delivered(&after) - delivered(&before)
	if v.accepted > 0 {
		lag = 1 - float64(delivered(&at)-delivered(&before))/float64(v.accepted)
	}
	return v, max(lag, 0), nil
}

func delivered(t *admin.Top) int { return int(t.Telemetry[0].Sent) + t.Commands[0].Counts.Done }
func dropped(t *admin.Top) int {
	return int(t.Telemetry[0].Dropped + t.Telemetry[0].RingDropped)
}

// tally says what became of everything that was asked of the router.
func (s *stand) tally() string {
	return fmt.Sprintf("%d events sent, %d refused, %d delivered, %d dropped, to %s", s.asked, s.refused, s.delivered, s.dropped, s.b.lib.name())
}

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
	c.rate.Note = s.tally() + "; " + c.undelivered()
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
		c.rate.Note = s.tally() + "; " + c.undelivered()
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
	r := &row{What: fmt.Sprintf("%d events per request to commands (%s)", batchEvents, memoryNote), Unit: "events/s", Against: "one per request", Aim: atLeast(5)}
	lags := []float64{}
	err = b.each(
		func() error {
			v, _, err := s.fireRouter(ctx, 64, 1)
			if err == nil {
				r.Baseline = append(r.Baseline, v.perSecond())
			}
			return err
		},
		func() error {
			v, lag, err := s.fireRouter(ctx, 64, batchEvents)
			if err == nil {
				r.Measured = append(r.Measured, v.perSecond())
				lags = append(lags, lag)
			}
			return err
		})
	if err != nil {
		return nil, err
	}
	r.Note = s.tally() + "; " + (&comparison{lag: lags}).undelivered()
	return []*row{r}, nil
}

var _ = time.Second
