package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// flatLimit is S9's: what a hundredfold may cost.
const flatLimit = 1.2

// flatness is S9, as far as there is an outbox: the cost per event with many
// pending, with many consumers and with many subscribers, against few.
func (b *bench) flatness(ctx context.Context) ([]*row, error) {
	pending := &row{What: "cost per event, 10^5 pending (" + memoryNote + ")", Unit: "ns", Against: "10^3 pending", Aim: atMost(flatLimit),
		Note: "append, hand out and settle in the outbox alone, 64 at a time"}
	err := b.each(
		func() error { return b.turnover(ctx, &pending.Baseline, 1_000) },
		func() error { return b.turnover(ctx, &pending.Measured, 100_000) })
	if err != nil {
		return nil, err
	}
	consumers, err := b.crowds(ctx)
	if err != nil {
		return nil, err
	}
	subscribers, err := b.publications(ctx)
	return []*row{pending, consumers, subscribers}, err
}

// turnover adds the nanoseconds that one event costs with so many pending.
func (b *bench) turnover(ctx context.Context, to *[]float64, pending int) error {
	t, err := newBacklog(ctx, pending)
	if err != nil {
		return err
	}
	count, start := 0, time.Now()
	for time.Since(start) < b.window {
		if err := t.turn(ctx); err != nil {
			return err
		}
		count += backlogStep
	}
	*to = append(*to, float64(time.Since(start))/float64(count))
	return nil
}

const (
	few, many = 1, 1000
)

// crowds measures the router's processor time per event, with few and many consumers.
func (b *bench) crowds(ctx context.Context) (*row, error) {
	r := &row{What: fmt.Sprintf("router's CPU per event, %d consumers", many), Unit: "us", Against: "1 consumer", Aim: atMost(flatLimit),
		Note: "64 connections post single events, Go consumers reply done, " + memoryNote}
	if _, err := cpuTime(os.Getpid()); errors.Is(err, os.ErrNotExist) {
		r.Missing = noProc
		return r, nil
	}
	rt, err := b.newRouter(ctx, "S9")
	if err != nil {
		return nil, err
	}
	defer rt.end()
	s := &stand{b: b, router: rt, kind: commanded}
	return r, b.each(
		func() error { return s.crowd(ctx, &r.Baseline, few) },
		func() error { return s.crowd(ctx, &r.Measured, many) })
}

// crowd adds the microseconds of the router's processors per event with n
// consumers connected.
func (s *stand) crowd(ctx context.Context, to *[]float64, n int) error {
	c, _, err := s.b.role(ctx, "", "consumers", "work", s.router.commands, strconv.Itoa(n))
	if err != nil {
		return err
	}
	defer c.end()
	if err := s.router.connected(ctx, n, 0); err != nil {
		return err
	}
	// One volley goes by first: it widens every consumer's credit.
	if _, err := s.fireRouter(ctx, 64, 1); err != nil {
		return err
	}
	before, err := cpuTime(s.router.cmd.Process.Pid)
	if err != nil {
		return err
	}
	o, err := s.fireRouter(ctx, 64, 1)
	if err != nil {
		return err
	}
	after, err := cpuTime(s.router.cmd.Process.Pid)
	if err != nil {
		return err
	}
	*to = append(*to, float64(after-before)/float64(time.Microsecond)/float64(o.accepted))
	return nil
}
