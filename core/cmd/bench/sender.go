package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// signed asks a sender for whole deliveries, each signed, instead of frames.
const signed = "signed"

// playSender pushes as fast as it can: args are an endpoint, either the sizes of
// a message's frames, as in 64, or signed, and with CURVE the endpoint's key.
func playSender(ctx context.Context, args []string, say func(string)) error {
	if len(args) < 2 {
		return errors.New("sender: an endpoint and sizes are needed")
	}
	security, err := connectingSecurity(args[2:])
	if err != nil {
		return err
	}
	push := zmq.NewPush(zmq.Options{Linger: -1, Security: security})
	if err := push.Connect(args[0]); err != nil {
		return err
	}
	send := sendDeliveries
	if args[1] != signed {
		frames, err := parseFrames(args[1])
		if err != nil {
			return err
		}
		send = func(ctx context.Context, to *zmq.Push) error {
			for {
				if err := to.Send(ctx, frames); err != nil {
					return err
				}
			}
		}
	}
	say(args[0])
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return push.Run(ctx) })
	g.Go(func() error {
		return unlessEnded(ctx, send(ctx, push))
	})
	return g.Wait()
}

func parseFrames(sizes string) (zmq.Frames, error) {
	var frames zmq.Frames
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("sender: %q is no size", text)
		}
		frames = append(frames, make([]byte, n))
	}
	return frames, nil
}

// sendDeliveries sends signed batches of the largest size.
func sendDeliveries(ctx context.Context, to *zmq.Push) error {
	d, err := newDeliveries()
	if err != nil {
		return err
	}
	for {
		batch, err := d.next(delivery.MaxBatch)
		if err != nil {
			return err
		}
		for _, frames := range batch {
			if err := to.Send(ctx, frames); err != nil {
				return err
			}
		}
	}
}
