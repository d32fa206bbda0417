package ids

import (
	"encoding/binary"
	"fmt"
	"math"
)

// formatVersion is what this code writes and reads. Every version begins with
// a page whose first twelve bytes are magic and version.
const formatVersion = 1

const magic = "headgids"

// header is the first page of a run, in little endian:
//
//	 0 magic     8 bytes
//	 8 version   uint32, and 4 bytes of zero
//	16 number, first, last, count, buckets, covered   uint64 each
//	64 oldest, newest                                 int64 each
type header struct {
	number      uint64 // names the file; grows from run to run, never used again
	first, last uint64 // numbers of the sealed runs that it holds, itself included
	count       uint64 // of entries
	buckets     uint64 // of its index
	covered     uint64 // what Covered is while no newer run is there
	oldest      int64  // first and last acceptance, Unix nanoseconds; zero without entries
	newest      int64
}

func (h *header) encode(body []byte) {
	copy(body, magic)
	binary.LittleEndian.PutUint32(body[8:], formatVersion)
	for i, v := range [...]uint64{h.number, h.first, h.last, h.count, h.buckets, h.covered, uint64(h.oldest), uint64(h.newest)} {
		binary.LittleEndian.PutUint64(body[16+8*i:], v)
	}
}

// decodeHeader decodes the first page of the run with that number, whose file
// has size bytes. What it returns agrees with the size.
func decodeHeader(number uint64, body []byte, size int64) (header, error) {
	if string(body[:8]) != magic {
		return header{}, fmt.Errorf("ids: %s: not a run of ids: %w", runName(number), ErrDamaged)
	}
	switch v := binary.LittleEndian.Uint32(body[8:]); {
	case v == 0:
		return header{}, fmt.Errorf("ids: %s: no format 0 exists: %w", runName(number), ErrDamaged)
	case v > formatVersion:
		return header{}, fmt.Errorf("ids: %s: its format %d is newer than the %d that this build reads: start the build that wrote it", runName(number), v, formatVersion)
	}
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(body[16+8*i:]) }
	h := header{number: at(0), first: at(1), last: at(2), count: at(3), buckets: at(4), covered: at(5), oldest: int64(at(6)), newest: int64(at(7))}
	switch {
	case h.number != number,
		h.first == 0, h.first > h.last, h.last > number,
		h.count > math.MaxUint32, h.buckets == 0, h.buckets > math.MaxUint32,
		size != int64(filePages(h.count, h.buckets)*pageSize):
		return header{}, fmt.Errorf("ids: %s: its header does not fit it: %w", runName(number), ErrDamaged)
	}
	return h, nil
}

// filePages is how many pages a run has.
func filePages(count, buckets uint64) uint64 {
	return 1 + entryPages(count) + indexPages(buckets, count)
}

// replaces tells that o is of no use where h is.
func (h *header) replaces(o *header) bool {
	return h.number > o.number && h.first <= o.first && o.last <= h.last
}
