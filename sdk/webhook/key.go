package webhook

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
)

const (
	prefixPrivate = "whsk_"
	prefixPublic  = "whpk_"
)

// ParsePrivate reads "whsk_" and standard base64 of a 32-byte seed or of the
// 64 bytes of seed and public key (RFC 8032, section 5.1.5), which must belong
// together: signing with another's public key gives the private one away.
// Errors never hold any of the text.
func ParsePrivate(text string) (ed25519.PrivateKey, error) {
	raw, err := decode("webhook private key", prefixPrivate, text)
	if err != nil {
		return nil, err
	}
	switch len(raw) {
	case ed25519.SeedSize:
		return ed25519.NewKeyFromSeed(raw), nil
	case ed25519.PrivateKeySize:
		key := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
		if !key.Equal(ed25519.PrivateKey(raw)) {
			return nil, errors.New("webhook private key: its public half does not belong to its seed")
		}
		return key, nil
	}
	return nil, fmt.Errorf("webhook private key has %d bytes, want %d or %d", len(raw), ed25519.SeedSize, ed25519.PrivateKeySize)
}

// ParsePublic reads "whpk_" and standard base64 of a key that [CheckPublic]
// takes.
func ParsePublic(text string) (ed25519.PublicKey, error) {
	raw, err := decode("webhook public key", prefixPublic, text)
	if err != nil {
		return nil, err
	}
	if err := CheckPublic(raw); err != nil {
		return nil, err
	}
	return raw, nil
}

// FormatPrivate is the inverse of [ParsePrivate], in the 64-byte form that
// other Standard Webhooks libraries read.
func FormatPrivate(key ed25519.PrivateKey) string {
	return prefixPrivate + base64.StdEncoding.EncodeToString(key)
}

// FormatPublic is the inverse of [ParsePublic].
func FormatPublic(key ed25519.PublicKey) string {
	return prefixPublic + base64.StdEncoding.EncodeToString(key)
}

// NewKey makes a random key.
func NewKey() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails: crypto/rand.Read
	return ed25519.NewKeyFromSeed(seed)
}

// CheckPublic refuses what is not the one encoding of a point on Ed25519's
// curve (RFC 8032, section 5.1.3), and the points of small order: under those
// anybody can make signatures, and crypto/ed25519 takes them.
func CheckPublic(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("webhook public key has %d bytes, want %d", len(key), ed25519.PublicKeySize)
	}
	var be [ed25519.PublicKeySize]byte
	for i, b := range key {
		be[len(be)-1-i] = b
	}
	be[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(be[:])
	p := number(fieldPrime)
	if y.Cmp(p) >= 0 {
		return errors.New("webhook public key: not the canonical encoding of a point")
	}
	for _, small := range smallOrder {
		if y.Cmp(number(small)) == 0 {
			return errors.New("webhook public key: a point of small order, anybody could sign for it")
		}
	}
	// x^2 = u/v with u = y^2 - 1 and v = d y^2 + 1. It has a root exactly when
	// u*v is a square, since v is never zero.
	y2 := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(y2, big.NewInt(1))
	v := y2.Mul(y2, number(curveD))
	v.Add(v, big.NewInt(1))
	if u.Mul(u, v).Mod(u, p); big.Jacobi(u, p) != 1 {
		return errors.New("webhook public key: not a point of the curve")
	}
	return nil
}

// Numbers of RFC 8032, section 5.1, in hexadecimal.
const (
	fieldPrime = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed"
	curveD     = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3"
)

// smallOrder has the y of every point whose order divides 8. Each stands for
// both signs of x, which makes ten encodings of eight points; the further ones
// in use, y + p, are not canonical.
var smallOrder = [...]string{
	"0", // order 4
	"1", // the identity
	"7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec", // -1, order 2
	"05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", // order 8
	"7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", // order 8, the negative
}

func number(hex string) *big.Int {
	n, ok := new(big.Int).SetString(hex, 16)
	if !ok {
		panic("webhook: not a hexadecimal number")
	}
	return n
}
