package jwt

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk"
)

// rules are [sdk.TokenRules], read.
type rules struct {
	types        []string
	audience     pointer
	require      []claimRule
	forbid       []pointer
	subject      []subjectRule
	client       pointer // nil for none, as the following
	groups       pointer
	scopes       pointer
	confirmation pointer
}

type claimRule struct {
	claim    pointer
	shape    string
	oneOf    []string
	prefixes []string
	differs  pointer
}

type subjectRule struct {
	claim  pointer
	prefix string
}

// compile refuses rules that hold less than they seem to.
func compile(r sdk.TokenRules) (rules, error) {
	var errs []error
	must := func(text string) pointer {
		p, err := parsePointer(text)
		errs = append(errs, err)
		return p
	}
	may := func(text string) pointer {
		if text == "" {
			return nil
		}
		return must(text)
	}
	out := rules{
		types:    slices.Clone(r.Types),
		audience: may(r.Audience), client: may(r.Client), groups: may(r.Groups),
		scopes: may(r.Scopes), confirmation: may(r.Confirmation),
	}
	if len(out.types) == 0 {
		out.types = []string{"", "jwt", "at+jwt"}
	}
	for _, typ := range out.types {
		if typ != mediaType(typ) {
			errs = append(errs, fmt.Errorf("token rules: type %q is not in lower case without application/", typ))
		}
	}
	if out.audience == nil {
		out.audience = pointer{"aud"}
	}
	for _, rule := range r.Require {
		if !slices.Contains([]string{"", "string", "integer", "array"}, rule.Shape) {
			errs = append(errs, fmt.Errorf("token rules: shape %q of %s is not string, integer or array", rule.Shape, rule.Claim))
		}
		out.require = append(out.require, claimRule{
			claim: must(rule.Claim), shape: rule.Shape, differs: may(rule.Differs),
			oneOf: slices.Clone(rule.OneOf), prefixes: slices.Clone(rule.Prefixes),
		})
	}
	for _, claim := range r.Forbid {
		out.forbid = append(out.forbid, must(claim))
	}
	for _, rule := range r.Subject {
		if rule.Prefix != "" && !printable(rule.Prefix) {
			errs = append(errs, fmt.Errorf("token rules: the prefix %q of a subject is not printable", rule.Prefix))
		}
		out.subject = append(out.subject, subjectRule{must(rule.Claim), rule.Prefix})
	}
	if len(out.subject) == 0 {
		out.subject = []subjectRule{{claim: pointer{"sub"}}}
	}
	return out, errors.Join(errs...)
}

// mediaType gives the one spelling of a typ (RFC 7515, section 4.1.9).
func mediaType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}

// takesType goes by the header alone: it says what else a token signed by the
// same key may be (RFC 8725, section 3.11).
func (r *rules) takesType(h header) bool {
	typ := mediaType(h.typ)
	return h.hasTyp == (typ != "") && slices.Contains(r.types, typ)
}

// check holds the claims to Require and Forbid.
func (r *rules) check(claims map[string]any) error {
	for _, claim := range r.forbid {
		if _, there := claim.in(claims); there {
			return ClaimForbidden
		}
	}
	for i := range r.require {
		if err := r.require[i].check(claims); err != nil {
			return err
		}
	}
	return nil
}

func (r *claimRule) check(claims map[string]any) error {
	value, there := r.claim.in(claims)
	if !there {
		return ClaimMissing
	}
	text, isText := value.(string)
	fits := true
	switch r.shape {
	case "string":
		fits = isText
	case "integer":
		_, fits = integer(value)
	case "array":
		_, fits = texts(value)
	}
	if !fits {
		return ClaimShape
	}
	begins := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	switch other, there := r.differs.in(claims); {
	case len(r.oneOf) > 0 && !(isText && slices.Contains(r.oneOf, text)),
		len(r.prefixes) > 0 && !(isText && slices.ContainsFunc(r.prefixes, begins)),
		there && same(value, other):
		return ClaimMismatch
	}
	return nil
}

// same takes a value and the array that has it for equal too: an audience may
// be written either way.
func same(a, b any) bool {
	has := func(array, element any) bool {
		elements, _ := array.([]any)
		return slices.ContainsFunc(elements, func(e any) bool { return reflect.DeepEqual(e, element) })
	}
	return reflect.DeepEqual(a, b) || has(a, b) || has(b, a)
}
