package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
)

// MaxText bounds a key in bytes: one with a chain of four certificates (x5c) stays
// below it.
const MaxText = 16 << 10

// private are the members of private and symmetric keys (RFC 7518, sections
// 6.2.2, 6.3.2 and 6.4).
var private = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// known are the members that this package reads, besides the private ones.
var known = []string{"kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e"}

// Parse reads one public key: one JSON object as [Object] takes it. It refuses
//
//   - a private or symmetric key, or any member of one;
//   - a use other than "sig", and key_ops without "verify" (absent is fine);
//   - RSA below 2048 or above 8192 bits, or with an e other than 65537;
//   - a point that is not on its curve, or of small order on Ed25519;
//   - numbers that are not in their one spelling (RFC 7518, section 2);
//   - an alg that does not fit the key, and an id that is not [ValidID];
//   - a member that is one of these in other case ("KTY").
//
// A kid may be absent. Other members, such as x5c, are not looked at. The error
// wraps [ErrKey].
func Parse(text []byte) (Key, error) {
	if len(text) > MaxText {
		return Key{}, bad("it is longer than %d bytes", MaxText)
	}
	all, err := Object(text)
	if err != nil {
		return Key{}, bad("%v", err)
	}
	if err := checkMembers(all); err != nil {
		return Key{}, err
	}
	var m members
	for _, member := range []struct {
		name string
		to   *string
	}{
		{"kty", &m.Kty}, {"use", &m.Use}, {"alg", &m.Alg}, {"kid", &m.Kid}, {"crv", &m.Crv},
		{"x", &m.X}, {"y", &m.Y}, {"n", &m.N}, {"e", &m.E},
	} {
		value, there := all[member.name]
		if !there {
			continue
		}
		text, ok := value.(string)
		if !ok || text == "" {
			return Key{}, bad("member %q is not a string with something in it", member.name)
		}
		*member.to = text
	}
	if m.Use != "" && m.Use != useSignature {
		return Key{}, bad("its use is %q, not %q", clip(m.Use), useSignature)
	}
	if ops, there := all["key_ops"]; there {
		list, ok := ops.([]any)
		if !ok || !slices.Contains(list, any("verify")) {
			return Key{}, bad("its key_ops have no %q", "verify")
		}
	}
	public, err := m.public()
	if err != nil {
		return Key{}, err
	}
	k := Key{ID: m.Kid, Alg: m.Alg, Public: public}
	if err := k.Check(); err != nil {
		return Key{}, err
	}
	return k, nil
}

func checkMembers(all map[string]any) error {
	for _, name := range private {
		if _, there := all[name]; there {
			return bad("it has the private member %q: publish the public part alone", name)
		}
	}
	exacts := slices.Concat(private, known)
	for name := range all {
		for _, exact := range exacts {
			if name != exact && strings.EqualFold(name, exact) {
				return bad("member %q is written in another case", exact)
			}
		}
	}
	return nil
}

// public reads the numbers. What they are good for, [Key.Check] says.
func (m members) public() (crypto.PublicKey, error) {
	switch m.Kty {
	case "":
		return nil, bad("member %q is absent", "kty")
	case "RSA":
		n, err := number("n", m.N, MaxRSABits/8+1)
		if err != nil {
			return nil, err
		}
		e, err := number("e", m.E, 4)
		if err != nil {
			return nil, err
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	case "EC":
		curve := curveNamed(m.Crv)
		if curve == nil {
			return nil, bad("crv %q is not P-256, P-384 or P-521", clip(m.Crv))
		}
		size := (curve.Params().BitSize + 7) / 8
		x, err := octets("x", m.X, size)
		if err != nil {
			return nil, err
		}
		y, err := octets("y", m.Y, size)
		if err != nil {
			return nil, err
		}
		public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
		if err != nil {
			return nil, bad("x and y are not a point of %s", m.Crv)
		}
		return public, nil
	case "OKP":
		if m.Crv != "Ed25519" {
			return nil, bad("crv %q is not Ed25519, the only one of kty OKP that signs here", clip(m.Crv))
		}
		x, err := octets("x", m.X, ed25519.PublicKeySize)
		return ed25519.PublicKey(x), err
	case "oct":
		return nil, bad("kty oct is a shared secret, not a public key")
	}
	return nil, bad("kty %q is not RSA, EC or OKP", clip(m.Kty))
}

func curveNamed(crv string) elliptic.Curve {
	switch crv {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

// number reads a Base64urlUInt of the fewest octets (RFC 7518, section 2).
func number(name, text string, most int) (*big.Int, error) {
	b, ok := decode(text)
	if !ok || len(b) == 0 || len(b) > most || b[0] == 0 {
		return nil, bad("%s is not the base64url of a number of 1 to %d octets without zeros before it", name, most)
	}
	return new(big.Int).SetBytes(b), nil
}

// octets reads exactly size octets (RFC 7518, section 6.2.1.2; RFC 8037, section 2).
func octets(name, text string, size int) ([]byte, error) {
	b, ok := decode(text)
	if !ok || len(b) != size {
		return nil, bad("%s is not the base64url of %d octets", name, size)
	}
	return b, nil
}

// decode takes the one spelling that base64url without padding has. Go's base64
// skips line breaks even when strict.
func decode(text string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return b, err == nil && !strings.ContainsAny(text, "\r\n")
}
