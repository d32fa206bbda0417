package journal

import (
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/index"
)

// transplant makes the segment that follows old, beginning with records of it,
// and replacing it from an offset on. It is on disk whole before it has its
// name. It gives the records as they are there, and which place each old one has now.
func (j *Journal) transplant(old *segment, records []record, from int64) (_ *segment, moved []record, places map[index.Place]index.Place, _ error) {
	h := header{number: old.number + 1, seq: j.seq + 1, ordinal: j.ordinal + 1, created: j.seen.Load(), instead: old.number, from: uint32(from)}
	moved = make([]record, 0, len(records))
	places = make(map[index.Place]index.Place, len(records))
	buf := h.bytes()
	for _, r := range records {
		switch r.kind() {
		case kindMark, kindSeal:
			continue
		case kindState: // it names its event's place
			s, err := parseState(r.text)
			if err != nil {
				return nil, nil, nil, fmt.Errorf("%s: state at %d: %w", old.name(), r.at.Offset, err)
			}
			if to, ok := places[s.event]; ok {
				s.event = to
				r.text = s.text()
			}
		}
		at := placeAt(h.number, int64(len(buf)))
		places[r.at] = at
		buf = appendRecord(buf, at, r.text)
		moved = append(moved, record{at: at, text: r.text, size: recordSize(len(r.text))})
	}
	f, room, err := j.takeSpare(int64(len(buf)) + sealRoom)
	if err != nil {
		return nil, nil, nil, fullOr(err)
	}
	h.size = room
	copy(buf, h.bytes())
	s := &segment{header: h, file: f, end: int64(len(buf)), synced: int64(len(buf)), marked: headSize, notes: newNotes()}
	if _, err = f.WriteAt(buf, 0); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = j.publish(s)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("journal: %s: %w", s.name(), err), f.Close())
	}
	return s, moved, places, nil
}

// removed removes a file that may not be there.
func removed(fsys disk.FS, name string) error {
	if err := fsys.Remove(name); err != nil && !isAbsent(err) {
		return err
	}
	return nil
}
