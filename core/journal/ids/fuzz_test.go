package ids_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/journal/ids"
)

// FuzzOpen opens a run in which a patch replaces some bytes, and which is cut
// or grown, as it is and with sums that fit it. Nothing in it may make a panic,
// or more memory than the file is large.
func FuzzOpen(f *testing.F) {
	var texts [][]byte
	for _, n := range []uint64{0, 1, 90, 300} {
		d := disktest.New(disktest.Options{})
		s := open(f, ids.Options{FS: d, Remember: time.Hour})
		if n == 0 {
			fill(f, s, 1, 2, start)
			keep(f, s, start.Add(2*time.Hour)) // an empty one
		} else {
			fill(f, s, 1, 1+n, start)
		}
		texts = append(texts, d.Bytes(s.Files()[0]))
	}
	f.Add(uint8(0), uint32(0), []byte{}, int32(0), false)
	f.Add(uint8(1), uint32(8), []byte{2}, int32(0), true)                          // version
	f.Add(uint8(2), uint32(40), []byte{1, 2, 3, 4, 5, 6, 7, 8}, int32(0), true)    // count
	f.Add(uint8(3), uint32(48), slices.Repeat([]byte{0xff}, 8), int32(0), true)    // buckets
	f.Add(uint8(3), uint32(5*ids.PageSize), []byte{9, 9, 9}, int32(0), true)       // starts
	f.Add(uint8(3), uint32(2*ids.PageSize), []byte{0, 0, 0, 0}, int32(0), true)    // order of entries
	f.Add(uint8(3), uint32(2*ids.PageSize), []byte{0, 0, 0, 0}, int32(-77), false) // cut
	f.Fuzz(func(t *testing.T, which uint8, at uint32, patch []byte, grow int32, sums bool) {
		text := slices.Clone(texts[int(which)%len(texts)])
		text = append(text, make([]byte, 2*ids.PageSize)...)
		copy(text[int(at)%len(text):], patch)
		text = text[:max(0, len(text)-2*ids.PageSize+int(grow%(2*ids.PageSize)))]
		for page := 0; sums && page < len(text)/ids.PageSize; page++ {
			ids.SealPage(1, uint64(page), text[page*ids.PageSize:][:ids.PageSize])
		}
		tryRun(t, text)
	})
}

func tryRun(t *testing.T, text []byte) {
	d := disktest.New(disktest.Options{})
	overwrite(t, d, "ids-00000001.run", text)
	o := ids.Options{FS: d, Remember: time.Hour}
	s, err := ids.Open(o)
	if err != nil {
		if o.Drop = true; errors.Is(err, ids.ErrDamaged) {
			open(t, o)
		}
		return
	}
	defer s.Close()
	if s.Len() > len(text)/48 {
		t.Fatalf("%d identities in %d bytes", s.Len(), len(text))
	}
	for n := range uint64(50) {
		_, _, _ = s.Find(hashOf(n))
	}
	_ = s.Verify()
	for i := range uint64(4) {
		s.Add(hashOf(1000+i), knownAt(1000+i, start))
		s.Seal()
		_ = s.Keep(start, nobody)
	}
	_ = s.Keep(start.Add(24*time.Hour), func(seq uint64) bool { return seq%2 == 0 })
	for i := range uint64(4) {
		if _, _, err := s.Find(hashOf(1000 + i)); err != nil && !errors.Is(err, ids.ErrDamaged) {
			t.Fatal(err)
		}
	}
}
