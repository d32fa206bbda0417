package journal

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/outbox"
)

// Report tells what a journal has on disk.
type Report struct {
	Format   int                            `json:"format"` // the newest of its segments, 0 for none
	Segments []SegmentReport                `json:"segments"`
	Channels map[string]outbox.ChannelStats `json:"channels"`
	Sequence uint64                         `json:"sequence"` // the last one given to an event
	Outcomes uint64                         `json:"outcomes"` // the last ordinal given to an outcome
	Newest   time.Time                      `json:"newest,omitzero"`
	Bytes    int64                          `json:"bytes"`  // all files of the directory
	Faults   []string                       `json:"faults"` // from Check only
}

// SegmentReport tells of one segment.
type SegmentReport struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Bytes   int64     `json:"bytes"` // of records
	Sealed  bool      `json:"sealed"`
	Low     uint64    `json:"low"` // sequences of its events, 0 for none
	High    uint64    `json:"high"`
	Pending int       `json:"pending"` // events on a channel, dead letters included, that are kept by it
}

// Inspect reads a journal that may be in use, and changes nothing. What a
// router writes meanwhile may or may not be in the report.
func Inspect(fsys disk.FS) (_ Report, err error) {
	j := &Journal{o: Options{Capacity: 1}, fs: fsys, log: zerolog.Nop(), gather: newGroup(), joining: make(map[ids.Hash]*pending),
		channels: make(map[string]*channel), cache: newCache()}
	defer func() {
		for _, s := range j.segments {
			err = errors.Join(err, s.close())
		}
	}()
	l := &loading{j: j, look: true}
	_, tail, err := l.segments()
	if err != nil {
		return Report{}, fmt.Errorf("journal: %w", err)
	}
	l.also(tail)
	l.count()
	r := Report{Channels: make(map[string]outbox.ChannelStats), Sequence: j.seq, Outcomes: j.ordinal, Newest: j.Newest(), Faults: []string{}}
	for _, s := range j.segments {
		r.Format = max(r.Format, int(s.format))
		r.Segments = append(r.Segments, SegmentReport{Name: s.name(), Created: outbox.Instant(s.created), Bytes: s.end, Sealed: s.sealed && s.summary != nil,
			Low: s.seqs.low, High: s.seqs.high, Pending: s.events})
	}
	for name, c := range j.channels {
		n := c.legs.Counts()
		r.Channels[name] = outbox.ChannelStats{Pending: n.Pending, Dead: n.Dead, Held: n.Held, Bytes: n.Bytes}
	}
	names, err := fsys.List()
	if err != nil {
		return r, fmt.Errorf("journal: %w", err)
	}
	for _, name := range names {
		size, err := sizeOf(fsys, name)
		if err != nil && !isAbsent(err) { // else it has gone meanwhile
			return r, fmt.Errorf("journal: %s: %w", name, err)
		}
		r.Bytes += size
	}
	return r, nil
}

// Check reads every byte of a journal that nobody uses. Its report has all
// faults; only when it cannot go on it gives an error.
func Check(fsys disk.FS) (Report, error) {
	r, err := Inspect(fsys)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return r, err
	}
	if err != nil {
		r.Faults = append(r.Faults, err.Error())
	}
	names, err := fsys.List()
	if err != nil {
		return r, fmt.Errorf("journal: %w", err)
	}
	for _, name := range names {
		if err := ids.Check(fsys, name); err != nil {
			r.Faults = append(r.Faults, err.Error())
		}
		n, ok := numberOf(name, ".seg")
		if !ok {
			continue
		}
		faults, err := checkFile(fsys, n)
		if err != nil {
			return r, err
		}
		r.Faults = append(r.Faults, faults...)
	}
	slices.Sort(r.Faults)
	r.Faults = slices.Compact(r.Faults)
	return r, nil
}

// checkFile checks one segment, and its summary against it.
func checkFile(fsys disk.FS, number uint32) (faults []string, _ error) {
	b, err := readFile(fsys, segmentName(number))
	if err != nil {
		return nil, err
	}
	sum, text, err := openSummary(fsys, number)
	known := err == nil
	end := int64(len(b))
	if known {
		end = sum.end
		if err := sum.file.Close(); err != nil {
			return nil, err
		}
	}
	found := scan(number, b[:min(end, int64(len(b)))], known)
	if !known {
		end = found.end
	}
	told := notesOf(&found)
	switch {
	case known && len(found.damages) == 0 && (string(told.text) != string(text) || told.outcomes != sum.outcomes):
		faults = append(faults, fmt.Sprintf("%s: it does not tell what %s has", summaryName(number), segmentName(number)))
	case err != nil && !isAbsent(err):
		faults = append(faults, err.Error())
	}
	if err := checkSegment(number, b[:min(end, int64(len(b)))], end, known); err != nil {
		for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
			faults = append(faults, e.Error())
		}
	}
	return faults, nil
}

// notesOf makes the notes of a segment's records anew.
func notesOf(found *scanned) *notes {
	n := newNotes()
	for _, r := range found.records {
		if one, err := noteOf(&r); err == nil {
			one.tell(n, noted{event: func(*eventNote) {}, state: func(*stateNote) {}, sent: func(*sent) {}})
		}
	}
	return n
}

func readFile(fsys disk.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	s := &segment{file: f}
	b, err := s.load(nil)
	return b, errors.Join(err, f.Close())
}
