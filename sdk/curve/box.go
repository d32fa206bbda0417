package curve

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/nacl/box"
)

// Sizes of RFC 26, in bytes.
const (
	nonceSize = 24
	longNonce = 16 // random, after a prefix of 8
	shortSize = 8  // a count, after a prefix of 16
	overhead  = box.Overhead
)

// Prefixes of nonces (RFC 26). The last eight or sixteen bytes follow.
const (
	prefixHello    = "CurveZMQHELLO---"
	prefixInitiate = "CurveZMQINITIATE"
	prefixReady    = "CurveZMQREADY---"
	prefixServer   = "CurveZMQMESSAGES"
	prefixClient   = "CurveZMQMESSAGEC"
	prefixWelcome  = "WELCOME-"
	prefixVouch    = "VOUCH---"
)

type key = [keySize]byte

// pair is a pair of transient keys.
type pair struct{ public, secret *key }

func newPair() (pair, error) {
	public, secret, err := box.GenerateKey(rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("curve: transient key: %w", err)
	}
	return pair{public, secret}, nil
}

// nonce joins prefix and rest, 24 bytes in all.
func nonce(prefix string, rest []byte) *[nonceSize]byte {
	var n [nonceSize]byte
	copy(n[copy(n[:], prefix):], rest)
	return &n
}

// short is a short nonce on the wire.
func short(count uint64) []byte { return binary.BigEndian.AppendUint64(nil, count) }

// randomNonce is a long nonce.
func randomNonce() []byte {
	b := make([]byte, longNonce)
	_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return b
}

// shared is the key of all boxes between two key pairs.
func shared(public, secret *key) *key {
	k := new(key)
	box.Precompute(k, public, secret)
	return k
}
