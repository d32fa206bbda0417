package jwt

import (
	"encoding/json"
	"strings"
)

// Blame tells which claim tokens with these claims are refused for, and what it
// says: a JSON Pointer (RFC 6901) and a text, or JSON where it is none. The text is
// whatever the sender wrote, of any length. Reasons that are about no claim give
// nothing.
func (v *Verifier) Blame(claims map[string]any, r Reason) (claim, value string) {
	p := v.blamed(claims, r)
	if p == nil {
		return "", ""
	}
	if found, there := p.in(claims); there {
		if text, ok := found.(string); ok {
			value = text
		} else if text, err := json.Marshal(found); err == nil {
			value = string(text)
		}
	}
	return p.String(), value
}

func (v *Verifier) blamed(claims map[string]any, r Reason) pointer {
	switch r {
	case Expired, LifetimeTooLong:
		return pointer{"exp"}
	case NotYetValid:
		return pointer{"nbf"}
	case IssuedInFuture:
		return pointer{"iat"}
	case AudienceAbsent, AudienceMalformed, AudienceMismatch:
		return v.rules.audience
	case ClaimForbidden:
		for _, p := range v.rules.forbid {
			if _, there := p.in(claims); there {
				return p
			}
		}
	case ClaimMissing, ClaimShape, ClaimMismatch:
		for i := range v.rules.require {
			if v.rules.require[i].check(claims) == r {
				return v.rules.require[i].claim
			}
		}
	}
	return nil
}

// String gives the pointer as rules have it.
func (p pointer) String() string {
	var b strings.Builder
	for _, step := range p {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}
	return b.String()
}
