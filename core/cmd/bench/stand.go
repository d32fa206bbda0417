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
	singlesPerSecond = 150_000
	batchesPerSecond = 4_000
)

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
func (b *bench) newStand(ctx context.Context, name, kind string, of engine) (*stand, error) {
	s := &stand{b: b, kind: kind}
	var err error
	if s.router, err = b.newRouter(ctx, name, of); err != nil {
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

// close ends everything, the router last.
func (s *stand) close() {
	for _, c := range []*child{s.floor, s.consumer, s.router.child} {
		if c != nil {
			c.end()
		}
	}
}

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

// outcome is a volley at a router, and what became of it behind the door.
type outcome struct {
	*volley
	lag   float64       // part of the accepted events that was not delivered when the last answer came
	until time.Duration // from the first request until all accepted events were delivered, commands done
}

// deliveredPerSecond is the pace at which all accepted events were delivered.
func (o *outcome) deliveredPerSecond() float64 { return float64(o.accepted) / o.until.Seconds() }

// fireRouter measures the router, and returns when it is quiet again.
func (s *stand) fireRouter(ctx context.Context, connections, batch int) (*outcome, error) {
	shots := s.shots(batch)
	before, err := s.router.ask.Top(ctx)
	if err != nil {
		return nil, err
	}
	v, err := fire(ctx, s.router.address, shots, connections, s.b.window)
	if err != nil {
		return nil, err
	}
	last := time.Now()
	at, err := s.router.ask.Top(ctx)
	if err != nil {
		return nil, err
	}
	after, err := s.router.quiet(ctx)
	if err != nil {
		return nil, err
	}
	s.asked += v.accepted + v.refused
	s.refused += v.refused
	s.dropped += dropped(&after) - dropped(&before)
	s.delivered += delivered(&after) - delivered(&before)
	o := &outcome{volley: v, until: v.elapsed + time.Since(last)}
	if v.accepted > 0 {
		o.lag = max(1-float64(delivered(&at)-delivered(&before))/float64(v.accepted), 0)
	}
	return o, nil
}

func delivered(t *admin.Top) int { return int(t.Telemetry[0].Sent) + t.Commands[0].Counts.Done }
func dropped(t *admin.Top) int {
	return int(t.Telemetry[0].Dropped + t.Telemetry[0].RingDropped)
}

// lagNote says how far deliveries lagged behind acceptance.
func lagNote(lags []float64) string {
	return fmt.Sprintf("%.1f %% of what was accepted was still on its way at the end of a round (median)", 100*summarize(lags).Median)
}

// tally says what became of everything that was asked of the router.
func (s *stand) tally() string {
	return fmt.Sprintf("%d events sent, %d refused, %d delivered, %d dropped, to %s", s.asked, s.refused, s.delivered, s.dropped, s.b.lib.name())
}
