package delivery

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// block is a parsed signature frame.
type block struct {
	index, size int
	signature   []byte
	proof       []byte // whole hashes
}

// parseBlock reads frame 4 and refuses every block that is not exact: size 1
// to MaxBatch, index below it, the proof's length as the tree's shape gives it,
// nothing after.
func parseBlock(frame []byte) (block, error) {
	if len(frame) < blockFixed {
		return block{}, fmt.Errorf("%w: %d bytes", ErrBlock, len(frame))
	}
	if frame[0] != blockVersion {
		return block{}, fmt.Errorf("%w: version %d", ErrBlock, frame[0])
	}
	index, size := binary.BigEndian.Uint32(frame[1:]), binary.BigEndian.Uint32(frame[5:])
	if size == 0 || size > MaxBatch || index >= size {
		return block{}, fmt.Errorf("%w: leaf %d of %d", ErrBlock, index, size)
	}
	b := block{index: int(index), size: int(size), signature: frame[9:blockFixed], proof: frame[blockFixed:]}
	if want := depth(b.index, b.size) * sha256.Size; len(b.proof) != want {
		return block{}, fmt.Errorf("%w: a proof of %d bytes for leaf %d of %d, which takes %d", ErrBlock, len(b.proof), index, size, want)
	}
	return b, nil
}

// depth is how many siblings leaf index meets in a tree of size leaves.
func depth(index, size int) int {
	n := 0
	for size > 1 {
		k := split(size)
		if index < k {
			size = k
		} else {
			index, size = index-k, size-k
		}
		n++
	}
	return n
}

// root computes the root that the proof leads to from leaf.
func (b *block) root(leaf tlog.Hash) tlog.Hash { return climb(leaf, b.index, b.size, b.proof) }

func climb(leaf tlog.Hash, index, size int, proof []byte) tlog.Hash {
	if size == 1 {
		return leaf
	}
	last := len(proof) - sha256.Size
	sibling := tlog.Hash(proof[last:])
	if k := split(size); index < k {
		return tlog.NodeHash(climb(leaf, index, k, proof[:last]), sibling)
	} else {
		return tlog.NodeHash(sibling, climb(leaf, index-k, size-k, proof[:last]))
	}
}
