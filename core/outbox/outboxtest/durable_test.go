package outboxtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/core/outbox/outboxtest"
)

// kept is a store that outlives its Close in memory, so that the stories can be
// read by a machine before there is a disk to read them.
type kept struct {
	*memory.Store
	out     map[place]outbox.Item
	shelves map[[2]string]bool // by channel and name
	leased  map[place]outbox.Item
	resumed bool
}

type place struct {
	seq     uint64
	channel string
}

func TestStoriesOfDurableStoresFit(t *testing.T) {
	stores := make(map[string]*kept)
	outboxtest.RunDurable(t, func(_ *testing.T, l outboxtest.Limits, dir string) outbox.Engine {
		k := stores[dir]
		if k == nil {
			k = &kept{out: make(map[place]outbox.Item), shelves: make(map[[2]string]bool), leased: make(map[place]outbox.Item),
				Store: memory.New(memory.Options{Remember: l.Remember, KeepStatus: l.KeepStatus, MaxIDs: l.MaxIDs, Capacity: l.Capacity, MaxPending: l.MaxPending})}
			stores[dir] = k
		}
		k.reopen()
		return k
	})
}

func (k *kept) reopen() {
	k.resumed = false
	for s := range k.shelves {
		k.Unshelve(s[0], s[1])
	}
	for p, i := range k.out {
		if _, leased := k.leased[p]; !leased {
			delete(k.out, p)
			_ = k.Store.Settle(context.Background(), []outbox.Outcome{{Seq: p.seq, Channel: p.channel, Action: outbox.Retry, Attempt: i.Attempt, Failures: i.Failures}})
		}
	}
}

func (k *kept) Ready(channel string, now time.Time, most int) ([]outbox.Item, time.Time, error) {
	items, next, err := k.Store.Ready(channel, now, most)
	for _, i := range items {
		k.out[place{i.Seq, channel}] = i
	}
	return items, next, err
}

func (k *kept) Shelve(channel, shelf string, items []outbox.Item) {
	for _, i := range items {
		delete(k.out, place{i.Seq, channel})
	}
	k.shelves[[2]string{channel, shelf}] = true
	k.Store.Shelve(channel, shelf, items)
}

func (k *kept) Append(ctx context.Context, entries ...*outbox.Entry) []outbox.Appended {
	got := k.Store.Append(ctx, entries...)
	for i := range got {
		got[i].Durable = got[i].Err == nil
	}
	return got
}

func (k *kept) Settle(ctx context.Context, outcomes []outbox.Outcome) error {
	for _, o := range outcomes {
		p := place{o.Seq, o.Channel}
		i, out := k.out[p]
		switch o.Action {
		case outbox.Lease:
			if out {
				i.Until = o.Due
				k.leased[p] = i
			}
		case outbox.Hold, outbox.Release, outbox.Redrive:
		default:
			delete(k.out, p)
			delete(k.leased, p)
		}
	}
	return k.Store.Settle(ctx, outcomes)
}

func (k *kept) Resume(channel string) ([]outbox.Item, error) {
	var items []outbox.Item
	for p, i := range k.leased {
		if p.channel == channel && !k.resumed {
			items = append(items, i)
		}
	}
	k.resumed = true
	return items, nil
}

func (k *kept) Stats() outbox.Stats {
	st := k.Store.Stats()
	st.Durable = true
	return st
}

func (k *kept) Close() error { return nil }
