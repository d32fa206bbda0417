package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/sdk"
)

// backlogStep is how many events a turn moves.
const backlogStep = 64

// backlog is an outbox that always holds the same number of pending events.
type backlog struct {
	store outbox.Engine
	event sdk.Event
	next  uint64
}

const backlogChannel = "commands"

func newBacklog(ctx context.Context, pending int) (*backlog, error) {
	const plenty = 1 << 40
	b := &backlog{store: memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Nanosecond, MaxIDs: plenty, Capacity: plenty,
		MaxPending: map[string]int64{backlogChannel: plenty}})}
	var err error
	if b.event, err = sdk.ParseEvent(newEvent("bench-1", commanded)); err != nil {
		return nil, err
	}
	for range pending {
		if err := b.append(ctx); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *backlog) append(ctx context.Context) error {
	b.next++
	e := &outbox.Entry{Event: b.event, Accepted: time.Now(), Targets: []outbox.Target{{Channel: backlogChannel}}}
	e.Event.ID = fmt.Sprintf("bench-%d", b.next)
	binary.LittleEndian.PutUint64(e.Digest[:], b.next)
	return b.store.Append(ctx, e)[0].Err
}

// turn takes in backlogStep events, and hands out and settles as many.
func (b *backlog) turn(ctx context.Context) error {
	for range backlogStep {
		if err := b.append(ctx); err != nil {
			return err
		}
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
