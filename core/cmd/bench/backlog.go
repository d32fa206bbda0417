package main

import (
	"context"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
)

const (
	backlogChannel = "commands"
	// backlogStep is how many events a turn moves.
	backlogStep = 64
	// backlogFill is how many are appended at a time at first.
	backlogFill = 1000
)

// backlog is an outbox that always holds the same number of pending events.
type backlog struct {
	store outbox.Engine
	made  *entries
}

func newMemory() outbox.Engine {
	return memory.New(memory.Options{Remember: remembered, KeepStatus: time.Nanosecond, MaxIDs: plenty, Capacity: plenty,
		MaxPending: map[string]int64{backlogChannel: plenty}})
}

// newBacklog fills a store, which ends with it.
func newBacklog(ctx context.Context, of outbox.Engine, pending int) (*backlog, error) {
	made, err := newEntries(eventBytes)
	for filled := 0; err == nil && filled < pending; filled += backlogFill {
		err = store(ctx, of, made.next(min(backlogFill, pending-filled)))
	}
	return &backlog{store: of, made: made}, err
}

// turn takes in backlogStep events, and hands out and settles as many.
func (b *backlog) turn(ctx context.Context) error {
	if err := store(ctx, b.store, b.made.next(backlogStep)); err != nil {
		return err
	}
	now := time.Now()
	items, _, err := b.store.Ready(backlogChannel, now, backlogStep)
	if err != nil {
		return err
	}
	outcomes := make([]outbox.Outcome, len(items))
	for i, item := range items {
		outcomes[i] = outbox.Outcome{Seq: item.Seq, Channel: backlogChannel, Action: outbox.Done, Attempt: item.Attempt, At: now}
	}
	return b.store.Settle(ctx, outcomes)
}
