package disktest_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

var errFault = errors.New("the disk is out of order")

// failing makes operations of a kind fail with err.
func failing(kind disktest.Kind, err error) func(disktest.Op) error {
	return func(op disktest.Op) error {
		if op.Kind == kind {
			return err
		}
		return nil
	}
}

func TestASyncAfterOneThatFailedProvesNothing(t *testing.T) {
	d, f := synced(t)
	write(t, f, "a", 0)
	d.Fail(failing(disktest.Sync, errFault))
	is(t, f.Sync(), errFault)
	d.Fail(nil)
	write(t, f, "b", 1)
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	holds(t, f, append([]byte("ab"), make([]byte, 4094)...))
	if n := d.Unsynced(); n != 1 {
		t.Errorf("%d choices", n)
	}
	same(t, outcomes(d, text), "\x00b", "ab")
}

func TestSizesThatFailedToSyncAreSyncedNext(t *testing.T) {
	d := disktest.New(disktest.Options{})
	f := create(t, d, "a", 10)
	d.Fail(failing(disktest.Sync, errFault))
	is(t, f.Sync(), errFault)
	d.Fail(nil)
	if n := d.Unsynced(); n != 2 {
		t.Errorf("%d choices", n)
	}
	if err := errors.Join(f.Sync(), d.Sync()); err != nil {
		t.Fatal(err)
	}
	same(t, outcomes(d, func(d *disktest.Disk) string { return fmt.Sprint(len(d.Bytes("a"))) }), "10")
}

func TestWhatIsWrittenAgainIsSynced(t *testing.T) {
	d, f := synced(t)
	write(t, f, "one", 0)
	d.Fail(failing(disktest.Sync, errFault))
	is(t, f.Sync(), errFault)
	d.Fail(nil)
	write(t, f, "two", 0)
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	same(t, outcomes(d, text), "two")
}

func TestNamesThatFailedToSyncAreSyncedNext(t *testing.T) {
	d := disktest.New(disktest.Options{})
	create(t, d, "a", 0)
	d.Fail(failing(disktest.SyncNames, errFault))
	is(t, d.Sync(), errFault)
	if n := d.Unsynced(); n != 1 {
		t.Errorf("%d choices", n)
	}
	d.Fail(nil)
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	same(t, outcomes(d, names), "a")
}

func TestASyncCoversOnlyWhatWasThereWhenItBegan(t *testing.T) {
	d, f := synced(t)
	write(t, f, "a", 0)
	d.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Sync {
			d.Fail(nil)
			write(t, f, "b", 1)
			create(t, d, "b", 0)
		}
		return nil
	})
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	same(t, outcomes(d, text), "a", "ab")

	d, _ = synced(t)
	create(t, d, "b", 0)
	d.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.SyncNames {
			d.Fail(nil)
			create(t, d, "c", 0)
		}
		return nil
	})
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	same(t, outcomes(d, names), "a b", "a b c")
}

func TestNothingIsLeftOfWhatFails(t *testing.T) {
	for _, kind := range []disktest.Kind{disktest.Create, disktest.Write, disktest.Truncate, disktest.Rename,
		disktest.Remove, disktest.Open, disktest.Read, disktest.List, disktest.Free} {
		d, f := synced(t)
		d.Fail(failing(kind, errFault))
		var errs []error
		_, err := d.Create("b", 10)
		errs = append(errs, err)
		_, err = f.WriteAt([]byte("x"), 0)
		errs = append(errs, err, f.Truncate(1), d.Rename("a", "c"), d.Rename("c", "a"))
		_, err = d.Open("a")
		errs = append(errs, err)
		_, err = f.ReadAt(make([]byte, 1), 0)
		errs = append(errs, err)
		_, err = d.List()
		errs = append(errs, err)
		_, _, err = d.Free()
		errs = append(errs, err, d.Remove("b"))
		var found bool
		for _, err := range errs {
			found = found || errors.Is(err, errFault)
		}
		if !found {
			t.Errorf("%s did not fail", kind)
		}
		if kind == disktest.Write && text(d) != "" || kind == disktest.Truncate && len(d.Bytes("a")) != 4096 ||
			kind == disktest.Create && names(d) != "a" || kind == disktest.Rename && names(d) != "a" {
			t.Errorf("%s did something: %s %q", kind, names(d), text(d))
		}
	}
}

func TestAShortWrite(t *testing.T) {
	d, f := synced(t)
	d.Fail(failing(disktest.Write, fmt.Errorf("%w: %w", disk.ErrFull, disktest.Short(2))))
	n, err := f.WriteAt([]byte("abc"), 0)
	is(t, err, disk.ErrFull)
	if n != 2 {
		t.Errorf("%d bytes", n)
	}
	same(t, outcomes(d, text), "", "ab")
}

