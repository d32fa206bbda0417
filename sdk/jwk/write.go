package jwk

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
)

// Thumbprint is the key's name by its content (RFC 7638, SHA-256, base64url
// without padding). It is empty for a key that [Key.Check] refuses.
func (k Key) Thumbprint() string {
	m, err := k.members()
	if err != nil {
		return ""
	}
	text, err := json.Marshal(m) // the required members alone, in the order of their names
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// MarshalJSON writes what [Parse] reads. It refuses what [Key.Check] refuses.
func (k Key) MarshalJSON() ([]byte, error) {
	m, err := k.members()
	if err != nil {
		return nil, err
	}
	m.Alg, m.Kid, m.Use = k.Alg, k.ID, useSignature
	return json.Marshal(m)
}

// members are those of a key's text that are read. Their order is that of RFC
// 7638, section 3.
type members struct {
	Alg string `json:"alg,omitempty"`
	Crv string `json:"crv,omitempty"`
	E   string `json:"e,omitempty"`
	Kid string `json:"kid,omitempty"`
	Kty string `json:"kty"`
	N   string `json:"n,omitempty"`
	Use string `json:"use,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

const useSignature = "sig" // RFC 7517, section 4.2

// members gives those that make the key (RFC 7638, section 3.2).
func (k Key) members() (members, error) {
	if err := k.Check(); err != nil {
		return members{}, err
	}
	switch public := k.Public.(type) {
	case *rsa.PublicKey:
		e := big.NewInt(int64(public.E)).Bytes()
		return members{Kty: "RSA", N: encode(public.N.Bytes()), E: encode(e)}, nil
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return members{}, bad("x and y are not a point of the curve")
		}
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		crv, _ := curveOf(public.Curve)
		return members{Kty: "EC", Crv: crv, X: encode(x), Y: encode(y)}, nil
	case ed25519.PublicKey:
		return members{Kty: "OKP", Crv: "Ed25519", X: encode(public)}, nil
	}
	return members{}, bad("it is not a public RSA, EC or Ed25519 key")
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
