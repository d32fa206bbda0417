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

// playConsumers takes deliveries on connections of their own: args are sub or
// work, an endpoint and how many. With work each replies done.
func playConsumers(ctx context.Context, args []string, ready func(string)) error {
	if len(args) != 3 {
		return errors.New("consumers: sub or work, an endpoint and a number are needed")
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("consumers: %w", err)
	}
	one := listen
	if args[0] == "work" {
		one = work
	}
	g, ctx := errgroup.WithContext(ctx)
	for range n {
		g.Go(func() error { return one(ctx, args[1]) })
	}
	ready(args[1])
	return g.Wait()
}

// listen is a subscriber to everything.
func listen(ctx context.Context, endpoint string) error {
	sub := zmq.NewSub(zmq.Options{})
	sub.Subscribe("")
	if err := sub.Connect(endpoint); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return sub.Run(ctx) })
	g.Go(func() error {
		for ctx.Err() == nil {
			if _, err := sub.Recv(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// work is the plain consumer: PULL, act, PUSH one line.
func work(ctx context.Context, endpoint string) error {
	pull, push := zmq.NewPull(zmq.Options{}), zmq.NewPush(zmq.Options{})
	if err := pull.Connect(endpoint); err != nil {
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
