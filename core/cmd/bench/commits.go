package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/core/outbox"
)

// commits is what a journal wrote meanwhile: one value per commit.
type commits struct {
	Records outbox.Histogram `json:"records"`
	Bytes   outbox.Histogram `json:"bytes"`
	Micros  outbox.Histogram `json:"microseconds"` // write and sync
}

// add takes in what happened between two looks; an outbox without a disk has none.
func (c *commits) add(before, after *outbox.Disk) {
	if before == nil || after == nil {
		return
	}
	for _, h := range []struct{ to, from, until *outbox.Histogram }{
		{&c.Records, &before.Commits, &after.Commits}, {&c.Bytes, &before.Writes, &after.Writes}, {&c.Micros, &before.Syncs, &after.Syncs},
	} {
		h.to.Sum += h.until.Sum - h.from.Sum
		for i := range h.to.Counts {
			h.to.Counts[i] += h.until.Counts[i] - h.from.Counts[i]
		}
	}
}

func count(h *outbox.Histogram) (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// table is how large commits were and how long they took, in percent of their
// number; empty without commits.
func (c *commits) table() string {
	if c == nil || count(&c.Records) == 0 {
		return ""
	}
	n := count(&c.Records)
	each := func(h *outbox.Histogram) float64 { return float64(h.Sum) / float64(n) }
	var out strings.Builder
	fmt.Fprintf(&out, "%d commits; a mean one has %.1f records and %.1f KiB, and takes %.0f us\n", n, each(&c.Records), each(&c.Bytes)/1024, each(&c.Micros))
	for _, one := range []struct {
		name string
		of   *outbox.Histogram
	}{{"records", &c.Records}, {"us", &c.Micros}} {
		upTo, share := columns(one.of)
		fmt.Fprintf(&out, "  %-9s%s\n  %-9s%s\n", "< "+one.name, upTo, "%", share)
	}
	return out.String()
}

// columns gives the bounds of the buckets that are used, and their shares.
func columns(h *outbox.Histogram) (upTo, share string) {
	used := func(c uint64) bool { return c > 0 }
	first := slices.IndexFunc(h.Counts[:], used)
	if first < 0 {
		return "", ""
	}
	last := len(h.Counts) - 1
	for !used(h.Counts[last]) {
		last--
	}
	n := float64(count(h))
	for i := first; i <= last; i++ {
		upTo += fmt.Sprintf("%8d", uint64(1)<<i)
		share += fmt.Sprintf("%8.1f", 100*float64(h.Counts[i])/n)
	}
	return upTo, share
}
