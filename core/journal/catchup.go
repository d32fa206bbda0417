package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/headgate-io/headgate/core/journal/index"
)

// chunkSize is how much of a segment a follower that is behind reads at once.
const chunkSize = 256 << 10

// read gets what comes next in the segments. A place says where that is, a
// position what of it was told: a segment that was replaced begins with copies.
func (f *follower) read() error {
	s, end, b, err := f.chunk()
	if s == nil || err != nil {
		return err
	}
	first := f.at
	for len(b) > 0 {
		text, size, bad := parseRecord(f.at, b)
		if bad != sound { // cut off by the chunk's end, or damaged
			break
		}
		f.add(s, text)
		b = b[min(size, len(b)):]
		f.at.Offset += uint32(size)
	}
	if f.at == first {
		return f.readOne(s, end)
	}
	return nil
}

// chunk reads what comes next, up to a segment's end; nil where nothing does.
// The end is that of what is synced.
func (f *follower) chunk() (s *segment, end int64, b []byte, _ error) {
	f.j.reading.RLock()
	defer f.j.reading.RUnlock()
	s, end = f.find()
	if s == nil {
		return nil, 0, nil, nil
	}
	b = make([]byte, min(end-int64(f.at.Offset), chunkSize)) // the facts keep it
	n, err := s.file.ReadAt(b, int64(f.at.Offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, nil, fmt.Errorf("%s: %w", s.name(), err)
	}
	return s, end, b[:n], nil
}

// find gives the segment that has what comes next, and its end. Callers hold
// reading.
func (f *follower) find() (*segment, int64) {
	j := f.j
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, 0
	}
	for _, s := range j.segments {
		if s.number < f.at.Segment || !f.to.Before(s.newest()) {
			continue
		}
		if s.number > f.at.Segment {
			f.at = index.Place{Segment: s.number, Offset: headSize}
		}
		if int64(f.at.Offset) < s.end {
			return s, s.end
		}
		f.to = f.to.Max(s.newest()) // the rest of it is damaged
	}
	f.to = f.to.Max(j.newest)
	return nil, 0
}

// readOne gets a record that is longer than a chunk, or goes on behind one that
// is damaged.
func (f *follower) readOne(s *segment, end int64) error {
	f.j.reading.RLock()
	defer f.j.reading.RUnlock()
	f.j.mu.Lock()
	gone := f.j.closed || f.j.segment(s.number) != s
	f.j.mu.Unlock()
	if gone {
		return nil
	}
	text, err := s.read(f.at.Offset, 0)
	if err == nil {
		f.add(s, text)
		f.at.Offset += uint32(recordSize(len(text)))
		return nil
	}
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	f.miss(s, err)
	b, err := s.load(nil)
	if err != nil {
		return err
	}
	b = b[:min(end, int64(len(b)))]
	next, at := end, int64(f.at.Offset)
	if at < int64(len(b)) {
		_, size, bad := parseRecord(f.at, b[at:])
		if found := resync(s.number, b, at, size, bad); found != 0 {
			next = found
		}
	}
	f.at.Offset = uint32(next)
	return nil
}

// add has a record told, if it is a fact that was not.
func (f *follower) add(s *segment, text []byte) {
	switch kind(text[0]) {
	case kindEvent:
		if len(text) >= seqAt+8 && binary.LittleEndian.Uint64(text[seqAt:]) <= f.to.Event {
			return
		}
		e, err := parseEvent(text)
		if err != nil {
			f.miss(s, err)
			return
		}
		f.addEvent(e.seq, e.entry)
	case kindState:
		x, err := parseState(text)
		if err != nil {
			f.miss(s, err)
			return
		}
		if x.ordinal > f.to.State {
			o := x.outcome()
			f.addOutcome(x.ordinal, &o)
		}
	}
}

func (f *follower) miss(s *segment, err error) {
	f.j.log.Error().Err(err).Str("segment", s.name()).Uint32("offset", f.at.Offset).Msg("a record cannot be read: its follower is not told of it")
}
