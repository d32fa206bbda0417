package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

// follow tells a log the acceptances up to n as a follower does, from where it
// says. A log that fails is mended in between.
func follow(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	for tries := 0; ; tries++ {
		var err error
		for i := int(l.Resume().Event) + 1; i <= n && err == nil; i++ {
			err = l.Append(audit.Position{Event: uint64(i)}, []audit.Record{acceptance(i)})
		}
		if err == nil {
			return
		}
		if tries == 100 {
			t.Fatalf("it never ends: %v", err)
		}
		l.Tidy()
	}
}

// TestFaults fails the k-th operation on the log's files, for all of them: the
// log says so, mends itself in a new file, and has everything once.
func TestFaults(t *testing.T) {
	errs := map[string]error{"EIO": syscall.EIO, "a full disk": fmt.Errorf("%w: %w", disktest.Short(3), errors.Join(disk.ErrFull, syscall.ENOSPC))}
	for what, fault := range errs {
		t.Run(what, func(t *testing.T) {
			for k := 1; ; k++ {
				d, out := disktest.New(disktest.Options{}), newExport()
				o := options(d, newClock())
				o.MaxFile, o.Exports = 6<<10, []audit.Export{out}
				l := open(t, o)
				n, failed := 0, 0
				d.Fail(func(op disktest.Op) error {
					if op.Ordinal == 0 {
						return nil
					}
					if n++; n < k || n > k+2 { // three in a row, so that mending fails, too
						return nil
					}
					failed++
					return fault
				})
				var acts []string
				for i := 5; i <= 40; i += 5 {
					follow(t, l, i)
					actor := fmt.Sprintf("uid:%d", i)
					was := failed
					err := l.Write(context.Background(), audit.Record{Action: "admin.act", Actor: actor})
					if err == nil {
						acts = append(acts, actor)
					} else if !errors.Is(err, audit.ErrFailing) || l.Err() == nil && failed == was {
						t.Fatalf("fault %d: %v, %v", k, err, l.Err())
					}
					if i%10 == 0 {
						if err := l.Sign(); err != nil && l.Err() == nil {
							t.Fatalf("fault %d: no checkpoint (%v), and all is well", k, err)
						}
						l.ExportOnce()
					}
					l.Tidy()
				}
				for range 5 {
					l.Tidy()
					_ = l.Sign()
				}
				if err := l.Err(); err != nil {
					t.Fatalf("fault %d: still %v", k, err)
				}
				d.Fail(nil) // what Close does is not repeated by anybody
				follow(t, l, 45)
				shut(t, l)
				good(t, check(t, files(d), out.all()...))
				accepted(t, d, 45)
				var kept []string
				for _, line := range allLines(t, files(d)) {
					if line.Action == "admin.act" {
						kept = append(kept, line.Actor)
					}
				}
				if strings.Join(kept, " ") != strings.Join(acts, " ") {
					t.Fatalf("fault %d: acts %v, and told were %v", k, kept, acts)
				}
				if failed == 0 {
					return // k is beyond the last operation
				}
			}
		})
	}
}

// TestAFailedSyncIsNeverTrusted has power cuts after a sync that failed: what the
// disk lost with it was told to nobody as kept.
func TestAFailedSyncIsNeverTrusted(t *testing.T) {
	for k := 1; k <= 12; k++ {
		d := disktest.New(disktest.Options{})
		l := open(t, options(d, newClock()))
		n := 0
		d.Fail(func(op disktest.Op) error {
			if op.Kind != disktest.Sync {
				return nil
			}
			if n++; n != k {
				return nil
			}
			return syscall.EIO
		})
		follow(t, l, 10)
		for i := range 6 {
			follow(t, l, 10+i)
			_ = l.Write(context.Background(), audit.Record{Action: "admin.act"})
			_ = l.Sign()
			l.Tidy()
		}
		follow(t, l, 20)
		must(t, l.Sign())
		kept := l.Synced()
		after := d.CutMask(0) // nothing that was not synced
		again := open(t, options(after, newClock()))
		if got := again.Resume(); got != kept {
			t.Errorf("sync %d: %v is there, %v was told to be", k, got, kept)
		}
		shut(t, again)
		good(t, check(t, files(after)))
		accepted(t, after, int(kept.Event))
	}
}

