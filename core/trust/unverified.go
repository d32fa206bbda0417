package trust

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/headgate-io/headgate/core/signature/jwt"
)

// Unverified is what a sender wrote that nobody has proven: it helps the sender's
// own people, and is worth nothing else. The value is bounded, and nothing in it
// can leave its line or move a cursor. It is never a token, a signature or a secret.
type Unverified struct {
	Name  string `json:"name"` // key, kid, iss, keyid, or a claim as in /aud
	Value string `json:"value"`
}

// maxUnverified bounds a value in bytes, before it is escaped: longer than any
// issuer and any id that means something.
const maxUnverified = 256

func unverified(name, value string) Unverified {
	if len(value) > maxUnverified {
		cut := maxUnverified
		for cut > maxUnverified-utf8.UTFMax && !utf8.RuneStart(value[cut]) {
			cut--
		}
		value = value[:cut] + "..."
	}
	out := make([]byte, 0, len(value))
	for len(value) > 0 {
		r, size := utf8.DecodeRuneInString(value)
		switch {
		case r == utf8.RuneError && size == 1:
			out = append(out, `\x`...)
			out = strconv.AppendUint(out, uint64(value[0]), 16)
		case !unicode.IsPrint(r):
			quoted := strconv.QuoteRuneToASCII(r)
			out = append(out, quoted[1:len(quoted)-1]...)
		default:
			out = utf8.AppendRune(out, r)
		}
		value = value[size:]
	}
	return Unverified{Name: name, Value: string(out)}
}

// claimedKeyID takes nothing for a key's id that may be its secret, or a token.
func claimedKeyID(id string) Unverified {
	if !ValidKeyID(id) || strings.HasPrefix(id, "whs") {
		id = "(no id of a key)"
	}
	return unverified("key", id)
}

// claimed tells what a token says of itself where that is why it is refused.
func claimed(by *jwt.Verifier, issuer, kid string, claims map[string]any, reason error) []Unverified {
	out := []Unverified{unverified("iss", issuer)}
	if kid != "" {
		out = append(out, unverified("kid", kid))
	}
	if reason, ok := reason.(jwt.Reason); ok && by != nil {
		if claim, value := by.Blame(claims, reason); claim != "" {
			out = append(out, unverified(claim, value))
		}
		if reason == jwt.LifetimeTooLong { // which is too long only together with exp
			if issued, ok := claims["iat"].(interface{ String() string }); ok {
				out = append(out, unverified("/iat", issued.String()))
			}
		}
	}
	return out
}
