package jwt

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// Bounds of a policy.
const (
	MaxKeys          = 64                // several rotations of a large issuer at once
	MaxLeeway        = 120 * time.Second // what clocks may differ by; more is longer tokens
	MaxTokenLifetime = 24 * time.Hour    // nothing but its end withdraws a token that nobody revokes
)

// Policy is how the tokens of one issuer are checked. All of it has to be there
// but Leeway and Rules.
type Policy struct {
	Issuer      string
	Audiences   []string // one of them is in the token
	Algs        []string
	Keys        []jwk.Key     // each with an id of its own; one key, one issuer
	Leeway      time.Duration // for exp, nbf and iat
	MaxLifetime time.Duration // exp - iat
	// Rules name claims by JSON Pointers (RFC 6901) into objects; an element of an
	// array has no name here. Where Rules.Audience names another claim, aud is not
	// looked at.
	Rules sdk.TokenRules
}

// New refuses a policy that would check less than it seems to. The error tells
// everything that is wrong with it.
func New(p Policy) (*Verifier, error) {
	rules, err := compile(p.Rules)
	keys, keysErr := byID(p.Keys, p.Algs)
	if err := errors.Join(p.check(), keysErr, err); err != nil {
		return nil, err
	}
	v := newVerifier(&p, rules)
	v.keys = keys
	return v, nil
}

// newVerifier leaves out the keys.
func newVerifier(p *Policy, r rules) *Verifier {
	methods := make(map[string]gojwt.SigningMethod, len(p.Algs))
	for _, alg := range p.Algs {
		methods[alg] = gojwt.GetSigningMethod(alg)
	}
	return &Verifier{issuer: p.Issuer, audiences: slices.Clone(p.Audiences), methods: methods, leeway: p.Leeway, maxLifetime: p.MaxLifetime, rules: r}
}

func (p *Policy) check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("token policy: "+format, args...)) }
	if p.Issuer == "" {
		wrong("no issuer")
	}
	if len(p.Audiences) == 0 || slices.Contains(p.Audiences, "") {
		wrong("no audience, or an empty one")
	}
	if len(p.Algs) == 0 {
		wrong("no alg")
	}
	for _, alg := range p.Algs {
		if !slices.Contains(jwk.Algs(), alg) {
			wrong("alg %q is not one of %s", alg, strings.Join(jwk.Algs(), ", "))
		}
	}
	if p.Leeway < 0 || p.Leeway > MaxLeeway {
		wrong("leeway %v is outside 0s to %v", p.Leeway, MaxLeeway)
	}
	if p.MaxLifetime <= 0 || p.MaxLifetime > MaxTokenLifetime {
		wrong("token lifetime %v is not above 0s and at most %v", p.MaxLifetime, MaxTokenLifetime)
	}
	return errors.Join(errs...)
}

// byID refuses every key that could not be the one key of a token.
func byID(keys []jwk.Key, algs []string) (map[string]jwk.Key, error) {
	if len(keys) == 0 || len(keys) > MaxKeys {
		return nil, fmt.Errorf("token policy: %d keys, outside 1 to %d", len(keys), MaxKeys)
	}
	var errs []error
	out := make(map[string]jwk.Key, len(keys))
	for i, key := range keys {
		_, doubled := out[key.ID]
		switch err := key.Check(); {
		case err != nil:
			errs = append(errs, fmt.Errorf("token policy: key %d: %w", i, err))
		case key.ID == "":
			errs = append(errs, fmt.Errorf("token policy: key %d has no id (kid)", i))
		case doubled:
			errs = append(errs, fmt.Errorf("token policy: two keys have the id (kid) %s", key.ID))
		case !slices.ContainsFunc(algs, key.Fits):
			errs = append(errs, fmt.Errorf("token policy: key %s fits none of the algs", key.ID))
		default:
			out[key.ID] = key
		}
	}
	return out, errors.Join(errs...)
}
