package delivery

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Keys are a router's public delivery keys by key id.
type Keys map[string]ed25519.PublicKey

// maxKeys bounds a key set that is read from elsewhere.
const maxKeys = 64

// jwk is an Ed25519 public key (RFC 8037, section 2) in a set (RFC 7517, section 5).
type jwk struct {
	KeyType string `json:"kty"`
	Curve   string `json:"crv"`
	KeyID   string `json:"kid"`
	Use     string `json:"use,omitempty"`
	Alg     string `json:"alg,omitempty"`
	X       string `json:"x"`
	D       string `json:"d,omitempty"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

// KeyID names a public key: the first 16 characters of its JWK thumbprint
// (RFC 7638, with the members of RFC 8037, appendix A.3).
func KeyID(key ed25519.PublicKey) string {
	x := base64.RawURLEncoding.EncodeToString(key)
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:16]
}

// NewKeys makes a set of keys, named by KeyID.
func NewKeys(keys ...ed25519.PublicKey) Keys {
	set := make(Keys, len(keys))
	for _, k := range keys {
		set[KeyID(k)] = k
	}
	return set
}

// MarshalJSON gives the set as a JWK Set, which /.well-known/jwks.json and
// `headgate key export` show.
func (k Keys) MarshalJSON() ([]byte, error) {
	set := jwks{Keys: make([]jwk, 0, len(k))}
	for kid, key := range k {
		set.Keys = append(set.Keys, jwk{KeyType: "OKP", Curve: "Ed25519", KeyID: kid, Use: "sig", Alg: "EdDSA",
			X: base64.RawURLEncoding.EncodeToString(key)})
	}
	slices.SortFunc(set.Keys, func(a, b jwk) int {
		if a.KeyID < b.KeyID {
			return -1
		}
		return 1
	})
	return json.Marshal(set)
}

// UnmarshalJSON reads a JWK Set. Keys of other types are passed over, as RFC
// 7517, section 5 asks; a set without one usable key, with a private key, or
// with a repeated or wrong key id is an error.
func (k *Keys) UnmarshalJSON(text []byte) error {
	var set jwks
	if err := json.Unmarshal(text, &set); err != nil {
		return fmt.Errorf("key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return fmt.Errorf("key set: %d keys, at most %d are read", len(set.Keys), maxKeys)
	}
	keys := make(Keys, len(set.Keys))
	for _, j := range set.Keys {
		if j.D != "" {
			return errors.New("key set: it holds a private key, which belongs to the router alone")
		}
		if j.KeyType != "OKP" || j.Curve != "Ed25519" || j.Use != "" && j.Use != "sig" {
			continue
		}
		x, err := base64.RawURLEncoding.Strict().DecodeString(j.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return fmt.Errorf("key set: key %q is not 32 bytes of base64url", j.KeyID)
		}
		if j.KeyID != KeyID(x) {
			return fmt.Errorf("key set: key id %q is not that key's", j.KeyID)
		}
		if _, twice := keys[j.KeyID]; twice {
			return fmt.Errorf("key set: key id %q is repeated", j.KeyID)
		}
		keys[j.KeyID] = x
	}
	if len(keys) == 0 {
		return errors.New("key set: no Ed25519 key in it")
	}
	*k = keys
	return nil
}
