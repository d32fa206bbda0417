package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// A segment's header is
//
//	magic    8 bytes
//	format   4 bytes, little endian as all
//	number   4 bytes
//	sequence 8 bytes: no event of an earlier segment has it, or a higher one
//	created  8 bytes: Unix nanoseconds
//	size     8 bytes: room taken at its creation
//	instead  4 bytes: number of a segment whose records are here instead
//	from     4 bytes: from this offset on; 0 for no segment
//	ordinal  8 bytes: no outcome of an earlier segment has it, or a higher one; 0 in format 1
//	zeros    4 bytes
//	checksum 4 bytes: CRC-32C of what is before
const headSize = 64

// format is what this code writes, and the newest it reads. In format 1 states
// had no ordinals.
const format = 2

const segmentMagic = "hgjrnl\r\n"

// ErrNewer tells that a newer headgate wrote the journal.
var ErrNewer = errors.New("a newer headgate wrote it")

// ErrDamaged tells that something on disk is not what was written.
var ErrDamaged = errors.New("damaged")

// header is a segment's.
type header struct {
	format  uint32 // as it was read
	number  uint32
	seq     uint64
	created int64
	size    int64
	instead uint32 // of this segment
	from    uint32 // from this offset on; 0 for none
	ordinal uint64
}

func (h *header) bytes() []byte {
	b := make([]byte, 0, headSize)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, format)
	b = binary.LittleEndian.AppendUint32(b, h.number)
	b = binary.LittleEndian.AppendUint64(b, h.seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.created))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.size))
	b = binary.LittleEndian.AppendUint32(b, h.instead)
	b = binary.LittleEndian.AppendUint32(b, h.from)
	b = binary.LittleEndian.AppendUint64(b, h.ordinal)
	b = append(b, make([]byte, headSize-4-len(b))...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// parseHeader reads a segment's header. The format is looked at first: that of
// a newer one may be longer.
func parseHeader(b []byte) (h header, err error) {
	if len(b) < headSize || string(b[:8]) != segmentMagic {
		return h, fmt.Errorf("%w: its header is none", ErrDamaged)
	}
	f := binary.LittleEndian.Uint32(b[8:])
	if f > format && f < 1<<16 {
		return h, fmt.Errorf("%w: journal format %d; this one reads up to %d", ErrNewer, f, format)
	}
	if crc32.Checksum(b[:headSize-4], castagnoli) != binary.LittleEndian.Uint32(b[headSize-4:]) {
		return h, fmt.Errorf("%w: its header's checksum is wrong", ErrDamaged)
	}
	h = header{format: f, number: binary.LittleEndian.Uint32(b[12:]), seq: binary.LittleEndian.Uint64(b[16:]),
		created: int64(binary.LittleEndian.Uint64(b[24:])), size: int64(binary.LittleEndian.Uint64(b[32:])),
		instead: binary.LittleEndian.Uint32(b[40:]), from: binary.LittleEndian.Uint32(b[44:]),
		ordinal: binary.LittleEndian.Uint64(b[48:])}
	return h, nil
}

// segment is one file of the log, and what the journal needs it for.
type segment struct {
	header
	file   disk.File
	end    int64 // where records end
	synced int64 // up to where they are known to be on disk
	marked int64 // up to where a mark says so
	sealed bool  // nothing is written any more

	notes   *notes // until the summary is written
	summary *summary

	seqs      spread // of its events
	outcomes  uint64 // highest ordinal of its outcomes
	ends      spread // sequences of ends whose records it has
	forgotten bool   // statuses of what ended here are not kept any more
	newestEnd int64  // of an event or by a record of it: until when statuses need it

	events    int   // legs whose event record is here and that have not ended
	states    int   // legs whose newest state record is here and that have not ended
	liveBytes int64 // of those event records, once per leg
}

// spread is a range of sequences; low is 0 for none.
type spread struct{ low, high uint64 }

func (s *spread) add(seq uint64) {
	if s.low == 0 || seq < s.low {
		s.low = seq
	}
	s.high = max(s.high, seq)
}

func (s *spread) has(seq uint64) bool { return s.low != 0 && s.low <= seq && seq <= s.high }

func segmentName(number uint32) string { return fmt.Sprintf("%08d.seg", number) }
func summaryName(number uint32) string { return fmt.Sprintf("%08d.idx", number) }

// follows reports whether nothing is missing between a segment and s: only those
// that were replaced leave a gap.
func (s *segment) follows(number uint32) bool {
	return s.number == number+1 || s.instead == s.number-1 && s.from == headSize
}

// newest is the position that has all of its facts.
func (s *segment) newest() outbox.Position {
	return outbox.Position{Event: s.seqs.high, State: s.outcomes}
}

func (s *segment) name() string { return segmentName(s.number) }

// waste is what nothing that lives needs of its records.
func (s *segment) waste() int64 { return max(s.end-s.liveBytes, 0) }

// bytes is what it takes of the disk.
func (s *segment) bytes() int64 {
	if s.sealed {
		return s.end
	}
	return s.size
}

// readGuess is how much is read of a record whose size is not known.
const readGuess = 512

// read gives the text of the record at an offset. guess is its size, as far as
// that is known.
func (s *segment) read(offset uint32, guess int64) ([]byte, error) {
	at := index.Place{Segment: s.number, Offset: offset}
	b := make([]byte, max(guess, readGuess))
	n, err := s.file.ReadAt(b, int64(offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", s.name(), err)
	}
	b = b[:n]
	text, _, f := parseRecord(at, b)
	if length := lengthOf(b); f == broken && length > int64(n-recordHead) && length <= s.size {
		b = make([]byte, recordHead+length)
		if n, err = s.file.ReadAt(b, int64(offset)); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: %w", s.name(), err)
		}
		text, _, f = parseRecord(at, b[:n])
	}
	if f != sound {
		return nil, fmt.Errorf("%s: record at %d: %w", s.name(), offset, ErrDamaged)
	}
	return text, nil
}

func lengthOf(b []byte) int64 {
	if len(b) < recordHead {
		return 0
	}
	return int64(binary.LittleEndian.Uint32(b))
}

// openSegment opens a segment's file and reads its header.
func openSegment(fsys disk.FS, number uint32) (*segment, error) {
	f, err := fsys.Open(segmentName(number))
	if err != nil {
		return nil, err
	}
	b := make([]byte, headSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("%s: %w", segmentName(number), err), f.Close())
	}
	h, err := parseHeader(b[:n])
	if err == nil && h.number != number {
		err = fmt.Errorf("%w: it is segment %d under another name", ErrDamaged, h.number)
	}
	if err != nil {
		hint := ""
		if errors.Is(err, ErrDamaged) {
			hint = ": headgate data salvage collects what can be read"
		}
		return nil, errors.Join(fmt.Errorf("%s: %w%s", segmentName(number), err, hint), f.Close())
	}
	return &segment{header: h, file: f, end: headSize, synced: headSize, marked: headSize}, nil
}
