package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/outbox"
)

// three gives a disk with the events x, y and z on channel a, in one segment,
// written in the state that is asked for.
func three(t *testing.T, sealed bool) *rig {
	t.Helper()
	r := newRig(t, 1)
	r.open()
	for _, id := range []string{"x", "y", "z", "last"} {
		e := newEntry(id, []byte("payload of "+id), outbox.Target{Channel: "a"})
		e.Accepted = r.o.now
		r.must(r.o.appended(e, r.j.Append(t.Context(), e)[0]))
	}
	if sealed {
		r.must(r.j.Close())
		r.disk = r.disk.CutMask(0)
	} else {
		r.disk = r.disk.CutMask(1<<63 - 1)
	}
	return r
}

// flip turns a byte of a file over, where what is looked for begins, so far on.
func (r *rig) flip(name, what string, by int) {
	r.Helper()
	at := bytes.Index(r.disk.Bytes(name), []byte(what))
	if at < 0 {
		r.Fatalf("%s has no %q", name, what)
	}
	r.must(r.disk.Flip(name, int64(at+by), 0x55))
}

// segmentOf gives the name of the segment that has some text.
func (r *rig) segmentOf(what string) string {
	r.Helper()
	for _, name := range r.disk.Names() {
		if strings.HasSuffix(name, ".seg") && bytes.Contains(r.disk.Bytes(name), []byte(what)) {
			return name
		}
	}
	r.Fatalf("no segment has %q", what)
	return ""
}

// TestADamagedEvent flips a byte of one event: it is named, becomes a dead
// letter that says so, and the others are delivered.
func TestADamagedEvent(t *testing.T) {
	for _, c := range []struct {
		name            string
		sealed, summary bool
	}{{"sealed, with its summary", true, true}, {"sealed, without", true, false}, {"cut off", false, false}} {
		t.Run(c.name, func(t *testing.T) {
			r := three(t, c.sealed)
			name := r.segmentOf("payload of y")
			if !c.summary && c.sealed {
				r.must(r.disk.Remove(strings.TrimSuffix(name, "seg") + "idx"))
			}
			r.flip(name, "payload of y", 3)
			j, err := journal.Open(r.options())
			r.must(err)
			if c.summary { // otherwise it is not taken in, and is named at the start
				if err := j.Verify(t.Context()); !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), `event "y" of "/rig", sequence 2`) ||
					!strings.Contains(err.Error(), name) {
					t.Errorf("verify: %v", err)
				}
			}
			var got []string
			for range 2 {
				items, _, err := j.Ready("a", r.o.now, 10)
				r.must(err)
				for _, i := range items {
					got = append(got, i.Entry.Event.ID)
				}
			}
			if fmt.Sprint(got) != "[x z last]" {
				t.Errorf("handed out: %s", got)
			}
			if n := j.Stats().Disk.Damaged; n != 1 {
				t.Errorf("%d records are damaged", n)
			}
			dead, err := j.List(t.Context(), outbox.Filter{State: outbox.StateFailed})
			r.must(err)
			if n := j.Stats().Channels["a"].Dead; c.summary != (n == 1) {
				t.Errorf("%d dead letters: %v", n, dead)
			}
			r.must(j.Close())
		})
	}
}

// TestADamagedLength loses one record and finds those behind it again.
func TestADamagedLength(t *testing.T) {
	r := three(t, true)
	name := r.segmentOf("payload of y")
	all := r.disk.Bytes(name)
	for at := 64; at < len(all); {
		n := int(binary.LittleEndian.Uint32(all[at:]))
		if bytes.Contains(all[at:at+8+n], []byte("payload of y")) {
			r.must(r.disk.Flip(name, int64(at)+2, 0x7f))
			break
		}
		at += (8 + n + 7) / 8 * 8
	}
	r.must(r.disk.Remove(strings.TrimSuffix(name, "seg") + "idx"))
	j, err := journal.Open(r.options())
	r.must(err)
	items, _, err := j.Ready("a", r.o.now, 10)
	r.must(err)
	if len(items) != 3 || j.Stats().Disk.Damaged != 1 {
		t.Errorf("%d were handed out, %d are damaged", len(items), j.Stats().Disk.Damaged)
	}
	r.must(j.Close())
}

