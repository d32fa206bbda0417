package journal_test

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// format1 gives a rig with the files of a journal that a headgate of format 1
// has written: five events; one delivered, one dead, one that waits for a
// retry, one held. The second segment was cut off.
func format1(t *testing.T) *rig {
	t.Helper()
	r := followed(t)
	const dir = "testdata/format1"
	files, err := os.ReadDir(dir)
	r.must(err)
	for _, x := range files {
		b, err := os.ReadFile(filepath.Join(dir, x.Name()))
		r.must(err)
		f, err := r.disk.Create(x.Name(), int64(len(b)))
		r.must(err)
		_, err = f.WriteAt(b, 0)
		r.must(errors.Join(err, f.Sync(), f.Close(), r.disk.Sync()))
	}
	return r
}

// TestFormat1 opens what a headgate of format 1 has written: all of it is there,
// its acceptances are told, and what comes now is told with its outcomes.
func TestFormat1(t *testing.T) {
	r := format1(t)
	told, err := journal.Check(r.disk)
	r.must(err)
	if told.Format != 1 || told.Sequence != 5 || told.Outcomes != 0 || len(told.Faults) > 0 {
		t.Errorf("it is told as %+v", told)
	}
	r.use(r.options())
	r.must(r.j.Verify(t.Context()))
	for id, want := range map[string]outbox.ChannelStatus{
		"one":   {State: outbox.StateDone, Result: []byte(`{"n":1}`)},
		"two":   {State: outbox.StateFailed, Failures: 1, Reason: "no such order"},
		"three": {State: outbox.StatePending, Failures: 1, Reason: "no reply", Due: r.o.now.Add(time.Hour)},
		"four":  {State: outbox.StatePending, Held: true, Reason: "by hand"},
		"five":  {State: outbox.StatePending},
	} {
		st, err := r.j.Lookup(t.Context(), outbox.Key{Source: source, ID: id})
		r.must(err)
		c := st.Channels[0]
		if c.State != want.State || c.State != outbox.StatePending && c.Attempt != 1 || c.Failures != want.Failures || c.Held != want.Held || c.Reason != want.Reason ||
			!c.Due.Equal(want.Due) || string(c.Result) != string(want.Result) {
			t.Errorf("%s is %+v", id, c)
		}
	}
	old := []string{"1/0: 1 is one", "2/0: 2 is two", "3/0: 3 is three", "4/0: 4 is four", "5/0: 5 is five"}
	if got := r.facts(outbox.Position{}); !slices.Equal(got, old) {
		t.Errorf("told are %q", got)
	}
	r.event("six", nil, "a")
	r.take("a", 10, outbox.Dead) // five and six
	for range 3 {
		if got := r.facts(outbox.Position{Event: 5}); len(got) != 3 || got[0] != "6/0: 6 is six" || !strings.HasPrefix(got[1], "6/1: 5 on a") ||
			!strings.HasPrefix(got[2], "6/2: 6 on a") {
			t.Errorf("told is then %q", got)
		}
		if got := r.facts(outbox.Position{}); len(got) != 8 || !slices.Equal(got[:5], old) {
			t.Errorf("told from the beginning are %q", got)
		}
		r.tidy()
		r.disk = r.disk.CutSeed(1)
		r.use(r.options())
	}
	r.must(r.j.Close())
	told, err = journal.Check(r.disk)
	r.must(err)
	if told.Format != 2 || told.Sequence != 6 || told.Outcomes != 2 || len(told.Faults) > 0 {
		t.Errorf("it is told as %+v", told)
	}
}

// TestSalvageKeepsOrdinals salvages a journal, and a damaged one: who follows is
// told the same as before, but for what was lost.
func TestSalvageKeepsOrdinals(t *testing.T) {
	for _, closed := range []bool{true, false} {
		r := followed(t)
		r.open()
		r.churn(60)
		want := r.facts(outbox.Position{})
		last := r.j.Position()
		if closed {
			r.must(r.j.Close())
		}
		r.disk = r.disk.CutMask(1<<63 - 1)
		from := r.disk
		salvage := func() {
			to := disktest.New(disktest.Options{})
			_, err := journal.Salvage(from, to)
			r.must(err)
			r.disk = to
			r.use(r.options())
		}
		salvage()
		if got := r.facts(outbox.Position{}); !slices.Equal(got, want) || r.j.Position() != last {
			t.Errorf("closed %t: told are %q, want %q", closed, got, want)
		}
		r.churn(1)
		if got := r.facts(last); len(got) != 2 {
			t.Errorf("closed %t: told is then %q", closed, got)
		}
		r.must(r.j.Close())
	}
}

// TestABackupIsFollowedOn opens a backup: its facts are those of the journal
// then, and who has followed the journal further is refused.
func TestABackupIsFollowedOn(t *testing.T) {
	r := followed(t)
	dir := t.TempDir()
	o := r.options()
	o.FS, o.Dir = nil, filepath.Join(dir, "journal")
	r.use(o)
	r.churn(10)
	want := r.facts(outbox.Position{})
	backup := filepath.Join(dir, "backup")
	r.must(os.Mkdir(backup, 0o700))
	r.must(r.j.Backup(t.Context(), backup))
	r.churn(1)
	last := r.j.Position()
	r.must(r.j.Close())
	o.Dir = backup
	r.use(o)
	if got := r.facts(outbox.Position{}); !slices.Equal(got, want) {
		t.Errorf("told are %q, want %q", got, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.j.Follow(ctx, last, func([]outbox.Fact) error { return nil }); !errors.Is(err, outbox.ErrBeyond) {
		t.Errorf("it is followed on from %+v: %v", last, err)
	}
	r.must(r.j.Verify(t.Context()))
	r.must(r.j.Close())
}

// TestASummaryThatHidesOutcomesIsFound changes the highest ordinal that a summary
// tells, and its checksum.
func TestASummaryThatHidesOutcomesIsFound(t *testing.T) {
	r := followed(t)
	r.open()
	r.churn(3)
	r.must(r.j.Close())
	b := r.disk.Bytes("00000001.idx")
	b[56]--
	clear(b[48:52])
	binary.LittleEndian.PutUint32(b[48:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	f, err := r.disk.Open("00000001.idx")
	r.must(err)
	_, err = f.WriteAt(b, 0)
	r.must(errors.Join(err, f.Sync(), f.Close()))
	told, err := journal.Check(r.disk)
	r.must(err)
	if len(told.Faults) != 1 || !strings.Contains(told.Faults[0], "00000001.idx: it does not tell what 00000001.seg has") {
		t.Errorf("faults are %q", told.Faults)
	}
}
