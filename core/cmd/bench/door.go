package main

import (
	"context"
	"errors"
)

// batchEvents is the size of S4's batches.
const batchEvents = 100

// telemetry is S2.
func (b *bench) telemetry(ctx context.Context) ([]*row, error) {
	s, err := b.newStand(ctx, "S2", published, setup{engine: durable})
	if err != nil {
		return nil, err
	}
	defer s.close()
	c := newComparison(atConnections("signed event over HTTP to telemetry", 64), theFloor)
	c.rate.Aim = atLeast(0.8)
	err = b.each(func() error {
		base, err := s.fireFloor(ctx, 64, 1)
		if err != nil {
			return err
		}
		got, err := s.fireRouter(ctx, 64, 1)
		c.add(base, got)
		return err
	})
	c.rate.Note = s.tally()
	return c.rows(), err
}

// commands is S3: a door to a durable outbox that a consumer drains, against
// the floor, a door to a memory outbox, and the disk alone.
func (b *bench) commands(ctx context.Context) ([]*row, error) {
	s, other, err := b.newStands(ctx, "S3")
	if err != nil {
		return nil, err
	}
	defer s.close()
	defer other.close()
	synced, sync := b.syncs()
	var rows []*row
	for _, one := range []struct {
		connections int
		ratio       float64
	}{{64, 0.6}, {512, 0.7}} {
		s.anew()
		what := func(of engine) string {
			return atConnections("signed event over HTTP to commands ("+of.outbox()+")", one.connections)
		}
		c, toMemory := newComparison(what(durable), theFloor), newComparison(what(durable), inMemory)
		without, toDisk := newComparison(what(volatile), theFloor), newComparison(what(durable), thePlain)
		c.rate.Aim, c.p99.Aim = atLeast(one.ratio), atMost(3)
		rows = append(append(rows, c.rows()...), toMemory.rate, toMemory.cpu, without.rate, toDisk.rate)
		err := b.each(func() error {
			base, err := s.fireFloor(ctx, one.connections, 1)
			if err != nil {
				return err
			}
			kept, err := other.fireRouter(ctx, one.connections, 1)
			if err != nil {
				return err
			}
			got, err := s.fireRouter(ctx, one.connections, 1)
			if err != nil {
				return err
			}
			disk, err := b.plain(ctx, one.connections, 1)
			if err != nil {
				return err
			}
			c.add(base, got)
			toMemory.add(kept, got)
			without.add(base, kept)
			toDisk.add(disk, got)
			return sync(ctx)
		})
		if err != nil {
			return nil, err
		}
		c.rate.Note, c.rate.Commits = s.tally(), s.commits
		toDisk.rate.Note = "as many writers of 1 KiB, without HTTP, deliveries or replies"
	}
	return append(rows, synced), nil
}

// newStands starts one with a durable outbox, and one with the other.
func (b *bench) newStands(ctx context.Context, name string) (s, other *stand, err error) {
	if s, err = b.newStand(ctx, name, commanded, setup{engine: durable}); err != nil {
		return nil, nil, err
	}
	if other, err = b.newStand(ctx, name+"-memory", commanded, setup{engine: volatile}); err != nil {
		s.close()
		return nil, nil, err
	}
	return s, other, nil
}

// batches is S4: batches against single events in the same run, and against
// what takes batches of that size besides.
func (b *bench) batches(ctx context.Context) ([]*row, error) {
	const connections = 64
	s, other, err := b.newStands(ctx, "S4")
	if err != nil {
		return nil, err
	}
	defer s.close()
	defer other.close()
	synced, sync := b.syncs()
	what := atConnections("100 events per request to commands ("+durable.outbox()+")", connections)
	c := newComparison(what, "one per request")
	c.rate.Aim = atLeast(5)
	against := func(base string) *row { return newComparison(what, base).rate }
	alone, toFloor, toMemory, toDisk := against("the journal alone"), against(theFloor+" of as large ones"), against(inMemory), against(thePlain)
	alone.Aim = atLeast(0.8)
	err = b.each(func() error {
		single, err := s.fireRouter(ctx, connections, 1)
		if err != nil {
			return err
		}
		base, err := s.fireFloor(ctx, connections, batchEvents)
		if err != nil {
			return err
		}
		kept, err := other.fireRouter(ctx, connections, batchEvents)
		if err != nil {
			return err
		}
		got, err := s.fireRouter(ctx, connections, batchEvents)
		if err != nil {
			return err
		}
		appended, err := b.appends(ctx, connections, batchEvents)
		if err != nil {
			return err
		}
		disk, err := b.plain(ctx, connections, batchEvents)
		c.add(single, got)
		alone.add(appended.rate, got.rate)
		toFloor.add(base.rate, got.rate)
		toMemory.add(kept.rate, got.rate)
		toDisk.add(disk.rate, got.rate)
		return errors.Join(err, sync(ctx))
	})
	c.rate.Note, c.rate.Commits = s.tally(), s.commits
	alone.Note = "either this or five times the single events is asked for; its events have 1 KiB and are not handed out, those of the door 480 bytes"
	return []*row{c.rate, c.done, c.cpu, alone, toFloor, toMemory, toDisk, synced}, err
}
