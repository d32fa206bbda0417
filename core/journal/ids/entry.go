package ids

import (
	"bytes"
	"encoding/binary"
)

// entry is one identity in a run.
type entry struct {
	hash Hash
	Known
}

// In a run's file entries fill pages, 85 each, in order of their hashes: hash,
// digest, sequence and time of acceptance in little endian.
const (
	entrySize   = 48
	pageEntries = bodySize / entrySize
)

func entryPages(count uint64) uint64 { return pagesFor(count, pageEntries) }

func (e *entry) encode(b []byte) {
	_ = b[entrySize-1]
	copy(b, e.hash[:])
	copy(b[16:], e.Digest[:])
	binary.LittleEndian.PutUint64(b[32:], e.Seq)
	binary.LittleEndian.PutUint64(b[40:], uint64(e.At))
}

func (e *entry) decode(b []byte) {
	_ = b[entrySize-1]
	copy(e.hash[:], b)
	copy(e.Digest[:], b[16:])
	e.Seq = binary.LittleEndian.Uint64(b[32:])
	e.At = int64(binary.LittleEndian.Uint64(b[40:]))
}

func compare(a, b Hash) int { return bytes.Compare(a[:], b[:]) }