func TestOperationsAreTold(t *testing.T) {
	d := disktest.New(disktest.Options{})
	var told []string
	d.Fail(func(op disktest.Op) error {
		told = append(told, fmt.Sprint(op))
		if op.Ordinal != 0 && op.Ordinal != d.Operations() {
			t.Errorf("%v is operation %d", op, d.Operations())
		}
		return nil
	})
	f := create(t, d, "a", 9)
	write(t, f, "abc", 2)
	_, _ = f.ReadAt(make([]byte, 4), 1)
	_, _ = d.List()
	if err := errors.Join(f.Sync(), f.Truncate(7), d.Rename("a", "b"), d.Sync(), d.Remove("b")); err != nil {
		t.Fatal(err)
	}
	want := `{create 1 a  0 9}
{write 2 a  2 3}
{read 0 a  1 4}
{list 0   0 0}
{sync 3 a  0 0}
{truncate 4 a  0 7}
{rename 5 a b 0 0}
{sync names 6   0 0}
{remove 7 b  0 0}`
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("told:\n%s", got)
	}
}

func TestStopAt(t *testing.T) {
	d := disktest.New(disktest.Options{})
	d.StopAt(3)
	f := create(t, d, "a", 3)
	write(t, f, "abc", 0)
	holds(t, f, []byte("abc"))
	is(t, f.Sync(), disktest.ErrStopped)
	_, err := f.ReadAt(make([]byte, 1), 0)
	is(t, err, disktest.ErrStopped)
	is(t, d.Sync(), disktest.ErrStopped)
	if n := d.Operations(); n != 2 {
		t.Errorf("%d operations", n)
	}
	if n := d.Unsynced(); n != 3 {
		t.Errorf("%d choices", n)
	}
}

func TestAStopReachesWhatIsUnderWay(t *testing.T) {
	d, f := synced(t)
	d.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Write {
			d.CutMask(0)
		}
		return nil
	})
	_, err := f.WriteAt([]byte("x"), 0)
	is(t, err, disktest.ErrStopped)
	if text(d) != "" {
		t.Error("it was written on a dead disk")
	}
}

func TestCapacity(t *testing.T) {
	d := disktest.New(disktest.Options{Size: 100})
	free := func(want int64) {
		t.Helper()
		if got, _, err := d.Free(); err != nil || got != want {
			t.Errorf("%d bytes are free, not %d: %v", got, want, err)
		}
	}
	f := create(t, d, "a", 60)
	_, err := d.Create("b", 41)
	is(t, err, disk.ErrFull)
	lists(t, d, "a")
	free(40)
	create(t, d, "b", 40)
	free(0)
	_, err = f.WriteAt([]byte("xy"), 59)
	is(t, err, disk.ErrFull)
	write(t, f, "x", 59)
	if err := f.Truncate(50); err != nil {
		t.Fatal(err)
	}
	free(10)
	d.SetSize(20)
	free(0)
	write(t, f, "x", 49)
	d.SetSize(200)
	free(110)
	if err := d.Remove("a"); err != nil {
		t.Fatal(err)
	}
	free(110)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	free(160)
	c, err := d.Create("c", 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), d.Rename("c", "b")); err != nil {
		t.Fatal(err)
	}
	free(60) // b is open still
	c, err = d.Create("c", 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), d.Rename("b", "c")); err != nil {
		t.Fatal(err)
	}
	free(60)
	d = d.CutMask(^uint64(0))
	free(100)
	d.SetSize(0)
	free(0)
	d = d.CutMask(0)
	free(0)
}

func TestFlip(t *testing.T) {
	d, f := synced(t)
	write(t, f, "abc", 0)
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "d", 3)
	if err := errors.Join(d.Flip("a", 1, 1), d.Flip("a", 3, 1), d.Flip("a", 4000, 0xff)); err != nil {
		t.Fatal(err)
	}
	if all := d.Bytes("a"); string(all[:4]) != "acce" || all[4000] != 0xff {
		t.Errorf("%q", all[:4])
	}
	if d.Flip("a", 4096, 1) == nil || d.Flip("b", 0, 1) == nil {
		t.Error("nothing was flipped")
	}
	same(t, outcomes(d, func(d *disktest.Disk) string { return string(d.Bytes("a")[:4]) }), "acc\x01", "acce")
	if d.CutMask(0).Bytes("a")[4000] != 0xff {
		t.Error("it was not for good")
	}
}

func TestConcurrentUse(t *testing.T) {
	d := disktest.New(disktest.Options{})
	d.Fail(func(disktest.Op) error { return nil })
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			f, err := d.Create(fmt.Sprint(i), 100)
			if err != nil {
				t.Error(err)
				return
			}
			for j := range 100 {
				_, err := f.WriteAt([]byte{byte(i)}, int64(j))
				_, rerr := f.ReadAt(make([]byte, 1), int64(j))
				if err := errors.Join(err, rerr, f.Sync(), d.Sync()); err != nil {
					t.Error(err)
				}
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	after := d.CutMask(0)
	for i := range 8 {
		if want := strings.Repeat(string(rune(i)), 100); string(after.Bytes(fmt.Sprint(i))) != want {
			t.Errorf("file %d has lost something", i)
		}
	}
}
