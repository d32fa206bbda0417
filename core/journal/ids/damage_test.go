package ids_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/journal/ids"
)

// threeRuns gives a set of three runs of 300, each of a page of header, four
// of entries and two of index.
func threeRuns(t *testing.T) (*disktest.Disk, ids.Options, *ids.Set) {
	t.Helper()
	d := disktest.New(disktest.Options{})
	o := ids.Options{FS: d, Remember: time.Hour}
	s := open(t, o)
	for i := range uint64(3) {
		fill(t, s, 1+300*i, 301+300*i, start)
	}
	for _, name := range s.Files() {
		if size := len(d.Bytes(name)); size != 7*ids.PageSize {
			t.Fatalf("%s has %d bytes", name, size)
		}
	}
	return d, o, s
}

const second = "ids-00000002.run"

func flip(t *testing.T, d *disktest.Disk, name string, offset int64) {
	t.Helper()
	if err := d.Flip(name, offset, 0x10); err != nil {
		t.Fatal(err)
	}
}

func mustName(t *testing.T, err error, name string) {
	t.Helper()
	if !errors.Is(err, ids.ErrDamaged) || !strings.Contains(err.Error(), name) {
		t.Fatalf("%v: want %v and the name %s", err, ids.ErrDamaged, name)
	}
}

// What is damaged where Open looks is named by Open; with Drop the rest is
// there, and the damage stays until what was added again is in a run.
func TestDamagedAtOpen(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, d *disktest.Disk)
	}{
		{"magic", func(t *testing.T, d *disktest.Disk) { flip(t, d, second, 0) }},
		{"version", func(t *testing.T, d *disktest.Disk) { flip(t, d, second, 8) }},
		{"count", func(t *testing.T, d *disktest.Disk) { flip(t, d, second, 40) }},
		{"sum of the header", func(t *testing.T, d *disktest.Disk) { flip(t, d, second, ids.PageSize-1) }},
		{"starts", func(t *testing.T, d *disktest.Disk) { flip(t, d, second, 5*ids.PageSize+9) }},
		{"prints", func(t *testing.T, d *disktest.Disk) { flip(t, d, second, 6*ids.PageSize+9) }},
		{"cut off", func(t *testing.T, d *disktest.Disk) { resize(t, d, second, 6*ids.PageSize) }},
		{"grown", func(t *testing.T, d *disktest.Disk) { resize(t, d, second, 8*ids.PageSize) }},
		{"empty", func(t *testing.T, d *disktest.Disk) { resize(t, d, second, 0) }},
		{"another run", func(t *testing.T, d *disktest.Disk) { overwrite(t, d, second, d.Bytes("ids-00000001.run")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, o, s := threeRuns(t)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			c.damage(t, d)
			_, err := ids.Open(o)
			mustName(t, err, second)

			o.Drop = true
			s = open(t, o)
			if s.Covered() != 0 || s.Len() != 600 {
				t.Fatalf("covered %d, %d identities; want 0, 600", s.Covered(), s.Len())
			}
			keep(t, s, start)
			mustMiss(t, s, 450)
			mustFind(t, s, 150, knownAt(150, start))
			mustFind(t, s, 750, knownAt(750, start))

			// A crash before it is made good shows the damage again.
			o.Drop = false
			_, err = ids.Open(o)
			mustName(t, err, second)

			fill(t, s, 301, 451, start) // not all of it, yet
			if !slices.Contains(d.Names(), second+".damaged") {
				t.Errorf("not set aside: %v", d.Names())
			}
			s = open(t, o)
			if s.Covered() != 450 {
				t.Errorf("covered %d, want 450: the rest is not in a run", s.Covered())
			}
			mustFind(t, s, 450, knownAt(450, start))
			fill(t, s, 451, 901, start)
			if s = open(t, o); s.Covered() != 900 {
				t.Errorf("covered %d, want 900", s.Covered())
			}
		})
	}
}

