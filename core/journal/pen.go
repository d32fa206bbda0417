package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// pen gathers what is to be written to the last segment, and what is to be
// applied once that is synced.
type pen struct {
	seg     *segment
	buf     []byte // from seg.end on
	records int
	items   []item
	broken  bool // the segment is not trusted
}

// item is what a record is about; exactly one part is there.
type item struct {
	event *pending
	state *draft
	move  *move
	sent  *sent
}

// use is what a record is written for: events leave room for states.
type use bool

const (
	forEvents use = true
	forStates use = false
)

const (
	// stateShare is the part of a segment that events leave to states: 1/16.
	stateShare = 16
	// sealRoom is what a mark and a seal take.
	sealRoom = 64
	// maxBuffer is how much is gathered for one write.
	maxBuffer = 8 << 20
	// preambleRoom is for what a segment begins with.
	preambleRoom = 64 << 10
	// spareName is the next segment's file, while it waits.
	spareName = "spare"
	// halfName is a segment's file until it is ready.
	halfName = "segment.tmp"
)

// putSeq puts the sequence into an event's text.
func putSeq(text []byte, seq uint64) { binary.LittleEndian.PutUint64(text[seqAt:], seq) }

// put gives a record its place in the segment, or in a new one where that is
// full. Only flush writes it.
func (j *Journal) put(text []byte, use use) (index.Place, error) {
	p := &j.pen
	if p.broken {
		return index.Place{}, outbox.ErrFailing
	}
	size := int64(recordSize(len(text)))
	room := p.seg.size - sealRoom
	if use == forEvents {
		room -= p.seg.size / stateShare
	}
	if p.at()+size > room {
		if use == forEvents && !j.mayGrow(size) {
			j.refuseFull(errNoRoom)
			return index.Place{}, outbox.ErrDiskFull
		}
		if err := j.roll(size); err != nil {
			return index.Place{}, err
		}
	} else if len(p.buf) > maxBuffer {
		if err := j.flush(); err != nil {
			return index.Place{}, err
		}
	}
	if len(p.buf) == 0 && p.seg.synced > p.seg.marked {
		p.append(markText(p.seg.synced))
		p.seg.marked = p.seg.synced
	}
	return p.append(text), nil
}

// putOutcome is putState for what an outcome has made, which gets an ordinal.
func (j *Journal) putOutcome(d *draft) error {
	d.ordinal = j.ordinal + 1
	err := j.putState(d)
	if err == nil {
		j.ordinal = d.ordinal
	}
	return err
}

// putState gives a leg's new state its place.
func (j *Journal) putState(d *draft) (err error) {
	if d.at, err = j.put(d.text(), forStates); err == nil {
		j.pen.items = append(j.pen.items, item{state: d})
	}
	return err
}

func (j *Journal) putSents(list []*sent) error {
	for _, s := range list {
		if _, err := j.put(s.text(), forStates); err != nil {
			return err
		}
		j.pen.items = append(j.pen.items, item{sent: s})
	}
	return nil
}

// at is where the next record goes.
func (p *pen) at() int64 { return p.seg.end + int64(len(p.buf)) }

func (p *pen) append(text []byte) index.Place {
	at := placeAt(p.seg.number, p.at())
	p.buf = appendRecord(p.buf, at, text)
	p.records++
	return at
}

// flush writes, syncs and applies what was put. After an error nothing of it
// is known, and the segment is not trusted any more.
func (j *Journal) flush() error {
	p := &j.pen
	if len(p.buf) == 0 {
		return nil
	}
	began := time.Now()
	_, err := p.seg.file.WriteAt(p.buf, p.seg.end)
	if err == nil {
		err = p.seg.file.Sync()
	}
	if err != nil {
		err = fmt.Errorf("journal: %s: %w", p.seg.name(), err)
		for _, x := range p.items {
			switch {
			case x.event != nil:
				x.event.err = err
			case x.state != nil:
				x.state.settling.err = err
			}
		}
		j.distrust(err)
	} else {
		took := time.Since(began)
		j.mu.Lock()
		p.seg.end = p.at()
		p.seg.synced = p.seg.end
		j.apply()
		j.stats.Commits.Add(uint64(p.records))
		j.stats.Writes.Add(uint64(len(p.buf)))
		j.stats.Syncs.Add(uint64(took.Microseconds()))
		j.mu.Unlock()
	}
	if cap(p.buf) > maxBuffer {
		p.buf = nil
	}
	p.buf, p.records = p.buf[:0], 0
	clear(p.items)
	p.items = p.items[:0]
	return err
}

// distrust stops accepting until mend has put what lives in the last segment
// elsewhere.
func (j *Journal) distrust(cause error) {
	j.pen.broken = true
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refusing, j.cause = outbox.ErrFailing, cause
	j.log.Error().Err(cause).Msg("the disk failed: nothing is accepted until the journal is whole in another file")
	j.wantTidy()
}

