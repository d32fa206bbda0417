// Package jwk reads the public JSON Web Keys (RFC 7517) that tokens and proofs
// of possession are checked with.
//
// Start with [Parse], or with [ParseSet] for what an issuer publishes. Nothing
// here fetches, sleeps or keeps anything.
//
// Promise: what [Parse] returns is a public signature key of a size, a curve and
// a use that may be trusted, and no two readers see different keys in its text.
package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// Bounds of what is trusted.
const (
	MinRSABits  = 2048 // RFC 7518, section 3.3
	MaxRSABits  = 8192 // a check costs the square of the length
	MaxID       = 256  // bytes of a key id: it stands in logs and in every token
	rsaExponent = 65537
)

// ErrKey is wrapped by every error that says a key is not to be trusted, or that
// a set of keys is none. No error holds any of the key's own numbers.
var ErrKey = errors.New("bad JSON web key")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrKey, fmt.Sprintf(format, args...))
}

// Key is one public key. It is safe for concurrent use as long as nobody
// changes it.
type Key struct {
	ID     string           // kid; empty where the key has none
	Alg    string           // the one JOSE algorithm it is for; empty for each that fits
	Public crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// Algs lists the JOSE algorithms that fit some key: asymmetric all. "Ed25519" (RFC
// 9864) is EdDSA by a name that tokens do not bear yet.
func Algs() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// Fits reports whether signatures of a JOSE algorithm (RFC 7518, section 3.1;
// RFC 8037, section 3.1) may be checked with the key: type, curve and the key's
// own Alg agree with it. No other algorithm fits any key: not "none", not HS256,
// and not "Ed25519" (RFC 9864), since tokens say "EdDSA".
func (k Key) Fits(alg string) bool {
	if k.Alg != "" && k.Alg != alg {
		return false
	}
	switch public := k.Public.(type) {
	case *rsa.PublicKey:
		switch alg {
		case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
			return true
		}
	case *ecdsa.PublicKey:
		_, fits := curveOf(public.Curve)
		return fits == alg
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// curveOf gives crv and the only algorithm of a curve (RFC 7518, section 3.4).
func curveOf(curve elliptic.Curve) (crv, alg string) {
	switch curve {
	case elliptic.P256():
		return "P-256", "ES256"
	case elliptic.P384():
		return "P-384", "ES384"
	case elliptic.P521():
		return "P-521", "ES512"
	}
	return "", "none of a curve that is known"
}

// Check refuses a key that [Parse] would refuse. The error wraps [ErrKey].
func (k Key) Check() error {
	if k.ID != "" && !ValidID(k.ID) {
		return bad("its id (kid) is not 1 to %d printable ASCII characters without space, quote and backslash", MaxID)
	}
	switch public := k.Public.(type) {
	case *rsa.PublicKey:
		if err := checkRSA(public); err != nil {
			return err
		}
	case *ecdsa.PublicKey:
		if crv, _ := curveOf(public.Curve); crv == "" {
			return bad("its curve is not P-256, P-384 or P-521")
		}
		if _, err := public.Bytes(); err != nil {
			return bad("x and y are not a point of the curve")
		}
	case ed25519.PublicKey:
		if webhook.CheckPublic(public) != nil {
			return bad("x is not the one encoding of a point of Ed25519 that only its holder can sign for")
		}
	default:
		return bad("it is not a public RSA, EC or Ed25519 key")
	}
	if k.Alg != "" && !k.Fits(k.Alg) {
		return bad("alg %q does not fit a key of its type", clip(k.Alg))
	}
	return nil
}

func checkRSA(public *rsa.PublicKey) error {
	if public.N == nil {
		return bad("n is absent")
	}
	if bits := public.N.BitLen(); bits < MinRSABits || bits > MaxRSABits {
		return bad("n has %d bits, outside %d to %d", bits, MinRSABits, MaxRSABits)
	}
	if public.N.Bit(0) == 0 || public.N.Sign() < 0 {
		return bad("n is not the product of two odd primes")
	}
	if public.E != rsaExponent {
		return bad("e is not %d", rsaExponent)
	}
	return nil
}

// ValidID reports whether a key id is well-formed: 1 to [MaxID] printable ASCII
// characters without space, quotes and backslash, so that it may stand in a log.
func ValidID(id string) bool {
	if id == "" || len(id) > MaxID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c <= ' ', c > '~', c == '"', c == '\'', c == '`', c == '\\':
			return false
		}
	}
	return true
}

// clip shortens an issuer's text for an error.
func clip(text string) string {
	const most = 40
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
