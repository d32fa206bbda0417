package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// maxLevels is how many complete subtrees a tree of an int64 of leaves has.
const maxLevels = 63

// edge is what a Merkle tree (RFC 6962, section 2.1) grows from: the roots of its
// complete subtrees, largest first. The zero edge is of the empty tree.
type edge struct {
	size  int64
	roots [maxLevels]tlog.Hash
}

// newEdge checks that roots are as many as a tree of size has.
func newEdge(size int64, roots []tlog.Hash) (*edge, error) {
	if size < 0 || len(roots) != bits.OnesCount64(uint64(size)) {
		return nil, fmt.Errorf("%d subtrees are not those of %d records", len(roots), size)
	}
	e := &edge{size: size}
	copy(e.roots[:], roots)
	return e, nil
}

func (e *edge) subtrees() []tlog.Hash { return e.roots[:bits.OnesCount64(uint64(e.size))] }

// add grows the tree by a leaf.
func (e *edge) add(leaf tlog.Hash) {
	e.addTold(leaf, func(int, int64, tlog.Hash) {})
}

// addTold is add that tells of every subtree that it completes: the k-th one of
// a level, from the leaf on.
func (e *edge) addTold(leaf tlog.Hash, completed func(level int, k int64, root tlog.Hash)) {
	top, level, k := bits.OnesCount64(uint64(e.size)), 0, e.size
	completed(level, k, leaf)
	for ; k&1 == 1; k >>= 1 {
		top--
		leaf = tlog.NodeHash(e.roots[top], leaf)
		level++
		completed(level, k>>1, leaf)
	}
	e.roots[top] = leaf
	e.size++
}

// root is the hash of the tree.
func (e *edge) root() tlog.Hash {
	roots := e.subtrees()
	if len(roots) == 0 {
		return sha256.Sum256(nil)
	}
	h := roots[len(roots)-1]
	for i := len(roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(roots[i], h)
	}
	return h
}

// equal reports whether two trees are one.
func (e *edge) equal(f *edge) bool { return e.size == f.size && e.root() == f.root() }

// reader finds the hashes that a proof takes while the tree of size records is
// grown from e by walk, which tells the leaves from e.size on.
func (e *edge) reader(size int64, walk func(leaf func(tlog.Hash)) error) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		wanted := make(map[int64]int, len(indexes))
		for i, at := range indexes {
			wanted[at] = i
		}
		found, missing := make([]tlog.Hash, len(indexes)), len(wanted)
		take := func(level int, k int64, root tlog.Hash) {
			if i, ok := wanted[tlog.StoredHashIndex(level, k)]; ok {
				found[i] = root
				missing--
			}
		}
		grown, left := *e, e.size
		for _, root := range e.subtrees() {
			level := bits.Len64(uint64(left)) - 1
			take(level, (e.size-left)>>level, root)
			left -= 1 << level
		}
		err := walk(func(leaf tlog.Hash) {
			if grown.size < size {
				grown.addTold(leaf, take)
			}
		})
		if err != nil {
			return nil, err
		}
		if missing != 0 || len(wanted) != len(indexes) {
			return nil, errors.New("the records that the proof needs are not here any more")
		}
		return found, nil
	})
}

// leafOf hashes a line: tlog.RecordHash, which would allocate. room holds the
// line after one byte, which is used and given back.
func leafOf(room []byte) tlog.Hash {
	kept := room[0]
	room[0] = 0
	h := sha256.Sum256(room)
	room[0] = kept
	return h
}
