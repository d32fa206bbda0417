package disktest_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

// outcomes gives, sorted, what every mask leaves of a disk, as show tells it.
func outcomes(d *disktest.Disk, show func(*disktest.Disk) string) []string {
	var all []string
	for mask := range uint64(1) << d.Unsynced() {
		all = append(all, show(d.CutMask(mask)))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// text shows the bytes of file a without the zeros at its end.
func text(d *disktest.Disk) string {
	return strings.TrimRight(string(d.Bytes("a")), "\x00")
}

func names(d *disktest.Disk) string { return strings.Join(d.Names(), " ") }

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("it may leave %q, not %q", got, want)
	}
}

// synced gives a disk with an empty file a of 4 KiB, durable.
func synced(t *testing.T) (*disktest.Disk, disk.File) {
	t.Helper()
	d := disktest.New(disktest.Options{})
	f := create(t, d, "a", 4096)
	if err := errors.Join(f.Sync(), d.Sync()); err != nil {
		t.Fatal(err)
	}
	return d, f
}

func TestWhatWasSyncedIsThere(t *testing.T) {
	d, f := synced(t)
	write(t, f, "abc", 0)
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if n := d.Unsynced(); n != 0 {
		t.Errorf("%d choices", n)
	}
	same(t, outcomes(d, text), "abc")
	for seed := range int64(20) {
		if got := text(d.CutSeed(seed)); got != "abc" {
			t.Errorf("seed %d leaves %q", seed, got)
		}
	}
}

func TestWritesSurviveInAnyCombination(t *testing.T) {
	d, f := synced(t)
	for i, s := range []string{"a", "b", "c"} {
		write(t, f, s, int64(i))
	}
	same(t, outcomes(d, text), "", "\x00\x00c", "\x00b", "\x00bc", "a", "a\x00c", "ab", "abc")
}

func TestAWriteKeepsNothingOfTheCallers(t *testing.T) {
	d, f := synced(t)
	p := []byte("abc")
	if _, err := f.WriteAt(p, 0); err != nil {
		t.Fatal(err)
	}
	copy(p, "xyz")
	same(t, outcomes(d, text), "", "abc")
}

func TestOverlappingWritesKeepTheirOrder(t *testing.T) {
	d, f := synced(t)
	write(t, f, "one", 0)
	write(t, f, "two", 0)
	same(t, outcomes(d, text), "", "one", "two")
}

func TestTornWrites(t *testing.T) {
	d, f := synced(t)
	write(t, f, strings.Repeat("x", 2*disktest.SectorSize), 100) // sectors 0, 1 and 2
	var asked []int64
	after := d.Cut(func(op disktest.Op, sector int64) bool {
		if op.Kind != disktest.Write || op.Name != "a" || op.Offset != 100 {
			t.Errorf("asked for %v", op)
		}
		asked = append(asked, sector)
		return sector == 1
	})
	if !slices.Equal(asked, []int64{0, 1, 2}) {
		t.Errorf("asked for sectors %d", asked)
	}
	want := make([]byte, 4096)
	copy(want[disktest.SectorSize:], strings.Repeat("x", disktest.SectorSize))
	if !bytes.Equal(after.Bytes("a"), want) {
		t.Error("another sector is there")
	}
}

func TestSeedsTearWholeSectors(t *testing.T) {
	seen := map[string]bool{}
	for seed := range int64(200) {
		d, f := synced(t)
		write(t, f, strings.Repeat("x", 3*disktest.SectorSize), 0)
		all := d.CutSeed(seed).Bytes("a")
		if !bytes.Equal(all, d.CutSeed(seed).Bytes("a")) {
			t.Fatalf("seed %d leaves this and that", seed)
		}
		var left strings.Builder
		for s := range slices.Chunk(all[:3*disktest.SectorSize], disktest.SectorSize) {
			if n := bytes.Count(s, []byte{'x'}); n != 0 && n != len(s) {
				t.Fatalf("seed %d tears a sector", seed)
			}
			left.WriteString(string("-x"[s[0]/'x']))
		}
		seen[left.String()] = true
	}
	if len(seen) != 8 {
		t.Errorf("200 seeds leave only %v", seen)
	}
}

func TestSizesAreChoicesToo(t *testing.T) {
	d, f := synced(t)
	if err := f.Truncate(5); err != nil {
		t.Fatal(err)
	}
	write(t, f, "x", 9)
	same(t, outcomes(d, func(d *disktest.Disk) string { return fmt.Sprint(len(d.Bytes("a"))) }), "10", "4096", "5")
}

func TestANewFileMayHaveItsNameOnly(t *testing.T) {
	d := disktest.New(disktest.Options{})
	f := create(t, d, "a", 3)
	write(t, f, "x", 0)
	show := func(d *disktest.Disk) string {
		if b := d.Bytes("a"); b != nil {
			return fmt.Sprintf("%q", b)
		}
		return "none"
	}
	same(t, outcomes(d, show), `""`, `"\x00\x00\x00"`, `"x"`, `"x\x00\x00"`, "none")
}

