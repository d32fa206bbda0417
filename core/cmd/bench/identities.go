package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/ids"
)

const (
	// freshProbes is how many identities that nobody knows are looked up.
	freshProbes = 50_000
	// freshReads is the part of them that may read the disk.
	freshReads = 0.01
	// identityBytes is what a remembered identity may take of the memory.
	identityBytes = 3
)

// identities is J2: what remembered identities cost the journal alone.
func (b *bench) identities(ctx context.Context) (_ []*row, err error) {
	const writers = 64
	c := newComparison(fmt.Sprintf("journal alone, %d writers of 1 KiB, %d ids remembered", writers, b.ids), "none remembered")
	full, err := b.startJournal()
	if err != nil {
		return nil, err
	}
	if err := remember(ctx, full, b.ids); err != nil {
		return nil, errors.Join(err, full.end())
	}
	err = b.each(func() error {
		base, err := b.appends(ctx, writers, 1)
		if err != nil {
			return err
		}
		got, err := b.append(ctx, full, writers, 1)
		c.add(base, got)
		return err
	})
	if err = errors.Join(err, full.Close()); err != nil {
		return nil, err
	}
	reads := &row{What: "disk reads of 4 KiB per fresh id", Unit: "reads", Aim: atMostValue(freshReads)}
	each := &row{What: "memory per remembered id", Unit: "bytes", Aim: atMostValue(identityBytes)}
	err = probe(full.dir, reads, each)
	return []*row{c.rate, c.p99, c.cpu, reads, each}, err
}

// remember fills a journal with identities of events that go to no channel.
func remember(ctx context.Context, j *ownJournal, n int) error {
	made, err := newEntries(eventBytes)
	for known := 0; err == nil && known < n; known += backlogFill {
		list := made.next(min(backlogFill, n-known))
		for _, e := range list {
			e.Targets = nil
		}
		for _, a := range j.Append(ctx, list...) {
			if a.Err != nil {
				return a.Err
			}
		}
		if known/ids.DefaultNewest != (known+backlogFill)/ids.DefaultNewest {
			err = j.Tidy()
		}
	}
	return errors.Join(err, j.Tidy())
}

// probe looks up fresh identities among those of a journal that is closed.
func probe(dir string, reads, each *row) (err error) {
	fsys, err := disk.Open(dir)
	if err != nil {
		return err
	}
	set, err := ids.Open(ids.Options{FS: fsys, Remember: remembered})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	var fresh ids.Hash
	start := time.Now()
	for range freshProbes {
		_, _ = rand.Read(fresh[:]) // never fails (crypto/rand, Go 1.24)
		if _, _, err := set.Find(fresh); err != nil {
			return err
		}
	}
	took := time.Since(start)
	st := set.Stats()
	reads.Measured = []float64{float64(st.DiskReads) / float64(st.Finds)}
	reads.Note = fmt.Sprintf("of %d, in %d runs; %v each", st.Finds, st.Runs, (took / freshProbes).Round(10*time.Nanosecond))
	if st.IDs > 0 {
		each.Measured = []float64{float64(st.Memory) / float64(st.IDs)}
	} else {
		each.Missing = "there were too few ids for a run"
	}
	return nil
}
