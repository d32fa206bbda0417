package jwkstest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/jwk"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// TestSign checks signatures by the published key and the standard library
// alone.
func TestSign(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "ES384", "EdDSA"} {
		k := jwkstest.NewKey(alg)
		token := k.Sign(jwkstest.OktaClaims("https://example.com", "a", "c", time.Now()), "typ", "JWT")
		parts := strings.Split(token, ".")
		if len(parts) != 3 {
			t.Fatalf("%s: the token is %s", alg, token)
		}
		var header struct{ Alg, Kid, Typ string }
		if json.Unmarshal(decode(t, parts[0]), &header) != nil || header.Alg != alg || header.Kid != k.ID || header.Typ != "JWT" {
			t.Errorf("%s: the header is %s", alg, decode(t, parts[0]))
		}
		public, err := jwk.Parse(k.JWK())
		if err != nil || public.ID != k.ID || !public.Fits(alg) {
			t.Fatalf("%s: the key is %s: %v", alg, k.JWK(), err)
		}
		if !verify(public.Public, []byte(parts[0]+"."+parts[1]), decode(t, parts[2])) {
			t.Errorf("%s: the signature does not verify", alg)
		}
	}
}

func verify(public crypto.PublicKey, content, signature []byte) bool {
	short, long := sha256.Sum256(content), sha512.Sum384(content)
	switch public := public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, short[:], signature) == nil
	case *ecdsa.PublicKey:
		digest, size := short[:], 32
		if public.Params().BitSize == 384 {
			digest, size = long[:], 48
		}
		return len(signature) == 2*size && ecdsa.Verify(public, digest, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
	case ed25519.PublicKey:
		return ed25519.Verify(public, content, signature)
	}
	return false
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
