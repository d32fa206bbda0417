package dsse

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"math/big"

	"github.com/headgate-io/headgate/sdk/jwk"
)

// Key is one public key that may sign. Its type alone decides the algorithm.
type Key struct {
	ID     string           // what a signature's keyid has to be; empty: whatever it is
	Public crypto.PublicKey // *ecdsa.PublicKey on P-256 (ES256) or ed25519.PublicKey
}

// half is the size of r and of s in an ES256 signature (RFC 7518, section 3.4).
const half = 32

var errKey = errors.New("a key that signs events is P-256 (ES256) or Ed25519")

// CheckKey refuses a key that cannot sign events, and one that others than its
// holder could sign for.
func CheckKey(public crypto.PublicKey) error {
	k := jwk.Key{Public: public}
	if !k.Fits("ES256") && !k.Fits("EdDSA") {
		return errKey
	}
	return k.Check()
}

// fits reports whether a signature that names keyid may be this key's. keyid is
// not covered by the signature: it narrows down what is tried, and nothing else.
func (k Key) fits(keyid string) bool {
	return keyid == "" || k.ID == "" || k.ID == keyid
}

// verifies reports whether sig is this key's over signed.
func (k Key) verifies(signed, sig []byte) bool {
	switch key := k.Public.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() || len(sig) != 2*half {
			return false
		}
		digest := sha256.Sum256(signed)
		return ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:]))
	case ed25519.PublicKey:
		return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, signed, sig)
	}
	return false
}
