package journal

import (
	"encoding/binary"
	"math"

	"github.com/headgate-io/headgate/core/journal/index"
)

// Bodies are written with these: integers as varints (encoding/binary), bytes
// with their length in front.

func putString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func putBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func putStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = putString(b, s)
	}
	return b
}

func putPlace(b []byte, p index.Place) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(p.Segment)), uint64(p.Offset))
}

// reader takes a body apart. After the first thing that is not there, bad
// stays true and everything is zero.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) fail() {
	r.rest, r.bad = nil, true
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// small is a number that fits an int32.
func (r *reader) small() int {
	v := r.uint()
	if v > math.MaxInt32 {
		r.fail()
		return 0
	}
	return int(v)
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	v := r.rest[0]
	r.rest = r.rest[1:]
	return v
}

func (r *reader) fixed64() uint64 {
	b := r.take(8)
	if r.bad {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// take gives the next n bytes, not copied.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail()
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// bytes gives a length and as many bytes, not copied.
func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	return r.take(int(n))
}

func (r *reader) string() string { return string(r.bytes()) }

func (r *reader) strings() []string {
	n := r.uint()
	if n == 0 {
		return nil
	}
	if n > uint64(len(r.rest)) { // each takes a byte at least
		r.fail()
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.string()
	}
	return list
}

func (r *reader) place() index.Place {
	segment, offset := r.uint(), r.uint()
	if segment > math.MaxUint32 || offset > math.MaxUint32 {
		r.fail()
		return index.Place{}
	}
	return index.Place{Segment: uint32(segment), Offset: uint32(offset)}
}
