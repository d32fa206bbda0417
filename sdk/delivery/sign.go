package delivery

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxBatch is the most deliveries one signature covers. Proofs stay within
// eight hashes.
const MaxBatch = 256

// The signature block's layout.
const (
	blockVersion = 0x01
	blockFixed   = 1 + 4 + 4 + ed25519.SignatureSize
)

// Signer signs deliveries with the router's delivery key. Safe for concurrent use.
type Signer struct {
	kid string
	key ed25519.PrivateKey
}

// NewSigner returns a signer whose key id is that of its public key.
func NewSigner(key ed25519.PrivateKey) *Signer {
	return &Signer{kid: KeyID(key.Public().(ed25519.PublicKey)), key: key}
}

// KeyID is the "kid" that headers must carry.
func (s *Signer) KeyID() string { return s.kid }

// Sign fills in the signature frame of each delivery. All are leaves of one
// Merkle tree (RFC 6962, section 2.1), whose root is signed once:
//
//	block = 0x01 | BE32(leaf index) | BE32(tree size)
//	      | 64-byte Ed25519("headgate.root.v1\n" kid "\n" size "\n" base64(root) "\n")
//	      | inclusion proof, 32 bytes each, RFC 6962 order
func (s *Signer) Sign(deliveries [][][]byte) error {
	n := len(deliveries)
	if n == 0 || n > MaxBatch {
		return fmt.Errorf("delivery batch: %d deliveries, 1 to %d can be signed", n, MaxBatch)
	}
	t := tree{hashes: make([]tlog.Hash, n), proofs: make([][]byte, n)}
	h := newLeafHasher()
	room := blockFixed + 8*sha256.Size
	slab := make([]byte, 0, n*room)
	for i, frames := range deliveries {
		if len(frames) != Frames {
			return errors.New("delivery batch: a delivery has five frames")
		}
		t.hashes[i] = h.leaf(frames)
		t.proofs[i] = slab[i*room : i*room+blockFixed : (i+1)*room]
	}
	root := t.build(0, n)
	signature := ed25519.Sign(s.key, rootText(s.kid, n, root))
	for i, frames := range deliveries {
		block := t.proofs[i]
		block[0] = blockVersion
		binary.BigEndian.PutUint32(block[1:], uint32(i))
		binary.BigEndian.PutUint32(block[5:], uint32(n))
		copy(block[9:], signature)
		frames[FrameSignature] = block
	}
	return nil
}

// tree gathers the proof of every leaf while it hashes.
type tree struct {
	hashes []tlog.Hash
	proofs [][]byte
}

// build returns the root of leaves lo to hi and appends to each leaf's proof
// the sibling it meets on its way up.
func (t *tree) build(lo, hi int) tlog.Hash {
	if hi-lo == 1 {
		return t.hashes[lo]
	}
	mid := lo + split(hi-lo)
	left, right := t.build(lo, mid), t.build(mid, hi)
	for i := lo; i < mid; i++ {
		t.proofs[i] = append(t.proofs[i], right[:]...)
	}
	for i := mid; i < hi; i++ {
		t.proofs[i] = append(t.proofs[i], left[:]...)
	}
	return tlog.NodeHash(left, right)
}

// split is the largest power of two below n (RFC 6962, section 2.1).
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}
