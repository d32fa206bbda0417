package main

import (
	"testing"

	"github.com/headgate-io/headgate/core/outbox"
)

func TestCommitsTellWhatHappenedMeanwhile(t *testing.T) {
	var before, after outbox.Disk
	commit := func(d *outbox.Disk, records, bytes, micros uint64) {
		d.Commits.Add(records)
		d.Writes.Add(bytes)
		d.Syncs.Add(micros)
	}
	for range 5 { // long ago
		commit(&before, 9000, 9000, 9000)
		commit(&after, 9000, 9000, 9000)
	}
	commit(&after, 1, 512, 100)
	commit(&after, 5, 1024, 100)
	commit(&after, 6, 2560, 400)
	var c commits
	c.add(&before, &after)
	c.add(nil, nil) // of an outbox in memory
	want := `3 commits; a mean one has 4.0 records and 1.3 KiB, and takes 200 us
  < records       2       4       8
  %            33.3     0.0    66.7
  < us          128     256     512
  %            66.7     0.0    33.3
`
	if got := c.table(); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	for _, none := range []*commits{nil, {}} {
		if got := none.table(); got != "" {
			t.Errorf("without commits the table is %q", got)
		}
	}
}
