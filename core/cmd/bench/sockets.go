package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// deliveriesPerSecond is what S1 asks of whole signed deliveries.
const deliveriesPerSecond = 300_000

// pullPatience is what a receiver may take beyond its window.
const pullPatience = 15 * time.Second

// sockets is S1: Push to a libzmq PULL, against libzmq's PUSH to the same.
func (b *bench) sockets(ctx context.Context) ([]*row, error) {
	d, err := newDeliveries()
	if err != nil {
		return nil, err
	}
	frames, err := d.sizes()
	if err != nil {
		return nil, err
	}
	var rows []*row
	for _, size := range []string{"64", "512", "4096"} {
		r := &row{What: "push to libzmq PULL, one frame of " + size + " B", Unit: "msg/s", Against: b.lib.push(), Aim: atLeast(1)}
		rows = append(rows, r)
		if err := b.pushes(ctx, r, size, size); err != nil {
			return nil, err
		}
	}
	r := &row{What: "push of signed deliveries, 5 frames", Unit: "msg/s", Against: b.lib.push() + ", unsigned", Aim: atLeastValue(deliveriesPerSecond),
		Note: "each delivery is made, leased and signed in batches of 256; the baseline sends frames of the same sizes, " + frames + " B"}
	return append(rows, r), b.pushes(ctx, r, signed, frames)
}

// pushes fills r: a sender of what, against libzmq's of sizes.
func (b *bench) pushes(ctx context.Context, r *row, what, sizes string) error {
	if b.lib.path == "" {
		r.Missing = b.lib.missing
		return nil
	}
	profile := ""
	if what == signed {
		profile = b.profile("S1")
	}
	return b.each(
		func() error {
			return b.pull(ctx, &r.Baseline, func(ctx context.Context, endpoint string) (*child, error) {
				return spawn(ctx, b.lib.path, "push", endpoint, sizes)
			})
		},
		func() error {
			return b.pull(ctx, &r.Measured, func(ctx context.Context, endpoint string) (*child, error) {
				c, _, err := b.role(ctx, profile, "sender", endpoint, what)
				return c, err
			})
		})
}

// pull adds what a libzmq PULL receives per second from the sender that push starts.
func (b *bench) pull(ctx context.Context, to *[]float64, push func(ctx context.Context, endpoint string) (*child, error)) error {
	ctx, cancel := context.WithTimeout(ctx, b.window+pullPatience)
	defer cancel()
	receiver, err := spawn(ctx, b.lib.path, "pull", strconv.FormatFloat(b.window.Seconds(), 'f', -1, 64))
	if err != nil {
		return err
	}
	defer receiver.kill()
	endpoint, err := receiver.line()
	if err != nil {
		return fmt.Errorf("libzmq PULL: %w", err)
	}
	sender, err := push(ctx, endpoint)
	if err != nil {
		return err
	}
	result, err := receiver.line()
	if err != nil {
		sender.kill()
		return fmt.Errorf("libzmq PULL: %w", err)
	}
	sender.end()
	var count, nanoseconds float64
	if _, err := fmt.Sscan(result, &count, &nanoseconds); err != nil {
		return fmt.Errorf("libzmq PULL: %w", err)
	}
	*to = append(*to, count/nanoseconds*1e9)
	return nil
}
