package journal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sort"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// A summary file has the notes of a sealed segment, and the ends of legs sorted
// by sequence, so that the end of an event can be looked up:
//
//	magic    8 bytes
//	format   4 bytes, little endian as all
//	number   4 bytes: of the segment
//	end      8 bytes: of its records
//	newest   8 bytes: Unix nanoseconds of anything in it
//	notes    8 bytes: their length
//	finals   8 bytes: their count
//	checksum 4 bytes: CRC-32C of all but this
//	clean    1 byte: 1 when the segment ends with a clean seal
//	zeros    3 bytes
//	outcomes 8 bytes: highest ordinal of one; 0 in format 1
//	notes, finals of 16 bytes each: sequence, channel's number, offset
const (
	summaryHead  = 64
	summaryMagic = "hgsmry\r\n"
	finalSize    = 16
	checksumAt   = 48
	cleanAt      = 52
	outcomesAt   = 56
)

// summary is an open summary file.
type summary struct {
	file     disk.File
	channels []string
	finals   int
	finalsAt int64
	end      int64
	newest   int64
	outcomes uint64
	clean    bool
}

func (n *notes) summary(s *segment) []byte {
	finals := make([]final, 0, len(n.finals))
	for f := range n.finals {
		finals = append(finals, f)
	}
	slices.SortFunc(finals, func(a, b final) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.channel, b.channel))
	})
	b := make([]byte, summaryHead, summaryHead+len(n.text)+finalSize*len(finals))
	copy(b, summaryMagic)
	binary.LittleEndian.PutUint32(b[8:], format)
	binary.LittleEndian.PutUint32(b[12:], s.number)
	binary.LittleEndian.PutUint64(b[16:], uint64(s.end))
	binary.LittleEndian.PutUint64(b[24:], uint64(n.newest))
	binary.LittleEndian.PutUint64(b[32:], uint64(len(n.text)))
	binary.LittleEndian.PutUint64(b[40:], uint64(len(finals)))
	binary.LittleEndian.PutUint64(b[outcomesAt:], n.outcomes)
	if n.clean {
		b[cleanAt] = 1
	}
	b = append(b, n.text...)
	for _, f := range finals {
		b = binary.LittleEndian.AppendUint64(b, f.seq)
		b = binary.LittleEndian.AppendUint32(b, uint32(f.channel))
		b = binary.LittleEndian.AppendUint32(b, n.finals[f])
	}
	binary.LittleEndian.PutUint32(b[checksumAt:], crc32.Checksum(b, castagnoli))
	return b
}

// writeSummary makes the summary of a sealed segment, synced.
func writeSummary(fsys disk.FS, s *segment) (*summary, error) {
	text := s.notes.summary(s)
	half := summaryName(s.number) + ".tmp"
	if err := removed(fsys, half); err != nil {
		return nil, err
	}
	f, err := fsys.Create(half, int64(len(text)))
	if err != nil {
		return nil, err
	}
	if _, err = f.WriteAt(text, 0); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = fsys.Rename(half, summaryName(s.number))
	}
	if err == nil {
		err = fsys.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return newSummary(f, s.notes, len(text)), nil
}

func newSummary(f disk.File, n *notes, size int) *summary {
	channels := make([]string, len(n.channels))
	for name, number := range n.channels {
		channels[number] = name
	}
	return &summary{file: f, channels: channels, finals: len(n.finals), finalsAt: int64(size - finalSize*len(n.finals)), newest: n.newest, outcomes: n.outcomes}
}

// openSummary reads a summary file: itself, but for the channels' names, which
// stand among the notes, and the notes. Of one that is not sound it says so, and
// the segment is to be read instead.
func openSummary(fsys disk.FS, number uint32) (_ *summary, text []byte, err error) {
	f, err := fsys.Open(summaryName(number))
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	size, err := f.Size()
	if err != nil {
		return nil, nil, err
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	bad := fmt.Errorf("%s: %w", summaryName(number), ErrDamaged)
	if size < summaryHead || string(b[:8]) != summaryMagic || binary.LittleEndian.Uint32(b[12:]) != number {
		return nil, nil, bad
	}
	if f := binary.LittleEndian.Uint32(b[8:]); f == 0 || f > format {
		return nil, nil, fmt.Errorf("%s: its format is another", summaryName(number))
	}
	sum := binary.LittleEndian.Uint32(b[checksumAt:])
	clear(b[checksumAt : checksumAt+4])
	length, finals := binary.LittleEndian.Uint64(b[32:]), binary.LittleEndian.Uint64(b[40:])
	if crc32.Checksum(b, castagnoli) != sum || length > uint64(size) || finals > uint64(size) ||
		summaryHead+length+finals*finalSize != uint64(size) {
		return nil, nil, bad
	}
	s := &summary{file: f, finals: int(finals), finalsAt: int64(summaryHead + length), end: int64(binary.LittleEndian.Uint64(b[16:])),
		newest: int64(binary.LittleEndian.Uint64(b[24:])), outcomes: binary.LittleEndian.Uint64(b[outcomesAt:]), clean: b[cleanAt] == 1}
	text = b[summaryHead : summaryHead+length]
	return s, text, nil
}

// find gives the offsets of the ends of a sequence's legs, by channel.
func (s *summary) find(seq uint64) (map[string]uint32, error) {
	var fault error
	var b [finalSize]byte
	at := func(i int) uint64 {
		if _, err := s.file.ReadAt(b[:], s.finalsAt+int64(i)*finalSize); err != nil && !errors.Is(err, io.EOF) {
			fault = err
		}
		return binary.LittleEndian.Uint64(b[:])
	}
	i := sort.Search(s.finals, func(i int) bool { return at(i) >= seq })
	found := make(map[string]uint32)
	for ; i < s.finals && at(i) == seq; i++ {
		if number := binary.LittleEndian.Uint32(b[8:]); number < uint32(len(s.channels)) {
			found[s.channels[number]] = binary.LittleEndian.Uint32(b[12:])
		}
	}
	return found, fault
}

// notes reads the notes.
func (s *summary) notes() ([]byte, error) {
	b := make([]byte, s.finalsAt-summaryHead)
	if _, err := s.file.ReadAt(b, summaryHead); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}
