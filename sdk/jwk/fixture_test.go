package jwk_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/sdk/jwk"
)

// The keys of the specifications, which say what they are called.
const (
	// RFC 7638, section 3.1.
	rfcRSA = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	// RFC 7517, appendix A.1.
	rfcEC = `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":"1"}`
	// RFC 8037, appendix A.2 and A.3.
	rfcOKP = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

func parse(t testing.TB, text string) jwk.Key {
	t.Helper()
	key, err := jwk.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return key
}

// generated has a public key of each kind, and some that are none.
var generated = sync.OnceValue(func() map[string]crypto.PublicKey {
	out := map[string]crypto.PublicKey{"nothing": nil}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	out["rsa"] = &private.PublicKey
	for name, curve := range map[string]elliptic.Curve{
		"p224": elliptic.P224(), "p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521(),
	} {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		out[name] = &private.PublicKey
	}
	out["ed25519"], _, err = ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return out
})

func onlyAlg(key crypto.PublicKey) string {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return "PS384"
	case *ecdsa.PublicKey:
		return map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[key.Params().BitSize]
	}
	return "EdDSA"
}

// with adds members to an object.
func with(object, members string) string { return object[:len(object)-1] + "," + members + "}" }

func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// bits gives an odd number of n bits.
func bits(n int) *big.Int {
	return new(big.Int).SetBit(big.NewInt(1), n-1, 1)
}

func rsaText(n *big.Int, e int64) string {
	return fmt.Sprintf(`{"kty":"RSA","n":"%s","e":"%s"}`, b64(n.Bytes()), b64(big.NewInt(e).Bytes()))
}

// shifted spells the point of rfcEC with an octet of x at the front of y.
func shifted() string {
	var point struct{ X, Y string }
	if err := json.Unmarshal([]byte(rfcEC), &point); err != nil {
		panic(err)
	}
	x, _ := base64.RawURLEncoding.DecodeString(point.X)
	y, _ := base64.RawURLEncoding.DecodeString(point.Y)
	return fmt.Sprintf(`"x":"%s","y":"%s"`, b64(x[:31]), b64(append(x[31:], y...)))
}

func edwards(hexadecimal string) string {
	var b []byte
	if _, err := fmt.Sscanf(hexadecimal, "%x", &b); err != nil {
		panic(err)
	}
	return `{"kty":"OKP","crv":"Ed25519","x":"` + b64(b) + `"}`
}
