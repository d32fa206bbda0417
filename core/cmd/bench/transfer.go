package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// pullPatience is what a receiver may take beyond its window.
const pullPatience = 15 * time.Second

// transfer is messages of one kind from a PUSH to a PULL, each end a process:
// libzmq's or ours.
type transfer struct {
	*bench
	mechanism
	sizes   string // of a message's frames, as in 64 or 26,430,480
	ours    string // what our sender sends; empty for the same
	profile string // name of our process's CPU profile
	rate    *row   // messages received per second
	cost    *row   // microseconds of the sender's processors per message; may be nil
}

// rows tells why they are empty if they have to be.
func (t *transfer) rows() []*row {
	rows := []*row{t.rate}
	if t.cost != nil {
		rows = append(rows, t.cost)
	}
	for _, r := range rows {
		r.Missing = t.lib.missingFor(t.mechanism)
	}
	return rows
}

// sending measures our Push to a libzmq PULL, against libzmq's PUSH to the same.
func (t *transfer) sending(ctx context.Context) error {
	return t.each(
		func() error { return t.run(ctx, t.libPull, t.libPush, baseline) },
		func() error { return t.run(ctx, t.libPull, t.ourPush, measured) })
}

// receiving measures our Pull from a libzmq PUSH, against libzmq's PULL from
// the same.
func (t *transfer) receiving(ctx context.Context) error {
	return t.each(
		func() error { return t.run(ctx, t.libPull, t.libPush, baseline) },
		func() error { return t.run(ctx, t.ourPull, t.libPush, measured) })
}

func baseline(r *row) *[]float64 { return &r.Baseline }
func measured(r *row) *[]float64 { return &r.Measured }

type (
	puller func(ctx context.Context) (c *child, endpoint string, err error)
	pusher func(ctx context.Context, endpoint string) (*child, error)
)

// run adds to the rows, on the given side, what one round of the two shows.
func (t *transfer) run(ctx context.Context, pull puller, push pusher, side func(*row) *[]float64) error {
	ctx, cancel := context.WithTimeout(ctx, t.window+pullPatience)
	defer cancel()
	receiver, endpoint, err := pull(ctx)
	if err != nil {
		return fmt.Errorf("PULL: %w", err)
	}
	defer receiver.end()
	sender, err := push(ctx, endpoint)
	if err != nil {
		return fmt.Errorf("PUSH: %w", err)
	}
	defer sender.end()
	result, err := receiver.line()
	if err != nil {
		return fmt.Errorf("PULL: %w", err)
	}
	var count, nanoseconds float64
	if _, err := fmt.Sscan(result, &count, &nanoseconds); err != nil {
		return fmt.Errorf("PULL: %w", err)
	}
	to := side(t.rate)
	*to = append(*to, count/nanoseconds*1e9)
	if t.cost == nil {
		return nil
	}
	cpu, err := cpuTime(sender.cmd.Process.Pid)
	if errors.Is(err, os.ErrNotExist) {
		t.cost.Missing = noProc
		return nil
	}
	to = side(t.cost)
	*to = append(*to, float64(cpu)/float64(time.Microsecond)/(receiverWarm+count))
	return err
}

func (t *transfer) libPull(ctx context.Context) (*child, string, error) {
	c, err := spawn(ctx, t.lib.path, t.listening("pull", t.seconds())...)
	if err != nil {
		return nil, "", err
	}
	endpoint, err := c.line()
	if err != nil {
		c.kill()
		return nil, "", err
	}
	return c, endpoint, nil
}

func (t *transfer) ourPull(ctx context.Context) (*child, string, error) {
	return t.role(ctx, t.bench.profile(t.profile), t.listening("receiver", t.seconds())...)
}

func (t *transfer) libPush(ctx context.Context, endpoint string) (*child, error) {
	return spawn(ctx, t.lib.path, t.connecting("push", endpoint, t.sizes)...)
}

func (t *transfer) ourPush(ctx context.Context, endpoint string) (*child, error) {
	what := t.ours
	if what == "" {
		what = t.sizes
	}
	c, _, err := t.role(ctx, t.bench.profile(t.profile), t.connecting("sender", endpoint, what)...)
	return c, err
}

func (t *transfer) seconds() string { return strconv.FormatFloat(t.window.Seconds(), 'f', -1, 64) }
