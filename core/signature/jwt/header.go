package jwt

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/headgate-io/headgate/sdk/jwk"
)

// header is a JOSE header with all that may be in one (RFC 7515, section 4.1).
type header struct {
	alg    string
	kid    string
	typ    string
	hasKid bool
	hasTyp bool
}

func readHeader(segment string) (header, error) {
	members, err := object(segment, HeaderMalformed, HeaderRepeated)
	if err != nil {
		return header{}, err
	}
	for name := range members {
		switch name {
		case "alg", "kid", "typ":
		case "x5t", "x5t#S256": // names of certificates: the key goes by kid
		default:
			return header{}, HeaderUnknown
		}
	}
	var h header
	var ok [3]bool
	h.alg, _, ok[0] = text(members, "alg")
	h.kid, h.hasKid, ok[1] = text(members, "kid")
	h.typ, h.hasTyp, ok[2] = text(members, "typ")
	if ok != [3]bool{true, true, true} {
		return header{}, HeaderMalformed
	}
	return h, nil
}

// text reads a member that is a string where it is there at all.
func text(members map[string]any, name string) (value string, there, ok bool) {
	member, there := members[name]
	value, ok = member.(string)
	return value, there, ok || !there
}

// object reads a segment.
func object(segment string, malformed, repeated Reason) (map[string]any, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return nil, TokenMalformed
	}
	members, err := jwk.Object(text)
	if errors.Is(err, jwk.ErrRepeated) {
		return nil, repeated
	}
	if err != nil {
		return nil, malformed
	}
	return members, nil
}

// miswritten gives the registered claim (RFC 7519, section 4.1; RFC 7800,
// section 3.1) that a loose reader takes name for.
func miswritten(name string) (string, bool) {
	for _, registered := range [...]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf"} {
		if strings.EqualFold(name, registered) {
			return registered, true
		}
	}
	return "", false
}