func TestAFollowerThatDoesNotAskIsRefused(t *testing.T) {
	d := disktest.New(disktest.Options{})
	l := open(t, options(d, newClock()))
	accept(t, l, 1, 5)
	must(t, l.Sign())
	accept(t, l, 5, 10)
	d.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Sync {
			return syscall.EIO
		}
		return nil
	})
	if err := l.Sign(); !errors.Is(err, audit.ErrFailing) || !errors.Is(l.Err(), audit.ErrFailing) || !errors.Is(l.Err(), syscall.EIO) {
		t.Fatalf("%v, %v", err, l.Err())
	}
	if got := l.Position(); got != (audit.Position{Event: 4}) || l.Synced() != got || l.Stats().Size != 5 {
		t.Errorf("after a failure it is at %v, with %d records", got, l.Stats().Size)
	}
	d.Fail(nil)
	l.Tidy()
	if err := l.Err(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(audit.Position{Event: 10}, []audit.Record{acceptance(10)}); !errors.Is(err, audit.ErrRewound) {
		t.Fatalf("a gap: %v", err)
	}
	if got := l.Resume(); got != (audit.Position{Event: 4}) {
		t.Fatalf("it goes on from %v", got)
	}
	accept(t, l, 5, 12)
	shut(t, l)
	good(t, check(t, files(d)))
	accepted(t, d, 11)
}

// TestADiskThatFills refuses acceptances while there is still room for what must
// be written, and goes on by itself.
func TestADiskThatFills(t *testing.T) {
	d := disktest.New(disktest.Options{Size: 1 << 20})
	o := options(d, newClock())
	o.Reserve = 40 << 10
	l := open(t, o)
	other, err := d.Create("other", 1<<20-60<<10)
	must(t, err)
	l.Tidy()
	must(t, l.Err())
	n := 1
	for ; l.Err() == nil; n++ {
		accept(t, l, n, n+1)
		l.Tidy()
		if n > 1000 {
			t.Fatal("it never refuses")
		}
	}
	if !errors.Is(l.Err(), audit.ErrFull) || l.Stats().Refusing == "" {
		t.Errorf("%v", l.Err())
	}
	must(t, l.Write(context.Background(), audit.Record{Action: "admin.act", Outcome: audit.Success})) // of the reserve
	for i := n; ; i++ {                                                                               // a follower that does not ask fills all of it
		if err := l.Append(audit.Position{Event: uint64(i)}, []audit.Record{acceptance(i)}); err != nil {
			if !errors.Is(err, audit.ErrFailing) || !errors.Is(err, disk.ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	l.Tidy() // what was not synced is cut off, so that there is some room again
	if !errors.Is(l.Err(), audit.ErrFull) {
		t.Errorf("%v", l.Err())
	}
	must(t, errors.Join(other.Close(), d.Remove("other")))
	l.Tidy()
	must(t, l.Err())
	follow(t, l, n+50)
	shut(t, l)
	good(t, check(t, files(d)))
	accepted(t, d, n+50)
}

// TestWhatWasCutBackStaysSo has a power cut after a log was mended: what was
// written and not synced then does not come back behind the new file's beginning.
func TestWhatWasCutBackStaysSo(t *testing.T) {
	d := disktest.New(disktest.Options{})
	l := open(t, options(d, newClock()))
	accept(t, l, 1, 5)
	must(t, l.Sign())
	accept(t, l, 5, 10)
	d.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Write {
			return syscall.EIO
		}
		return nil
	})
	if err := l.Append(audit.Position{Event: 10}, []audit.Record{acceptance(10)}); !errors.Is(err, audit.ErrFailing) {
		t.Fatal(err)
	}
	d.Fail(nil)
	l.Tidy()
	follow(t, l, 20)
	must(t, l.Sign())
	after := d.Cut(func(op disktest.Op, _ int64) bool { return op.Kind == disktest.Write })
	good(t, check(t, files(after)))
	accepted(t, after, 20)
}
