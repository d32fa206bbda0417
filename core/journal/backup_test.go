package journal_test

import (
	"errors"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// refusesBackup asks for a backup, which is refused before anything changes.
func (r *rig) refusesBackup(want error) {
	r.Helper()
	before := r.disk.Operations()
	if err := r.j.Backup(r.Context(), r.TempDir()); !errors.Is(err, want) {
		r.Errorf("backup: %v", err)
	}
	if n := r.disk.Operations() - before; n > 0 {
		r.Errorf("%d operations were done for it: %v", n, r.disk.Names())
	}
}

// TestNoBackupOfAClosedJournal asks for one after Close: no file is touched.
func TestNoBackupOfAClosedJournal(t *testing.T) {
	r := newRig(t, 1)
	r.fs = linking{r.disk}
	r.use(r.options())
	r.load(3, nil)
	r.tidy()
	r.must(r.j.Close())
	r.refusesBackup(outbox.ErrClosed)
}

// TestNoBackupUntilTheJournalIsWhole asks for one while the file that failed
// cannot be removed, though another has replaced it.
func TestNoBackupUntilTheJournalIsWhole(t *testing.T) {
	r := newRig(t, 1)
	r.fs = linking{r.disk}
	r.use(r.options())
	r.load(3, nil)
	failed := false
	r.disk.Fail(func(op disktest.Op) error {
		switch {
		case op.Kind == disktest.Sync && !failed:
			failed = true
			return errIO
		case op.Kind == disktest.Remove && op.Name == "00000001.seg":
			return errIO
		}
		return nil
	})
	if got := r.j.Append(t.Context(), newEntry("x", nil, outbox.Target{Channel: "a"}))[0]; got.Err == nil {
		t.Fatal("a sync that failed is acknowledged")
	}
	r.refusesBackup(outbox.ErrFailing)
	if err := r.j.Tidy(); !errors.Is(err, errIO) {
		t.Fatalf("tidy: %v", err)
	}
	r.refusesBackup(outbox.ErrFailing)
	r.disk.Fail(nil)
	r.tidy()
	r.must(r.j.Backup(t.Context(), t.TempDir()))
	r.must(r.j.Close())
}
