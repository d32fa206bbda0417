package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/headgate-io/headgate/core/outbox"
)

// flatLimit is S9's: what a hundredfold may cost.
const flatLimit = 1.2

// flatness is S9: the cost per event with many pending, with many consumers and
// with many subscribers, against few.
func (b *bench) flatness(ctx context.Context) (rows []*row, err error) {
	rows, err = b.pendings(ctx)
	if err != nil {
		return nil, err
	}
	for _, of := range []engine{durable, volatile} {
		consumers, err := b.crowds(ctx, of)
		if err != nil {
			return nil, err
		}
		rows = append(rows, consumers)
	}
	subscribers, err := b.publications(ctx)
	return append(rows, subscribers), err
}

// fewPending is what many pending events are held against.
const fewPending = 1_000

// pendings measures what moving an event costs in outboxes with few and with
// many pending ones.
func (b *bench) pendings(ctx context.Context) (rows []*row, err error) {
	for _, of := range []engine{durable, volatile} {
		what := fmt.Sprintf("append, hand out and settle with %d pending (%s)", b.pending, of.outbox())
		wall := &row{What: what, Unit: "ns/event", Against: fmt.Sprintf("%d pending", fewPending), Aim: atMost(flatLimit)}
		cpu := &row{What: what + ", processor time", Unit: "us/event", Against: wall.Against, Aim: atMost(flatLimit), Missing: withoutProc()}
		index := &row{What: what, Unit: "ns/event", Against: fmt.Sprintf("%d pending", b.pending/10), Aim: atMost(flatLimit)}
		rows = append(rows, wall, cpu, index)
		sides := [...]struct {
			pending int
			*backlog
		}{{pending: fewPending}, {pending: b.pending / 10}, {pending: b.pending}}
		for i := range sides {
			of, end, err := b.alone(of)
			if err != nil {
				return nil, err
			}
			defer end()
			if sides[i].backlog, err = newBacklog(ctx, of, sides[i].pending); err != nil {
				return nil, err
			}
		}
		err := b.each(func() error {
			var got [len(sides)]sample
			for i := range sides {
				var err error
				if got[i], err = b.drive(ctx, 1, backlogStep, func() error { return sides[i].turn(ctx) }); err != nil {
					return err
				}
			}
			wall.add(1e9/got[0].rate, 1e9/got[2].rate)
			index.add(1e9/got[1].rate, 1e9/got[2].rate)
			if cpu.Missing == "" {
				cpu.add(got[0].cpu, got[2].cpu)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	rows[0].Note = fmt.Sprintf("%d at a time, in the outbox alone: of the durable one two commits; the newest it has in memory, those that waited behind many it reads, so that against the tenth the index alone is compared", backlogStep)
	return rows, nil
}

// alone gives an outbox in this process.
func (b *bench) alone(of engine) (store outbox.Engine, end func() error, err error) {
	if of == volatile {
		store = newMemory()
		return store, store.Close, nil
	}
	j, err := b.startJournal()
	if err != nil {
		return nil, nil, err
	}
	return j, j.end, nil
}

const (
	few, many = 1, 1000
)

// crowds measures the router's processor time per event, with few and many consumers.
func (b *bench) crowds(ctx context.Context, of engine) (*row, error) {
	r := &row{What: fmt.Sprintf("router's processor time per event, %d consumers (%s)", many, of.outbox()), Unit: "us", Against: "1 consumer",
		Aim: atMost(flatLimit), Note: "64 connections post single events, Go consumers reply done", Missing: withoutProc()}
	if r.Missing != "" {
		return r, nil
	}
	rt, err := b.newRouter(ctx, "S9-"+string(of), setup{engine: of})
	if err != nil {
		return nil, err
	}
	defer rt.end()
	s := &stand{b: b, router: rt, kind: commanded, commits: new(commits)}
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
	got, err := s.fireRouter(ctx, 64, 1)
	*to = append(*to, got.cpu)
	return err
}
