package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/headgate-io/headgate/core/journal/index"
)

// record is one that was found sound.
type record struct {
	at   index.Place
	text []byte
	size int
}

func (r *record) kind() kind { return kind(r.text[0]) }

// damage is a stretch of a segment that cannot be read.
type damage struct {
	at   index.Place
	size int64
	what string
}

func (d *damage) String() string {
	return fmt.Sprintf("%s: %d bytes at %d: %s", segmentName(d.at.Segment), d.size, d.at.Offset, d.what)
}

// scanned is what a segment's bytes are.
type scanned struct {
	records  []record
	damages  []damage // before the end
	end      int64
	marked   int64 // the furthest that a mark says is synced
	sealed   bool
	tornFrom int64 // where a write was cut off, 0 for nowhere
}

// scan reads all records of a segment's bytes, header included. Unless all of
// them are known to be synced, what cannot be read behind the last mark of a
// segment that is not sealed was being written when the power went, and ends
// it. Elsewhere it is damage, and what follows is found again.
func scan(number uint32, b []byte, synced bool) scanned {
	s := scanned{end: headSize, marked: headSize}
	for at := int64(headSize); at < int64(len(b)); {
		place := placeAt(number, at)
		text, size, f := parseRecord(place, b[at:])
		if f == sound {
			r := record{at: place, text: text, size: size}
			s.records = append(s.records, r)
			at += int64(size)
			s.end = min(at, int64(len(b)))
			s.sealed = r.kind() == kindSeal
			if r.kind() == kindMark {
				if n, k := binary.Uvarint(text[1:]); k > 0 && int64(n) <= at {
					s.marked = max(s.marked, int64(n))
				}
			}
			continue
		}
		next := resync(number, b, at, size, f)
		if next == 0 {
			what := lastWords
			if synced {
				what = describe(text, f)
			}
			if f != absent || synced {
				s.damages = append(s.damages, damage{place, int64(len(b)) - at, what})
			}
			break
		}
		s.damages = append(s.damages, damage{place, next - at, describe(text, f)})
		at = next
	}
	if !synced && !s.sealed {
		s.cut()
	}
	return s
}

const lastWords = "what was written last is incomplete"

// cut tells a write that was cut off from damage.
func (s *scanned) cut() {
	for i, d := range s.damages {
		if int64(d.at.Offset) < s.marked {
			continue
		}
		s.tornFrom = int64(d.at.Offset)
		s.damages = s.damages[:i]
		for n := range s.records {
			if int64(s.records[n].at.Offset) > s.tornFrom {
				s.records = s.records[:n]
				break
			}
		}
		s.end = s.tornFrom
		return
	}
}

// resync finds the next sound record behind one that is not, 0 for none. Where
// the record's length can be believed, because one follows it, that is where.
func resync(number uint32, b []byte, at int64, size int, f fault) int64 {
	isSound := func(at int64) bool {
		_, _, f := parseRecord(placeAt(number, at), b[at:])
		return f == sound
	}
	if f == damaged && at+int64(size) < int64(len(b)) && isSound(at+int64(size)) {
		return at + int64(size)
	}
	for next := at + recordAlign; next < int64(len(b)); next += recordAlign {
		if isSound(next) {
			return next
		}
	}
	return 0
}

// describe tells what a damaged record probably was.
func describe(text []byte, f fault) string {
	if f == damaged && len(text) > 0 && kind(text[0]) == kindEvent {
		if e, err := parseEvent(text); err == nil {
			return fmt.Sprintf("event %q of %q, sequence %d, does not have its checksum", e.entry.Event.ID, e.entry.Event.Source, e.seq)
		}
		if e, err := parseHead(text); err == nil {
			return fmt.Sprintf("an event, probably of sequence %d, does not have its checksum", e.seq)
		}
	}
	if f == damaged {
		return "a record does not have its checksum"
	}
	if f == absent {
		return "zeros in the place of records"
	}
	return "a record's length is none"
}

// load reads the whole of a segment's file.
func (s *segment) load(buf []byte) ([]byte, error) {
	size, err := s.file.Size()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name(), err)
	}
	if int64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	n, err := s.file.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", s.name(), err)
	}
	return buf[:n], nil
}