// A merged run that is damaged does not take with it the runs that it replaced,
// where a crash left them.
func TestDamagedMerge(t *testing.T) {
	d, o, s := threeRuns(t)
	d.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Remove {
			return errDisk
		}
		return nil
	})
	if err := s.Keep(start.Add(30*time.Minute), nobody); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	d.Fail(nil)
	if s := s.Stats(); s.Runs != 1 || len(d.Names()) != 4 {
		t.Fatalf("%+v and %v, want one run and four files", s, d.Names())
	}
	flip(t, d, "ids-00000004.run", int64(len(d.Bytes("ids-00000004.run"))-1))
	_, err := ids.Open(o)
	mustName(t, err, "ids-00000004.run")
	o.Drop = true
	s = open(t, o)
	for n := uint64(1); n <= 900; n++ {
		mustFind(t, s, n, knownAt(n, start))
	}
}

// With nothing to add again, a seal that is asked for makes it final.
func TestDropEverything(t *testing.T) {
	d, o, s := threeRuns(t)
	for _, name := range s.Files() {
		flip(t, d, name, 0)
	}
	_, err := ids.Open(o)
	for _, name := range s.Files() {
		mustName(t, err, name)
	}
	o.Drop = true
	s = open(t, o)
	s.Seal()
	keep(t, s, start)
	o.Drop = false
	if s = open(t, o); s.Len() != 0 || s.Covered() != 0 {
		t.Errorf("%d identities, covered %d; want none", s.Len(), s.Covered())
	}
}

// Damaged entries are seen when they are read: by Find, which does not say
// that the identity is not known, by Verify, and by a merge, which leaves the
// run alone from then on.
func TestDamagedEntries(t *testing.T) {
	d, o, s := threeRuns(t)
	flip(t, d, second, 2*ids.PageSize+100)
	damaged := map[uint64]bool{}
	for n := uint64(1); n <= 900; n++ {
		k, ok, err := s.Find(hashOf(n))
		switch {
		case err != nil:
			mustName(t, err, second+", page 2")
			damaged[n] = true
		case !ok || k != knownAt(n, start):
			t.Fatalf("identity %d: %+v, %v", n, k, ok)
		}
	}
	if len(damaged) < ids.PageEntries || len(damaged) > ids.PageEntries+3 {
		t.Errorf("%d identities are unknown, want those of a page: %d", len(damaged), ids.PageEntries)
	}
	mustName(t, s.Verify(), second+", page 2")

	for n := uint64(901); n < 1100; n++ {
		s.Add(hashOf(n), knownAt(n, start))
	}
	s.Seal()
	mustName(t, s.Keep(start, nobody), second+", page 2") // four runs would be merged
	if s.Covered() != 1099 {
		t.Errorf("covered %d, want 1099: what was sealed is sealed", s.Covered())
	}
	now := start.Add(30 * time.Minute) // the period is over, and all would be
	keep(t, s, now)
	if files := s.Files(); len(files) != 3 || files[1] != second {
		t.Errorf("%v, want the damaged run and what others became", files)
	}
	for n := uint64(1); n < 1100; n++ {
		if !damaged[n] {
			mustFind(t, s, n, knownAt(n, start))
		}
	}

	// Expired, it is forgotten as any; what could not be read is named.
	now = start.Add(2 * time.Hour)
	mustName(t, s.Keep(now, func(seq uint64) bool { return seq%2 == 0 }), second+", page 2")
	if err := s.Verify(); err != nil {
		t.Fatal(err)
	}
	for n := uint64(2); n < 1100; n += 2 {
		if !damaged[n] {
			mustFind(t, s, n, knownAt(n, now))
		}
	}
	open(t, o)
}

// A whole page in a place that is not its own is damage: no identity of it is
// taken for one that is not known.
func TestMisplacedPages(t *testing.T) {
	page := func(d *disktest.Disk, name string, number int) []byte {
		return d.Bytes(name)[number*ids.PageSize:][:ids.PageSize]
	}
	for _, c := range []struct {
		name   string
		from   string
		number int
	}{{"of the same run", second, 2}, {"of another run", "ids-00000001.run", 3}} {
		t.Run(c.name, func(t *testing.T) {
			d, _, s := threeRuns(t)
			text := d.Bytes(second)
			copy(text[3*ids.PageSize:], page(d, c.from, c.number))
			f, err := d.Open(second)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(text, 0); err != nil {
				t.Fatal(err)
			}
			failed := 0
			for n := uint64(301); n <= 600; n++ {
				k, ok, err := s.Find(hashOf(n))
				if err != nil {
					mustName(t, err, second+", page 3")
					failed++
				} else if !ok || k != knownAt(n, start) {
					t.Fatalf("identity %d: %+v, %v", n, k, ok)
				}
			}
			if failed < ids.PageEntries {
				t.Errorf("%d look-ups failed, want at least %d", failed, ids.PageEntries)
			}
		})
	}
}

