package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// consumer is one of many in a process.
type consumer struct {
	endpoint string
	number   int // from 0
	security zmq.Security
	took     func() // told of every delivery, before the reply; may be nil
}

// modes are what consumers do until ctx ends.
func modes() map[string]func(*consumer, context.Context) error {
	return map[string]func(*consumer, context.Context) error{
		"work": (*consumer).work, "pull": (*consumer).pull, "sub": (*consumer).sub, "topics": (*consumer).topic,
	}
}

// playConsumers is consumers with connections of their own: args are a mode, an
// endpoint, how many, and with CURVE the endpoint's key.
func playConsumers(ctx context.Context, args []string, say func(string)) error {
	if len(args) < 3 || modes()[args[0]] == nil {
		return errors.New("consumers: a mode, an endpoint and a number are needed")
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("consumers: %w", err)
	}
	security, err := connectingSecurity(args[3:])
	if err != nil {
		return err
	}
	consume := modes()[args[0]]
	g, ctx := errgroup.WithContext(ctx)
	for i := range n {
		g.Go(func() error { return consume(&consumer{endpoint: args[1], number: i, security: security}, ctx) })
	}
	say(args[1])
	return g.Wait()
}

// pull takes messages and does nothing with them.
func (c *consumer) pull(ctx context.Context) error {
	return c.drain(ctx, zmq.NewPull(zmq.Options{Security: c.security}))
}

// sub is a subscriber to everything.
func (c *consumer) sub(ctx context.Context) error { return c.subscribe(ctx, "") }

// topic is a subscriber to what no other one wants.
func (c *consumer) topic(ctx context.Context) error { return c.subscribe(ctx, subscribed(c.number)) }

func (c *consumer) subscribe(ctx context.Context, prefix string) error {
	sub := zmq.NewSub(zmq.Options{Security: c.security})
	sub.Subscribe(prefix)
	return c.drain(ctx, sub)
}

// receiving is a socket that receives.
type receiving interface {
	Connect(endpoint string) error
	Run(ctx context.Context) error
	Recv(ctx context.Context) (zmq.Received, error)
}

func (c *consumer) drain(ctx context.Context, from receiving) error {
	if err := from.Connect(c.endpoint); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return from.Run(ctx) })
	g.Go(func() error {
		for {
			if _, err := from.Recv(ctx); err != nil {
				return unlessEnded(ctx, err)
			}
		}
	})
	return g.Wait()
}

// work is the plain consumer: PULL, act, PUSH one line.
func (c *consumer) work(ctx context.Context) error {
	pull, push := zmq.NewPull(zmq.Options{Security: c.security}), zmq.NewPush(zmq.Options{Security: c.security})
	if err := pull.Connect(c.endpoint); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return pull.Run(ctx) })
	g.Go(func() error { return push.Run(ctx) })
	g.Go(func() error {
		for connected := false; ctx.Err() == nil; {
			got, err := pull.Recv(ctx)
			if err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			if c.took != nil {
				c.took()
			}
			h, err := delivery.ParseHeader(got.Frames[delivery.FrameHeader])
			if err != nil {
				return err
			}
			if !connected {
				if err := push.Connect(h.Reply); err != nil {
					return err
				}
				connected = true
			}
			line, err := json.Marshal(delivery.Reply{ID: h.ID, Source: h.Source, Lease: h.Lease, Status: delivery.StatusDone})
			if err != nil {
				return err
			}
			if err := push.Send(ctx, zmq.Frames{line}); err != nil && ctx.Err() == nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}
