package audit_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/sdk"
)

// refused counts the refusals that a log tells of, one by one and in sums.
func refused(t *testing.T, d *disktest.Disk) (lines int, total uint64) {
	t.Helper()
	for _, line := range allLines(t, files(d)) {
		switch line.Action {
		case "auth.deny":
			lines++
			total++
		case audit.ActionSuppressed:
			lines++
			total += line.Count
		}
	}
	return lines, total
}

// TestAFloodOfRefusals has many goroutines refuse, with kinds that peers cannot
// make up and texts that they can: lines are bounded, and none is left uncounted.
func TestAFloodOfRefusals(t *testing.T) {
	d, c := disktest.New(disktest.Options{}), newClock()
	l := open(t, options(d, c))
	const each, by = 5000, 4
	long := strings.Repeat("x", 1<<16)
	var wait sync.WaitGroup
	for g := range by {
		wait.Go(func() {
			for i := range each {
				l.Refuse(audit.Record{Action: "auth.deny", Reason: fmt.Sprintf("code_%d", (i+g)%7), Ingress: "edge", Addr: fmt.Sprintf("192.0.2.%d", i%256),
					Unproven: true, Event: audit.Event{ID: long}})
				if i%1000 == 0 {
					c.add(audit.RefuseWindow / 2)
					l.Tidy()
				}
			}
		})
	}
	wait.Wait()
	shut(t, l)
	lines, total := refused(t, d)
	if total != each*by {
		t.Errorf("%d are told of, of %d", total, each*by)
	}
	const windows = by * each / 1000
	if most := windows * 7 * (audit.RefuseFirst + 1); lines > most {
		t.Errorf("%d lines, of at most %d", lines, most)
	}
	if got := l.Stats().Suppressed; got == 0 || got > each*by {
		t.Errorf("%d are told to be counted", got)
	}
	good(t, check(t, files(d)))
}

// TestKindsWithoutEnd has more kinds than are told apart.
func TestKindsWithoutEnd(t *testing.T) {
	d := disktest.New(disktest.Options{})
	l := open(t, options(d, newClock()))
	const n = 20 * audit.RefuseKinds
	for i := range n {
		l.Refuse(audit.Record{Action: "auth.deny", Reason: fmt.Sprint(i)})
	}
	shut(t, l)
	lines, total := refused(t, d)
	if total != n || lines > 2*audit.RefuseKinds {
		t.Errorf("%d lines tell of %d, of %d", lines, total, n)
	}
}

// TestRefusalsThatAreLost counts those whose lines a failed disk has lost.
func TestRefusalsThatAreLost(t *testing.T) {
	d, c := disktest.New(disktest.Options{}), newClock()
	l := open(t, options(d, c))
	n := 0
	refuse := func(more int) {
		for range more {
			l.Refuse(audit.Record{Action: "auth.deny", Reason: "bad_signature"})
		}
		n += more
	}
	for i, kind := range []disktest.Kind{disktest.Sync, disktest.Write, disktest.Sync} {
		refuse(audit.RefuseFirst + 5 + i)
		l.Drain(i == 1) // those are lines now, and not on disk
		refuse(3)
		d.Fail(func(op disktest.Op) error {
			if op.Kind == kind {
				return syscall.EIO
			}
			return nil
		})
		c.add(2 * audit.RefuseWindow)
		if err := l.Sign(); kind == disktest.Sync && !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		l.Tidy()
		refuse(4)
		d.Fail(nil)
		l.Tidy()
		must(t, l.Err())
	}
	shut(t, l)
	if _, total := refused(t, d); total != uint64(n) {
		t.Errorf("%d are told of, of %d", total, n)
	}
	good(t, check(t, files(d)))
}

func TestTelemetryIsSummed(t *testing.T) {
	d, c := disktest.New(disktest.Options{}), newClock()
	l := open(t, options(d, c))
	of := audit.Tally{Principal: sdk.Principal{Provider: "edge-keys", Subject: "edge"}, Ingress: "edge", Route: "metrics", Channel: "telemetry", Outcome: audit.Success}
	const each, by = 1000, 4
	var wait sync.WaitGroup
	for range by {
		wait.Go(func() {
			for i := range each {
				l.Count(of, 1, 100)
				dropped := of
				dropped.Outcome, dropped.Reason, dropped.Principal.Subject = audit.Failure, "ring_full", fmt.Sprint(i%7)
				l.Count(dropped, 2, 10)
			}
		})
	}
	wait.Wait()
	l.Tidy()
	if n := len(allLines(t, files(d))); n != 1 {
		t.Errorf("%d lines before the minute is over", n)
	}
	c.add(61e9)
	l.Tidy()
	for i := range 2 * audit.MaxTallies { // senders beyond all bounds
		of.Principal.Subject = fmt.Sprint("many-", i)
		l.Count(of, 1, 1)
	}
	shut(t, l)
	var sent, dropped, lines, bytes uint64
	for _, line := range allLines(t, files(d)) {
		if line.Action != audit.ActionSum {
			continue
		}
		lines++
		bytes += line.Bytes
		if line.Outcome == audit.Failure {
			dropped += line.Count
		} else {
			sent += line.Count
		}
		if line.Since.IsZero() {
			t.Errorf("%s", line.Raw)
		}
	}
	if sent != each*by+2*audit.MaxTallies || dropped != 2*each*by || lines > 8+audit.MaxTallies+1 || bytes != each*by*110+2*audit.MaxTallies {
		t.Errorf("%d sent, %d dropped, %d bytes, in %d lines", sent, dropped, bytes, lines)
	}
}
