package jwt

import (
	"crypto/sha256"
	"encoding/base64"
)

// confirmationOf gives the thumbprint of the key that a token is bound to. Any
// other binding (RFC 7800; RFC 8705) is one that nobody here could check: such a
// token is refused, since taking it for a bearer's would undo the binding.
func (r *rules) confirmationOf(claims map[string]any) (string, error) {
	var bound []string
	if cnf, there := claims["cnf"]; there {
		members, _ := cnf.(map[string]any)
		thumbprint, ok := thumbprintIn(members["jkt"])
		if !ok || len(members) != 1 {
			return "", ConfirmationUnknown
		}
		bound = append(bound, thumbprint)
	}
	if value, there := r.confirmation.in(claims); there {
		thumbprint, ok := thumbprintIn(value)
		if !ok {
			return "", ConfirmationUnknown
		}
		bound = append(bound, thumbprint)
	}
	switch {
	case len(bound) == 0:
		return "", nil
	case bound[0] != bound[len(bound)-1]:
		return "", ConfirmationDiffers
	}
	return bound[0], nil
}

// thumbprintIn reads the base64url of a SHA-256 (RFC 9449, section 6.1). Its
// length alone tells a line break, which Go's base64 skips.
func thumbprintIn(value any) (string, bool) {
	text, _ := value.(string)
	if len(text) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return "", false
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return text, err == nil && len(sum) == sha256.Size
}
