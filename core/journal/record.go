package journal

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/headgate-io/headgate/core/journal/index"
)

// A record is
//
//	length   4 bytes, little endian: of kind and body
//	checksum 4 bytes: CRC-32C of kind, body, segment number, offset and length
//	kind     1 byte
//	body
//
// and begins at a multiple of 8. Its place is in its checksum, so that bytes
// of another file, or of another place, are never taken for it.
const (
	recordHead  = 8
	recordAlign = 8
)

// kind tells what a record is.
type kind byte

const (
	kindEvent kind = 1 // an event and its legs
	kindState kind = 2 // one leg after an outcome
	kindSent  kind = 3 // how far a channel may have handed out
	kindMark  kind = 4 // up to where the segment was synced when this was written
	kindSeal  kind = 5 // the end of a segment
	kindGap   kind = 6 // what salvage put where nothing could be read
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is that of a record at a place; text is its kind and body.
func checksum(at index.Place, text []byte) uint32 {
	var place [12]byte
	binary.LittleEndian.PutUint32(place[0:], at.Segment)
	binary.LittleEndian.PutUint32(place[4:], at.Offset)
	binary.LittleEndian.PutUint32(place[8:], uint32(len(text)))
	return crc32.Update(crc32.Checksum(text, castagnoli), castagnoli, place[:])
}

func placeAt(segment uint32, offset int64) index.Place {
	return index.Place{Segment: segment, Offset: uint32(offset)}
}

// recordSize is how much of a segment a text takes.
func recordSize(text int) int {
	return (recordHead + text + recordAlign - 1) / recordAlign * recordAlign
}

// appendRecord appends a text as the record at a place.
func appendRecord(b []byte, at index.Place, text []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	b = binary.LittleEndian.AppendUint32(b, checksum(at, text))
	b = append(b, text...)
	for n := recordSize(len(text)) - recordHead - len(text); n > 0; n-- {
		b = append(b, 0)
	}
	return b
}

// fault is what is wrong with a record.
type fault uint8

const (
	sound   fault = iota
	absent        // nothing was written there
	broken        // its length cannot be
	damaged       // its length can be, its checksum is not that of its bytes
)

// parseRecord reads the record at a place out of what follows there. The size
// is what it takes; of a broken one there is none.
func parseRecord(at index.Place, b []byte) (text []byte, size int, f fault) {
	if len(b) < recordHead {
		return nil, 0, absent
	}
	n := int64(binary.LittleEndian.Uint32(b))
	sum := binary.LittleEndian.Uint32(b[4:])
	switch {
	case n == 0 && sum == 0:
		return nil, 0, absent
	case n == 0 || n > int64(len(b)-recordHead):
		return nil, 0, broken
	}
	text = b[recordHead : recordHead+n]
	size = recordSize(int(n))
	if checksum(at, text) != sum {
		return text, size, damaged
	}
	return text, size, sound
}
