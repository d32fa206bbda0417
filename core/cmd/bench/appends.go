package main

import (
	"context"
	"errors"
	"fmt"
)

// appends measures a journal alone: so many callers, each with so many events
// of 1 KiB at a time. Nothing of it is handed out.
func (b *bench) appends(ctx context.Context, callers, events int) (_ sample, err error) {
	j, err := b.startJournal()
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, j.end()) }()
	return b.append(ctx, j, callers, events)
}

func (b *bench) append(ctx context.Context, j *ownJournal, callers, events int) (sample, error) {
	made, err := newEntries(recordBytes)
	if err != nil {
		return sample{}, err
	}
	return b.drive(ctx, callers, events, func() error { return store(ctx, j, made.next(events)) })
}

// journalAlone is J1: what the journal appends, against what the disk gives.
func (b *bench) journalAlone(ctx context.Context) ([]*row, error) {
	synced, sync := b.syncs()
	var rows []*row
	for _, writers := range []int{64, 512} {
		c := newComparison(fmt.Sprintf("journal alone, %d writers of 1 KiB", writers), thePlain)
		rows = append(rows, c.rate, c.p50, c.p99, c.cpu)
		err := b.each(func() error {
			base, err := b.plain(ctx, writers, 1)
			if err != nil {
				return err
			}
			got, err := b.appends(ctx, writers, 1)
			if err != nil {
				return err
			}
			c.add(base, got)
			return sync(ctx)
		})
		if err != nil {
			return nil, err
		}
	}
	rows[0].Note = "a record has the event's 1 KiB and some 150 bytes; the plain log writes 1 KiB"
	return append(rows, synced), nil
}
