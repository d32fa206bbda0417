package curve

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/curve25519"
)

// keySize is the length of public and secret keys in bytes (RFC 26).
const keySize = 32

// Public is a long-term public key of X25519. The zero value is none.
type Public [keySize]byte

// ParsePublic reads the 40 characters of Z85 that a public key is written as.
// A point of low order, for which nobody needs a secret, is refused.
func ParsePublic(text string) (Public, error) {
	key, err := decode(text)
	if err != nil {
		return Public{}, err
	}
	if lowOrder(&key) {
		return Public{}, errors.New("curve: that is no public key: anybody could use it")
	}
	if !canonical(&key) {
		return Public{}, errors.New("curve: that is another way to write a public key: let it be printed anew")
	}
	return key, nil
}

// canonical reports whether key is the one way to write its point: a number
// below 2^255-19, in little-endian order. X25519 takes others as well (RFC 7748,
// section 5), and a key that was revoked must not come back as one of them.
func canonical(key *[keySize]byte) bool {
	last := keySize - 1
	for at := last; at > 0; at-- {
		most := byte(0xFF)
		if at == last {
			most = 0x7F
		}
		if key[at] != most {
			return key[at] < most
		}
	}
	return key[0] < 0xED
}

// lowOrder reports whether a shared secret with key is zero, whatever the
// other's secret.
func lowOrder(key *[keySize]byte) bool {
	_, err := curve25519.X25519(make([]byte, keySize), key[:])
	return err != nil
}

// String is the key in Z85.
func (p Public) String() string { return encode((*[keySize]byte)(&p)) }

// MarshalText is the key in Z85.
func (p Public) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is ParsePublic.
func (p *Public) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePublic(string(text))
	return err
}

// Secret is a long-term secret key with its public one. It prints as
// [redacted] with every verb of fmt.
type Secret struct {
	secret [keySize]byte
	public Public
}

// NewSecret makes a key pair.
func NewSecret() *Secret {
	var secret [keySize]byte
	_, _ = rand.Read(secret[:]) // never fails (crypto/rand, Go 1.24)
	return newSecret(secret)
}

func newSecret(secret [keySize]byte) *Secret {
	s := &Secret{secret: secret}
	key, err := ecdh.X25519().NewPrivateKey(secret[:])
	if err != nil {
		panic(err) // any 32 bytes are a key of X25519 (RFC 7748, section 5)
	}
	copy(s.public[:], key.PublicKey().Bytes())
	return s
}

// ParseSecret reads the 40 characters of Z85 that a secret key is written as.
// Its errors do not repeat them.
func ParseSecret(text string) (*Secret, error) {
	secret, err := decode(text)
	if err != nil {
		return nil, err
	}
	return newSecret(secret), nil
}

// Public is the public half.
func (s *Secret) Public() Public { return s.public }

// Reveal is the secret half in Z85, for the one file that keeps it.
func (s *Secret) Reveal() string { return encode(&s.secret) }

const redacted = "[redacted]"

// String is [redacted].
func (s Secret) String() string { return redacted }

// Format writes [redacted], whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText is [redacted].
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
