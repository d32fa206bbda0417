package jwkstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/headgate-io/headgate/sdk/jwk"
)

// Key is a private key of an issuer.
type Key struct {
	ID      string // its thumbprint, unless somebody says otherwise
	Alg     string // RS256, ES256, ES384 or EdDSA
	Private crypto.Signer
}

// NewKey makes a random key for an algorithm. It panics for any but those of
// [Key].
func NewKey(alg string) Key {
	private, err := newPrivate(alg)
	if err != nil {
		panic(fmt.Sprintf("key for %s: %v", alg, err))
	}
	k := Key{Alg: alg, Private: private}
	k.ID = jwk.Key{Alg: alg, Public: private.Public()}.Thumbprint()
	return k
}

func newPrivate(alg string) (crypto.Signer, error) {
	switch alg {
	case "RS256":
		return rsa.GenerateKey(rand.Reader, jwk.MinRSABits)
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("not one of RS256, ES256, ES384, EdDSA")
}

// JWK is the public key as issuers publish it.
func (k Key) JWK() json.RawMessage {
	text, err := jwk.Key{ID: k.ID, Alg: k.Alg, Public: k.Private.Public()}.MarshalJSON()
	if err != nil {
		panic(fmt.Sprintf("key %s: %v", k.ID, err))
	}
	return text
}

// Sign makes a token (RFC 7519) of claims. Its header has alg and kid; members
// are pairs of name and value that come beside, or instead.
func (k Key) Sign(claims map[string]any, members ...string) string {
	header := map[string]any{"alg": k.Alg, "kid": k.ID}
	for pair := range slices.Chunk(members, 2) {
		header[pair[0]] = pair[1]
	}
	return k.SignRaw(text(header), text(claims))
}

// SignRaw makes a token of the texts of a header and a payload, whatever they
// are.
func (k Key) SignRaw(header, payload []byte) string {
	content := encode(header) + "." + encode(payload)
	signature, err := k.signature([]byte(content))
	if err != nil {
		panic(fmt.Sprintf("key %s: %v", k.ID, err))
	}
	return content + "." + encode(signature)
}

// signature is a JWS's (RFC 7518, section 3; RFC 8037, section 3.1).
func (k Key) signature(content []byte) ([]byte, error) {
	hash := crypto.SHA256
	switch k.Alg {
	case "EdDSA":
		return k.Private.Sign(rand.Reader, content, crypto.Hash(0))
	case "ES384":
		hash = crypto.SHA384
	}
	h := hash.New()
	h.Write(content)
	private, ok := k.Private.(*ecdsa.PrivateKey)
	if !ok {
		return k.Private.Sign(rand.Reader, h.Sum(nil), hash)
	}
	r, s, err := ecdsa.Sign(rand.Reader, private, h.Sum(nil))
	if err != nil {
		return nil, err
	}
	size := (private.Curve.Params().BitSize + 7) / 8
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err.Error())
	}
	return b
}
