package ids

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// bucketIDs is how many ids share a bucket of an index on average. A fresh id
// meets a print like its own with a chance of bucketIDs in 2^16 per run: 0.024 %.
const bucketIDs = 16

// index says where in a run an id must lie if it is there: 18 bits in memory
// for each id. The range of hashes is cut into equal buckets; for every id, in
// order, there is a print: the sixteen bits of its hash below those that chose
// its bucket. Both follow the order of the hashes, so the place of a print is
// the place of its entry.
//
// Hashes that are not evenly spread make it slower and never wrong.
type index struct {
	starts []uint32 // of each bucket, among the prints; one more for the end
	prints []uint16 // sorted within each bucket
}

// newIndex makes an index to add at most most ids to.
func newIndex(most int) *index {
	return &index{starts: make([]uint32, buckets(most)+1), prints: make([]uint16, 0, most)}
}

func buckets(most int) int { return most/bucketIDs + 1 }

func (x *index) place(h Hash) (bucket uint64, print uint16) {
	hi, lo := bits.Mul64(binary.BigEndian.Uint64(h[:]), uint64(len(x.starts)-1))
	return hi, uint16(lo >> 48)
}

// add takes in the ids in order of their hashes. Until done, starts hold how
// many are in the bucket before.
func (x *index) add(h Hash) {
	bucket, print := x.place(h)
	x.starts[bucket+1]++
	x.prints = append(x.prints, print)
}

func (x *index) done() {
	for i := 1; i < len(x.starts); i++ {
		x.starts[i] += x.starts[i-1]
	}
}

// find gives the entries that may be h's: from the first to before the last.
func (x *index) find(h Hash) (from, to uint64) {
	bucket, print := x.place(h)
	start := x.starts[bucket]
	prints := x.prints[start:x.starts[bucket+1]]
	i, ok := slices.BinarySearch(prints, print)
	if !ok {
		return 0, 0
	}
	j := i + 1
	for j < len(prints) && prints[j] == print {
		j++
	}
	return uint64(start) + uint64(i), uint64(start) + uint64(j)
}

func (x *index) memory() int64 { return int64(4*cap(x.starts) + 2*cap(x.prints)) }

// In a run's file the starts and then the prints have pages of their own.
const (
	pageStarts = bodySize / 4
	pagePrints = bodySize / 2
)

func indexPages(buckets, count uint64) uint64 {
	return pagesFor(buckets+1, pageStarts) + pagesFor(count, pagePrints)
}

func pagesFor(n, each uint64) uint64 { return (n + each - 1) / each }

func (x *index) write(w *pageWriter) error {
	for part := range slices.Chunk(x.starts, pageStarts) {
		body, err := w.body()
		if err != nil {
			return err
		}
		for i, start := range part {
			binary.LittleEndian.PutUint32(body[4*i:], start)
		}
	}
	for part := range slices.Chunk(x.prints, pagePrints) {
		body, err := w.body()
		if err != nil {
			return err
		}
		for i, print := range part {
			binary.LittleEndian.PutUint16(body[2*i:], print)
		}
	}
	return nil
}

// readIndex reads the index of a run whose header fits the file's size.
func readIndex(file disk.File, h *header) (*index, error) {
	first := 1 + entryPages(h.count)
	r := newPageReader(file, h.number, first, first+indexPages(h.buckets, h.count))
	x := &index{starts: make([]uint32, h.buckets+1), prints: make([]uint16, h.count)}
	for part := range slices.Chunk(x.starts, pageStarts) {
		body, err := r.body()
		if err != nil {
			return nil, err
		}
		for i := range part {
			part[i] = binary.LittleEndian.Uint32(body[4*i:])
		}
	}
	for part := range slices.Chunk(x.prints, pagePrints) {
		body, err := r.body()
		if err != nil {
			return nil, err
		}
		for i := range part {
			part[i] = binary.LittleEndian.Uint16(body[2*i:])
		}
	}
	if x.starts[0] != 0 || uint64(x.starts[h.buckets]) != h.count || !slices.IsSorted(x.starts) {
		return nil, fmt.Errorf("ids: %s: its index makes no sense: %w", runName(h.number), ErrDamaged)
	}
	return x, nil
}
