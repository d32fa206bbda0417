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

	delivered, dropped, refused, asked int       // events, over all volleys
	calls, transformed                 int       // of plugins, over all volleys
	lags                               []float64 // of each, the part of what was accepted that was not delivered when the last answer came
	commits                            *commits
}

// newStand starts one for events of kind.
func (b *bench) newStand(ctx context.Context, name, kind string, of setup) (*stand, error) {
	s, err := b.newStandAlone(ctx, name, kind, of)
	if err != nil {
		return nil, err
	}
	if s.consumer, err = s.consume(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// newStandAlone starts one without a consumer.
func (b *bench) newStandAlone(ctx context.Context, name, kind string, of setup) (*stand, error) {
	s := &stand{b: b, kind: kind, commits: new(commits)}
	var err error
	if s.router, err = b.newRouter(ctx, name, of); err != nil {
		return nil, err
	}
	if s.floor, s.floorAt, err = b.role(ctx, "", "floor", s.router.secret); err != nil {
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

// order asks for enough for one side.
func (s *stand) order(batch int) order {
	most := singlesPerSecond
	if batch > 1 {
		most = batchesPerSecond
	}
	return order{requests: max(int(s.b.window.Seconds()*float64(most)), 1000/batch), batch: batch, kind: s.kind, keyID: keyID, signer: s.router.signer}
}

// sample is what one volley shows of a door.
type sample struct {
	rate float64 // events per second
	done float64 // the same, until the last is delivered, commands done
	p50  float64 // milliseconds
	p99  float64
	cpu  float64 // microseconds of its processes per event
}

func newSample(v *volley, until, cpu time.Duration) sample {
	events := float64(max(v.accepted, 1))
	return sample{rate: v.perSecond(), done: events / until.Seconds(), p50: v.millis(50), p99: v.millis(99),
		cpu: float64(cpu) / float64(time.Microsecond) / events}
}

// fireFloor measures the floor. It takes a batch for one event, and is counted
// by events all the same.
func (s *stand) fireFloor(ctx context.Context, connections, batch int) (sample, error) {
	before, err := cpuSince(s.floor.cmd.Process.Pid, 0)
	if err != nil {
		return sample{}, err
	}
	v, err := fire(ctx, s.floorAt, newShots(s.order(batch)), connections, s.b.window)
	if err != nil {
		return sample{}, err
	}
	v.accepted *= batch
	cpu, err := cpuSince(s.floor.cmd.Process.Pid, before)
	return newSample(v, v.elapsed, cpu), err
}

// fireRouter measures the router, and returns when it is quiet again.
func (s *stand) fireRouter(ctx context.Context, connections, batch int) (sample, error) {
	return s.fireShots(ctx, connections, newShots(s.order(batch)))
}

// fireShots is fireRouter with any shots.
func (s *stand) fireShots(ctx context.Context, connections int, shots *shots) (sample, error) {
	before, err := s.router.ask.Top(ctx)
	if err != nil {
		return sample{}, err
	}
	used, err := s.router.cpu(&before)
	if err != nil {
		return sample{}, err
	}
	v, err := fire(ctx, s.router.address, shots, connections, s.b.window)
	if err != nil {
		return sample{}, err
	}
	last := time.Now()
	at, err := s.router.ask.Top(ctx)
	if err != nil {
		return sample{}, err
	}
	after, err := s.router.quiet(ctx)
	if err != nil {
		return sample{}, err
	}
	until := v.elapsed + time.Since(last)
	s.asked += v.accepted + v.refused
	s.refused += v.refused
	s.dropped += dropped(&after) - dropped(&before)
	s.delivered += delivered(&after) - delivered(&before)
	s.commits.add(before.Outbox.Disk, after.Outbox.Disk)
	for i, p := range after.Plugins {
		s.calls += p.Calls - before.Plugins[i].Calls
		s.transformed += p.Events - before.Plugins[i].Events
	}
	if v.accepted > 0 {
		s.lags = append(s.lags, max(1-float64(delivered(&at)-delivered(&before))/float64(v.accepted), 0))
	}
	cpu, err := s.router.cpu(&after)
	return newSample(v, until, cpu-used), err
}

func delivered(t *admin.Top) int { return int(t.Telemetry[0].Sent) + t.Commands[0].Counts.Done }
func dropped(t *admin.Top) int {
	return int(t.Telemetry[0].Dropped + t.Telemetry[0].RingDropped)
}

// tally says what became of everything that was asked of the router.
func (s *stand) tally() string {
	text := fmt.Sprintf("%d events sent, %d refused, %d delivered, %d dropped, to %s", s.asked, s.refused, s.delivered, s.dropped, s.b.lib.name())
	if len(s.lags) == 0 {
		return text
	}
	return text + fmt.Sprintf("; %.1f %% of what was accepted was still on its way at the end of a round (median)", 100*summarize(s.lags).Median)
}

// perCall is how many events went to plugins at once.
func (s *stand) perCall() float64 { return float64(s.transformed) / float64(max(s.calls, 1)) }

// anew begins what is told of its volleys anew.
func (s *stand) anew() {
	s.delivered, s.dropped, s.refused, s.asked = 0, 0, 0, 0
	s.calls, s.transformed = 0, 0
	s.lags, s.commits = nil, new(commits)
}