// TestWhatCannotBeOpened wants an error that names the file and the way out.
func TestWhatCannotBeOpened(t *testing.T) {
	header := func(r *rig, name string, change func(h []byte)) {
		f, err := r.disk.Open(name)
		r.must(err)
		h := make([]byte, 64)
		_, err = f.ReadAt(h, 0)
		r.must(err)
		change(h)
		binary.LittleEndian.PutUint32(h[60:], crc32.Checksum(h[:60], crc32.MakeTable(crc32.Castagnoli)))
		_, err = f.WriteAt(h, 0)
		r.must(errors.Join(err, f.Close()))
	}
	for _, c := range []struct {
		name string
		do   func(r *rig, name string)
		want []string
		is   error
	}{
		{"a damaged header", func(r *rig, name string) { r.must(r.disk.Flip(name, 20, 1)) }, []string{"checksum", "headgate data salvage"}, journal.ErrDamaged},
		{"no header", func(r *rig, name string) { r.must(r.disk.Flip(name, 0, 1)) }, []string{"header", "headgate data salvage"}, journal.ErrDamaged},
		{"a newer format", func(r *rig, name string) { header(r, name, func(h []byte) { h[8] = 9 }) }, []string{"format 9"}, journal.ErrNewer},
		{"another segment", func(r *rig, name string) { header(r, name, func(h []byte) { h[12] = 7 }) }, []string{"segment 7 under another name"}, journal.ErrDamaged},
	} {
		for _, place := range []string{"first", "last"} {
			t.Run(c.name+", "+place, func(t *testing.T) {
				r := three(t, true)
				j, err := journal.Open(r.options())
				r.must(err)
				r.must(j.Close())
				name := "00000001.seg"
				if place == "last" {
					name = "00000002.seg"
				}
				c.do(r, name)
				_, err = journal.Open(r.options())
				if !errors.Is(err, c.is) {
					t.Fatalf("got %v", err)
				}
				for _, want := range append(c.want, name) {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%v does not have %q", err, want)
					}
				}
			})
		}
	}
}

// TestADamagedSummary reads the segment instead.
func TestADamagedSummary(t *testing.T) {
	size := len(three(t, true).disk.Bytes("00000001.idx"))
	for at := range size {
		r := three(t, true)
		r.must(r.disk.Flip("00000001.idx", int64(at), 1))
		r.at = fmt.Sprintf("byte %d of the summary", at)
		if !r.open() {
			t.Fatal("the disk is dead")
		}
		r.drain()
	}
}

// TestADamagedRun never takes a known identity for a fresh one.
func TestADamagedRun(t *testing.T) {
	r := newRig(t, 1)
	r.open()
	r.fill(20 << 10)
	r.must(r.j.Tidy())
	r.must(r.j.Close())
	r.disk = r.disk.CutMask(0)
	for _, name := range r.disk.Names() {
		if !strings.HasPrefix(name, "ids-") {
			continue
		}
		for at := int64(0); at < int64(len(r.disk.Bytes(name))); at += 777 {
			s := r.on(r.disk.CutMask(0), 1, fmt.Sprintf("byte %d of %s", at, name))
			s.must(s.disk.Flip(name, at, 0x10))
			j, err := journal.Open(s.options())
			if err != nil {
				if !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "salvage") {
					t.Errorf("%s: %v", s.at, err)
				}
				continue
			}
			for _, f := range s.o.facts {
				if got := j.Append(t.Context(), f.entry)[0]; got.Err == nil && got.Verdict != outbox.Duplicate {
					t.Errorf("%s: %s is %+v", s.at, f.entry.Event.ID, got)
				}
			}
			s.must(j.Close())
		}
	}
}

// truncate cuts a file short.
func (r *rig) truncate(name string, size int64) {
	r.Helper()
	f, err := r.disk.Open(name)
	r.must(err)
	r.must(errors.Join(f.Truncate(size), f.Sync(), f.Close()))
}

// TestATruncatedSegment names what is missing, and delivers the rest.
func TestATruncatedSegment(t *testing.T) {
	r := three(t, true)
	name := r.segmentOf("payload of z")
	r.truncate(name, int64(bytes.Index(r.disk.Bytes(name), []byte("payload of z"))))
	j, err := journal.Open(r.options())
	r.must(err)
	if err := j.Verify(t.Context()); !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), name) {
		t.Errorf("verify: %v", err)
	}
	items, _, err := j.Ready("a", r.o.now, 10)
	r.must(err)
	if st := j.Stats(); len(items) != 2 || st.Channels["a"].Dead != 2 {
		t.Errorf("%d were handed out, %d are dead", len(items), st.Channels["a"].Dead)
	}
	st, err := j.Lookup(context.Background(), outbox.Key{Source: source, ID: "z"})
	if err == nil {
		t.Errorf("%+v is told of what cannot be read", st)
	}
	r.must(j.Close())
}

// TestAMissingSegment is named, and the rest delivered.
func TestAMissingSegment(t *testing.T) {
	r := newRig(t, 1)
	r.open()
	r.fill(300 << 10)
	r.must(r.j.Close())
	r.disk = r.disk.CutMask(0)
	r.must(r.disk.Remove("00000003.seg"))
	j, err := journal.Open(r.options())
	r.must(err)
	if n := j.Stats().Disk.Damaged; n != 1 {
		t.Errorf("%d faults are told of", n)
	}
	lost := 0
	for _, f := range r.o.facts {
		if _, err := j.Lookup(t.Context(), f.entry.Key()); err != nil {
			lost++
		}
	}
	if lost == 0 || lost > len(r.o.facts)/2 {
		t.Errorf("%d of %d are lost", lost, len(r.o.facts))
	}
	r.must(j.Close())
}
