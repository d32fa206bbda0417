package jwt

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxName bounds a subject and a client's id in bytes, before a prefix: both
// stand in headers and in logs.
const MaxName = 256

// Token is what a proven token says. It is shared by all who hold it: nobody
// changes it.
type Token struct {
	Issuer       string
	Subject      string // with the prefix of the rule that gave it
	Client       string // empty without one
	ID           string // jti; empty without one
	KeyID        string // kid of the key that signed it
	Confirmation string // RFC 7638 thumbprint of the only key that may use it; empty for a bearer's
	Groups       []string
	Scopes       []string
	HasScopes    bool // the issuer's tokens say what they are for: no Scopes means for nothing
	IssuedAt     time.Time
	Expires      time.Time

	// Claims are all of them, as read from JSON. Numbers are [json.Number].
	Claims map[string]any

	notBefore time.Time // zero without nbf
}

// fill reads out of the claims what the rest of the router goes by.
func (r *rules) fill(t *Token) error {
	var err error
	if t.Subject, err = r.subjectOf(t.Claims); err != nil {
		return err
	}
	if t.Client, err = optional(r.client, t.Claims); err != nil {
		return err
	}
	if t.ID, err = optional(pointer{"jti"}, t.Claims); err != nil {
		return err
	}
	if groups, there := r.groups.in(t.Claims); there {
		var ok bool
		if t.Groups, ok = texts(groups); !ok {
			return ClaimShape
		}
	}
	if t.Scopes, err = r.scopesOf(t.Claims); err != nil {
		return err
	}
	t.HasScopes = r.scopes != nil
	t.Confirmation, err = r.confirmationOf(t.Claims)
	return err
}

// subjectOf goes by the first claim that is there: one of a wrong shape does not
// make the subject be taken from another.
func (r *rules) subjectOf(claims map[string]any) (string, error) {
	for _, rule := range r.subject {
		value, there := rule.claim.in(claims)
		if !there {
			continue
		}
		name, ok := value.(string)
		if !ok || !printable(name) {
			return "", SubjectMalformed
		}
		return rule.prefix + name, nil
	}
	return "", SubjectAbsent
}

// optional reads a name that need not be there.
func optional(claim pointer, claims map[string]any) (string, error) {
	value, there := claim.in(claims)
	if !there {
		return "", nil
	}
	name, ok := value.(string)
	if !ok || !printable(name) {
		return "", ClaimShape
	}
	return name, nil
}

// scopesOf reads an array, or words with spaces between them (RFC 8693, section 4.2).
func (r *rules) scopesOf(claims map[string]any) ([]string, error) {
	value, there := r.scopes.in(claims)
	if !there {
		return nil, nil
	}
	if words, ok := value.(string); ok {
		return strings.FieldsFunc(words, func(c rune) bool { return c == ' ' }), nil
	}
	list, ok := texts(value)
	if !ok {
		return nil, ClaimShape
	}
	return list, nil
}

// printable reports whether a name may stand in a header and in a log: 1 to
// [MaxName] bytes, none of which moves, hides or ends a line.
func printable(name string) bool {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// texts reads an array of strings.
func texts(value any) ([]string, bool) {
	elements, ok := value.([]any)
	if !ok {
		return nil, false
	}
	out := make([]string, 0, len(elements))
	for _, element := range elements {
		text, ok := element.(string)
		if !ok {
			return nil, false
		}
		out = append(out, text)
	}
	return out, true
}