// A run's index that misses an entry of it is damage, whatever the sums say.
func TestVerifyChecksTheIndex(t *testing.T) {
	d, o, s := threeRuns(t)
	print := d.Bytes(second)[6*ids.PageSize]
	patch(t, d, 6, 0, print^1)
	if err := s.Verify(); err != nil {
		t.Fatal(err)
	}
	mustName(t, open(t, o).Verify(), second)
}

// patch changes bytes of a run, with a sum that fits them.
func patch(t *testing.T, d *disktest.Disk, page, at int, bytes ...byte) {
	t.Helper()
	text := d.Bytes(second)
	copy(text[page*ids.PageSize+at:], bytes)
	ids.SealPage(2, uint64(page), text[page*ids.PageSize:])
	overwrite(t, d, second, text)
}

func TestIndexThatMakesNoSense(t *testing.T) {
	for _, c := range []struct {
		name  string
		start int
		value byte
	}{{"begins late", 0, 1}, {"goes back", 5, 0}, {"ends late", 300/16 + 1, 0xff}} {
		t.Run(c.name, func(t *testing.T) {
			d, o, _ := threeRuns(t)
			patch(t, d, 5, 4*c.start, c.value)
			_, err := ids.Open(o)
			mustName(t, err, second+": its index makes no sense")
		})
	}
}

// Entries out of order make no merged run, which would miss them.
func TestEntriesOutOfOrder(t *testing.T) {
	d, o, _ := threeRuns(t)
	patch(t, d, 1, 0, 0xff, 0xff)
	s := open(t, o)
	mustName(t, s.Keep(start.Add(30*time.Minute), nobody), second+": entry 1 is out of order")
	if files := s.Files(); len(files) != 3 {
		t.Errorf("%v, want three runs", files)
	}
}

func TestNewerFormat(t *testing.T) {
	d, o, _ := threeRuns(t)
	patch(t, d, 0, 8, 2)
	o.Drop = true // it is not damaged
	_, err := ids.Open(o)
	if err == nil || errors.Is(err, ids.ErrDamaged) || !strings.Contains(err.Error(), second) || !strings.Contains(err.Error(), "format 2 is newer") {
		t.Errorf("%v: want the name and the formats", err)
	}
}

func TestForeignFiles(t *testing.T) {
	d, o, _ := threeRuns(t)
	foreign := []string{"00000001.seg", "ids", "ids-1.run", "ids-00000001.run.bak", "ids-0000000x.run", "ids-99999999999999999999.run"}
	for _, name := range append(foreign, "ids-00000009.tmp") {
		overwrite(t, d, name, []byte("?"))
	}
	open(t, o)
	names := d.Names()
	for _, name := range foreign {
		if !slices.Contains(names, name) {
			t.Errorf("%s is gone", name)
		}
	}
	if slices.Contains(names, "ids-00000009.tmp") {
		t.Error("the draft is still there")
	}
}

// A run that was copied in from elsewhere is not taken for a part of the set.
func TestOverlap(t *testing.T) {
	d, o, s := threeRuns(t)
	keep(t, s, start.Add(30*time.Minute)) // run 4, of 1 to 3
	text := d.Bytes("ids-00000004.run")
	for i, field := range []uint64{9, 2, 8} { // run 9, of 2 to 8
		binary.LittleEndian.PutUint64(text[16+8*i:], field)
	}
	for page := 0; page < len(text)/ids.PageSize; page++ {
		ids.SealPage(9, uint64(page), text[page*ids.PageSize:][:ids.PageSize])
	}
	overwrite(t, d, "ids-00000009.run", text)
	_, err := ids.Open(o)
	if err == nil || !strings.Contains(err.Error(), "ids-00000004.run and ids-00000009.run") {
		t.Errorf("%v: want both names", err)
	}
}

func overwrite(t *testing.T, d *disktest.Disk, name string, text []byte) {
	t.Helper()
	_ = d.Remove(name)
	f, err := d.Create(name, int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(text, 0); err != nil {
		t.Fatal(err)
	}
}

func resize(t *testing.T, d *disktest.Disk, name string, size int64) {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}
