package jwt

import (
	"encoding/base64"
	"strings"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/headgate-io/headgate/sdk/jwk"
)

// MaxToken bounds a token in bytes: it travels in one HTTP header, and those are
// bounded to 8 KiB in most servers.
const MaxToken = 8 << 10

// Unproven is what a token says of itself, read once and strictly: the form of
// all of it, the header, and the claims. Nothing of it is true before
// [Verifier.Verify] says so.
type Unproven struct {
	header    header
	claims    map[string]any
	issuer    string
	signed    string // header and claims as they stand (RFC 7515, section 5.2)
	signature string // in base64url
}

// Read reads a token. The error is a [Reason].
func Read(token string) (*Unproven, error) {
	head, payload, signature, err := split(token)
	if err != nil {
		return nil, err
	}
	h, err := readHeader(head)
	if err != nil {
		return nil, err
	}
	claims, err := object(payload, ClaimsMalformed, ClaimRepeated)
	if err != nil {
		return nil, err
	}
	for name := range claims {
		if registered, ok := miswritten(name); ok && registered != name {
			return nil, ClaimRepeated
		}
	}
	issuer, _ := claims["iss"].(string)
	if issuer == "" {
		return nil, IssuerAbsent
	}
	return &Unproven{header: h, claims: claims, issuer: issuer, signed: token[:len(token)-len(signature)-len(".")], signature: signature}, nil
}

// Issuer is who the token says it is from. It is never empty.
func (u *Unproven) Issuer() string { return u.issuer }

// KeyID is the kid of the key that it says it is signed by; empty without one.
func (u *Unproven) KeyID() string { return u.header.kid }

// Claims are all of them. Nobody changes them.
func (u *Unproven) Claims() map[string]any { return u.claims }

// prove checks the signature.
func (u *Unproven) prove(method gojwt.SigningMethod, key jwk.Key) error {
	signature, err := base64.RawURLEncoding.Strict().DecodeString(u.signature)
	if err != nil {
		return TokenMalformed
	}
	if method.Verify(u.signed, signature, key.Public) != nil {
		return SignatureMismatch
	}
	return nil
}

// split takes ^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$ of at most
// [MaxToken] bytes, before anything is made of it: no padding, no line break
// (which Go's base64 skips), no other alphabet, no encrypted token.
func split(token string) (head, payload, signature string, err error) {
	if len(token) > MaxToken {
		return "", "", "", TokenTooLarge
	}
	for i := range len(token) {
		switch c := token[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return "", "", "", TokenMalformed
		}
	}
	head, rest, _ := strings.Cut(token, ".")
	payload, signature, _ = strings.Cut(rest, ".")
	if head == "" || payload == "" || signature == "" || strings.Contains(signature, ".") {
		return "", "", "", TokenMalformed
	}
	return head, payload, signature, nil
}
