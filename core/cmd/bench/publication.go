package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/sdk/zmq"
)

const (
	// publicationLimit is what subscribers that do not match may cost a Send.
	publicationLimit = 2
	// publicationBurst is how many messages go out between two pauses. The queue
	// takes all of them, as dropping is cheaper.
	publicationBurst = 4096
	// publicationSize is in bytes, after the topic.
	publicationSize = 480
)

// subscribed is the topic of the i-th of the subscribers that want one each.
func subscribed(i int) string { return fmt.Sprintf("topic.%06d", i) }

// publications is S9's cost of a Send to a Pub when one of many subscribers
// matches.
func (b *bench) publications(ctx context.Context) (*row, error) {
	r := &row{What: fmt.Sprintf("Pub.Send, one of %d subscribers matches", many), Unit: "ns", Against: "1 subscriber", Aim: atMost(publicationLimit),
		Note: fmt.Sprintf("the median of bursts of %d, each begun with empty queues; the subscriber's writer runs meanwhile", publicationBurst)}
	side := func(to *[]float64, n int) error {
		figures, err := b.figures(ctx, gathering{role: []string{"publisher", strconv.Itoa(n), b.window.String()}, mode: "topics", consumers: n})
		*to = append(*to, figures...)
		return err
	}
	return r, b.each(
		func() error { return side(&r.Baseline, few) },
		func() error { return side(&r.Measured, many) })
}

// playPublisher says how many nanoseconds a Send takes, with so many
// subscribers, for so long: its arguments.
func playPublisher(ctx context.Context, args []string, say func(string)) error {
	if len(args) != 2 {
		return errors.New("publisher: a number and a duration are needed")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("publisher: %w", err)
	}
	window, err := time.ParseDuration(args[1])
	if err != nil {
		return fmt.Errorf("publisher: %w", err)
	}
	pub := zmq.NewPub(zmq.Options{Linger: -1, Queue: publicationBurst, Limits: zmq.Limits{Handshakes: n}})
	bound, err := pub.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	say(bound)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return pub.Run(ctx) })
	g.Go(func() error {
		if err := gathered(ctx, pub, n, true); err != nil {
			return unlessEnded(ctx, err)
		}
		each, err := publish(ctx, pub, window)
		if err != nil {
			return unlessEnded(ctx, err)
		}
		sayFigures(say, each)
		return nil
	})
	return g.Wait()
}

// publish gives the nanoseconds that a Send to the first topic takes, the median
// of bursts. Its clock stands while queues empty; window is of both.
func publish(ctx context.Context, to *zmq.Pub, window time.Duration) (float64, error) {
	frames := zmq.Frames{[]byte(subscribed(0)), make([]byte, publicationSize)}
	if err := to.Send(frames); err != nil {
		return 0, err
	}
	reached := slices.DeleteFunc(to.Peers(), func(p *zmq.Peer) bool { return p.Facts().Matched == 0 })
	if len(reached) != 1 {
		return 0, fmt.Errorf("publisher: %d subscribers match", len(reached))
	}
	empty := func() bool { return reached[0].Facts().Queued == 0 }
	if err := until(ctx, empty); err != nil {
		return 0, err
	}
	var bursts []float64
	for begin := time.Now(); len(bursts) == 0 || time.Since(begin) < window; {
		start := time.Now()
		for range publicationBurst {
			if err := to.Send(frames); err != nil {
				return 0, err
			}
		}
		bursts = append(bursts, float64(time.Since(start))/publicationBurst)
		if err := until(ctx, empty); err != nil {
			return 0, err
		}
	}
	if dropped := to.Stats().Dropped; dropped > 0 {
		return 0, fmt.Errorf("publisher: %d messages were dropped", dropped)
	}
	return summarize(bursts).Median, nil
}