// seal writes the last record of the segment.
func (j *Journal) seal(clean bool) error {
	if err := j.flush(); err != nil {
		return err
	}
	j.pen.append(sealText(clean))
	if err := j.flush(); err != nil {
		return err
	}
	j.mu.Lock()
	j.pen.seg.sealed = true
	j.pen.seg.notes.clean = clean
	j.mu.Unlock()
	return nil
}

// roll seals the segment and begins another, with room for size bytes at least.
// The new one is made ready first: a disk that has no room for it leaves the
// old one as it is.
func (j *Journal) roll(size int64) error {
	if j.pen.broken {
		return outbox.ErrFailing
	}
	next, err := j.prepare(size)
	if err != nil {
		return err
	}
	if err := j.seal(false); err != nil {
		return errors.Join(err, next.file.Close(), j.fs.Remove(halfName))
	}
	if err := j.publish(next); err != nil {
		j.distrust(err)
		return errors.Join(err, next.file.Close())
	}
	j.begin(next)
	return j.preamble()
}

// begin makes a segment the one that is written.
func (j *Journal) begin(s *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segments = append(j.segments, s)
	j.pen.seg = s
	j.forgetEarly()
	j.wantTidy()
}

// preamble puts into a new segment what no older one needs to be kept for.
func (j *Journal) preamble() error {
	j.mu.Lock()
	var list []*sent
	for _, c := range j.channels {
		if c.sent > 0 {
			list = append(list, &sent{c.name, c.sent})
		}
	}
	j.mu.Unlock()
	return j.putSents(list)
}

// prepare makes the next segment's file, synced under a name that is no
// segment's. It takes the spare one where that is large enough.
func (j *Journal) prepare(size int64) (*segment, error) {
	number := uint32(1)
	if j.pen.seg != nil {
		number = j.pen.seg.number + 1
	}
	f, room, err := j.takeSpare(roomFor(size))
	if err != nil {
		return nil, fullOr(err)
	}
	s := &segment{header: header{number: number, seq: j.seq + 1, ordinal: j.ordinal + 1, created: time.Now().UnixNano(), size: room}, file: f,
		end: headSize, synced: headSize, marked: headSize, notes: newNotes()}
	if err := s.writeHeader(); err != nil {
		return nil, errors.Join(fullOr(err), f.Close(), j.fs.Remove(halfName))
	}
	return s, nil
}

// roomFor is how large a segment must be to take an event of so many bytes.
func roomFor(size int64) int64 {
	return size + headSize + sealRoom + size/(stateShare-1) + preambleRoom
}

func (s *segment) writeHeader() error {
	if _, err := s.file.WriteAt(s.header.bytes(), 0); err != nil {
		return err
	}
	return s.file.Sync()
}

// publish gives a prepared segment its name.
func (j *Journal) publish(s *segment) error {
	if err := j.fs.Rename(halfName, s.name()); err != nil {
		return fmt.Errorf("journal: %s: %w", s.name(), err)
	}
	if err := j.fs.Sync(); err != nil {
		return fmt.Errorf("journal: %s: %w", s.name(), err)
	}
	return nil
}

// takeSpare gives a file of at least so many bytes that read as zeros, under
// the name of one that is being prepared.
func (j *Journal) takeSpare(need int64) (disk.File, int64, error) {
	if err := removed(j.fs, halfName); err != nil {
		return nil, 0, err
	}
	if f, err := j.fs.Open(spareName); err == nil {
		size, err := f.Size()
		if err == nil && size >= need {
			if err = j.fs.Rename(spareName, halfName); err == nil {
				j.mu.Lock()
				j.spare = 0
				j.mu.Unlock()
				return f, size, nil
			}
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, 0, err
		}
	} else if !isAbsent(err) {
		return nil, 0, err
	}
	size := max(j.segmentSize(), need)
	f, err := j.fs.Create(halfName, size)
	return f, size, err
}

// segmentSize is how large the next segment is to be.
func (j *Journal) segmentSize() int64 {
	if j.o.Segment > 0 {
		return j.o.Segment
	}
	free, _, err := j.fs.Free()
	if err != nil {
		return minSegment
	}
	size := min(max(segmentSize, j.o.Capacity/maxSegments), maxSegment)
	for size > minSegment && size > free/16 {
		size /= 2
	}
	return size
}

// fullOr makes a full disk an error that callers know: nothing was stored.
func fullOr(err error) error {
	if errors.Is(err, disk.ErrFull) {
		return fmt.Errorf("%w: %w", outbox.ErrDiskFull, err)
	}
	return fmt.Errorf("journal: new segment: %w", err)
}
