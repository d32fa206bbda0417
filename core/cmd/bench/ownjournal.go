package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

// plenty is a bound that is not reached.
const plenty = 1 << 40

// remembered is how long the outboxes of this process know an identity.
const remembered = 24 * time.Hour

// ownJournal is a journal in a directory of its own, that keeps itself tidy.
type ownJournal struct {
	*journal.Journal
	dir   string
	stop  context.CancelFunc
	ended chan error
}

// startJournal begins one.
func (b *bench) startJournal() (*ownJournal, error) {
	dir, err := os.MkdirTemp(b.dir, "journal-")
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(journal.Options{Dir: dir, Remember: remembered, KeepStatus: time.Nanosecond, MaxIDs: plenty, Capacity: plenty,
		MaxPending: map[string]int64{backlogChannel: plenty}, Reserve: 1 << 20})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ctx, stop := context.WithCancel(context.Background())
	own := &ownJournal{Journal: j, dir: dir, stop: stop, ended: make(chan error, 1)}
	go func() { own.ended <- j.Run(ctx) }() // Close waits for it
	return own, nil
}

// Close ends it; its directory stays.
func (o *ownJournal) Close() error {
	o.stop()
	return errors.Join(<-o.ended, o.Journal.Close())
}

// end ends it with its directory.
func (o *ownJournal) end() error { return errors.Join(o.Close(), os.RemoveAll(o.dir)) }

// entries makes entries for one channel. Safe for concurrent use.
type entries struct {
	event  sdk.Event
	prefix string
	made   atomic.Uint64
}

func newEntries(size int) (*entries, error) {
	e, err := sdk.ParseEvent(newSizedEvent("bench-1", commanded, size))
	return &entries{event: e, prefix: rand.Text()}, err
}

// next gives n of them with identities of their own.
func (e *entries) next(n int) []*outbox.Entry {
	list, now := make([]*outbox.Entry, n), time.Now()
	for i := range list {
		number := e.made.Add(1)
		list[i] = &outbox.Entry{Event: e.event, Accepted: now, Targets: []outbox.Target{{Channel: backlogChannel}}}
		list[i].Event.ID = fmt.Sprintf("%s-%d", e.prefix, number)
		binary.LittleEndian.PutUint64(list[i].Digest[:], number)
	}
	return list
}

// store appends entries and wants all of them stored.
func store(ctx context.Context, to outbox.Accepting, list []*outbox.Entry) error {
	for _, a := range to.Append(ctx, list...) {
		if a.Err != nil {
			return a.Err
		}
		if a.Verdict != outbox.Stored {
			return fmt.Errorf("outbox: verdict %d on what is new", a.Verdict)
		}
	}
	return nil
}
