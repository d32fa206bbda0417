package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// hopPause is between an event and the next, so that each is alone.
	hopPause = 2 * time.Millisecond
	// hopSyncs is how many syncs S10 grants.
	hopSyncs = 3
	// hopPatience bounds the wait for one event.
	hopPatience = 5 * time.Second
)

// oneAtATime is S10: from a POST until the consumer has the event, nothing else
// being under way.
func (b *bench) oneAtATime(ctx context.Context) ([]*row, error) {
	s, err := b.newStandAlone(ctx, "S10", commanded, setup{engine: durable})
	if err != nil {
		return nil, err
	}
	defer s.close()
	arrived := make(chan time.Time, 1)
	consuming, leave := context.WithCancel(ctx)
	g, consuming := errgroup.WithContext(consuming)
	c := &consumer{endpoint: s.router.commands, took: func() { arrived <- time.Now() }}
	g.Go(func() error { return c.work(consuming) })
	synced, sync := b.syncs()
	hop := &row{What: "POST until the consumer has the event, one at a time (durable), p50", Unit: "ms", Aim: atMost(1),
		Against: fmt.Sprintf("HTTP round trip + %dx fsync", hopSyncs)}
	answer := &row{What: "POST until it is answered, one at a time (durable), p50", Unit: "ms", Against: "HTTP round trip"}
	err = s.router.connected(ctx, 1, 0)
	if err == nil {
		err = b.each(func() error {
			floor, _, err := s.hops(ctx, s.floorAt, nil)
			if err != nil {
				return err
			}
			if err := sync(ctx); err != nil {
				return err
			}
			answered, had, err := s.hops(ctx, s.router.address, arrived)
			if err != nil {
				return err
			}
			hop.add(floor+hopSyncs*synced.Measured[len(synced.Measured)-1], had)
			answer.add(floor, answered)
			return nil
		})
	}
	leave()
	if ended := g.Wait(); err == nil {
		err = ended
	}
	hop.Note = fmt.Sprintf("%v between events; the delivery is on its way before the producer has its answer", hopPause)
	return []*row{hop, answer, synced}, err
}

// hops posts one event after the other and gives the medians, in milliseconds,
// of the time until the answer and until the consumer had it, if it is to.
func (s *stand) hops(ctx context.Context, address string, arrived <-chan time.Time) (answered, had float64, err error) {
	shots := newShots(order{requests: int(s.b.window/hopPause) + 1, batch: 1, kind: s.kind, keyID: keyID, signer: s.router.signer})
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	l := &line{conn: conn}
	var answers, arrivals []int64
	for i, begin := 0, time.Now(); i < shots.len() && (i == 0 || time.Since(begin) < s.b.window); i++ {
		start := time.Now()
		if err := conn.SetDeadline(start.Add(hopPatience)); err != nil {
			return 0, 0, err
		}
		if err := l.post(shots.at(i)); err != nil {
			return 0, 0, err
		}
		answers = append(answers, int64(time.Since(start)))
		if arrived != nil {
			select {
			case at := <-arrived:
				arrivals = append(arrivals, int64(at.Sub(start)))
			case <-time.After(hopPatience):
				return 0, 0, fmt.Errorf("the consumer waited %v for an event that was accepted", hopPatience)
			}
		}
		time.Sleep(hopPause)
	}
	if l.refused > 0 {
		return 0, 0, fmt.Errorf("%d of %d events were refused", l.refused, len(answers))
	}
	slices.Sort(answers)
	slices.Sort(arrivals)
	return float64(percentile(answers, 50)) / 1e6, float64(percentile(arrivals, 50)) / 1e6, nil
}