func TestDataWithoutAName(t *testing.T) {
	d := disktest.New(disktest.Options{})
	f := create(t, d, "a", 3)
	write(t, f, "abc", 0)
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	same(t, outcomes(d, func(d *disktest.Disk) string { return names(d) + ":" + text(d) }), ":", "a:abc")
}

func TestNamesSurviveInOrder(t *testing.T) {
	d, _ := synced(t)
	create(t, d, "b", 0)
	if err := errors.Join(d.Rename("b", "c"), d.Remove("a")); err != nil {
		t.Fatal(err)
	}
	same(t, outcomes(d, names), "a", "a b", "a c", "c")
	if got := names(d.CutMask(0b110)); got != "a" {
		t.Errorf("without the first it leaves %q", got)
	}
	seen := map[string]bool{}
	for seed := range int64(100) {
		seen[names(d.CutSeed(seed))] = true
	}
	if len(seen) != 4 || !seen["a"] || !seen["a b"] || !seen["a c"] || !seen["c"] {
		t.Errorf("seeds leave %v", seen)
	}
}

func TestARenameIsWholeOrNotDone(t *testing.T) {
	d, f := synced(t)
	write(t, f, "old", 0)
	next := create(t, d, "b", 3)
	write(t, next, "new", 0)
	if err := errors.Join(f.Sync(), next.Sync(), d.Sync(), d.Rename("b", "a")); err != nil {
		t.Fatal(err)
	}
	same(t, outcomes(d, func(d *disktest.Disk) string { return names(d) + ":" + text(d) }), "a b:old", "a:new")
}

func TestARemovedFileMayBeBack(t *testing.T) {
	d, f := synced(t)
	write(t, f, "abc", 0)
	if err := errors.Join(f.Sync(), d.Remove("a")); err != nil {
		t.Fatal(err)
	}
	write(t, f, "x", 1)
	same(t, outcomes(d, text), "", "abc", "axc")
}

func TestWhatIsRemovedForGoodIsNoChoice(t *testing.T) {
	d, f := synced(t)
	if err := errors.Join(d.Remove("a"), d.Sync()); err != nil {
		t.Fatal(err)
	}
	write(t, f, "x", 0)
	if n := d.Unsynced(); n != 0 {
		t.Errorf("%d choices", n)
	}
	same(t, outcomes(d, names), "")
}

func TestAfterTheCut(t *testing.T) {
	d, f := synced(t)
	write(t, f, "abc", 0)
	after := d.Cut(func(disktest.Op, int64) bool { return true })
	_, err := f.ReadAt(make([]byte, 1), 0)
	is(t, err, disktest.ErrStopped)
	_, err = f.Size()
	is(t, err, disktest.ErrStopped)
	_, err = d.List()
	is(t, err, disktest.ErrStopped)
	_, err = d.Open("a")
	is(t, err, disktest.ErrStopped)
	_, _, err = d.Free()
	is(t, err, disktest.ErrStopped)

	if after.Operations() != 0 || after.Unsynced() != 0 {
		t.Error("the new disk is not fresh")
	}
	holds(t, open(t, after, "a"), append([]byte("abc"), make([]byte, 4093)...))
	write(t, open(t, after, "a"), "xyz", 0)
	if text(d) != "abc" || text(d.CutMask(0)) != "" || text(d.CutMask(1)) != "abc" {
		t.Error("the old disk has changed")
	}
	same(t, outcomes(after, text), "abc", "xyz")
}

// TestEveryBoundary does what users of this package do, with one that syncs
// and one that forgets to: only the second is seen to lose what it promised.
func TestEveryBoundary(t *testing.T) {
	lost := func(sync bool) (lost int) {
		full := disktest.New(disktest.Options{})
		appendAll(full, sync)
		for n := 1; n <= full.Operations()+1; n++ {
			d := disktest.New(disktest.Options{})
			d.StopAt(n)
			promised := appendAll(d, sync)
			var after []*disktest.Disk
			for mask := range uint64(1) << min(d.Unsynced(), 10) {
				after = append(after, d.CutMask(mask))
			}
			for seed := range int64(20) {
				after = append(after, d.CutSeed(seed))
			}
			for _, a := range after {
				if !strings.HasPrefix(text(a), promised) {
					lost++
				}
			}
		}
		return lost
	}
	if n := lost(true); n != 0 {
		t.Errorf("synced, and lost %d times", n)
	}
	if lost(false) == 0 {
		t.Error("not synced, and never lost")
	}
}

// appendAll writes to file a until the disk stops, and gives what it promises
// to be there.
func appendAll(d *disktest.Disk, sync bool) (promised string) {
	f, err := d.Create("a", 4096)
	if err != nil {
		return ""
	}
	if f.Sync() != nil || d.Sync() != nil {
		return ""
	}
	var written string
	for _, s := range []string{"one ", strings.Repeat("two ", 300), "three "} {
		if _, err := f.WriteAt([]byte(s), int64(len(written))); err != nil {
			break
		}
		written += s
		if sync && f.Sync() != nil {
			break
		}
		promised = written
	}
	return promised
}
