// Package jwt checks access tokens (RFC 7519, RFC 8725). Everything in it is
// pure: no I/O, no clock, no goroutine.
//
// Start with [New], which makes the [Verifier] of one issuer. [Read] reads a
// token, whose [Unproven.Issuer] tells its Verifier; [Verifier.Verify] is the
// whole check. [Cache] remembers what verified, and [Verifier.Check] is what a
// remembered token still needs.
//
// Promise: a token that verifies was signed by a key of exactly the issuer that
// it names, says so in the only way that there is to read it, is in time, is for
// one of the audiences, and has the kind and the claims that the issuer's rules
// ask for. Nothing that a token says makes anybody fetch anything. Every refusal
// is a [Reason].
//
// golang-jwt checks the signatures, and only those: what it leaves to options, or
// reads in more than one way, it is not asked.
package jwt

import (
	"slices"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/headgate-io/headgate/sdk/jwk"
)

// Verifier checks the tokens of one issuer. It never changes and is safe for
// concurrent use.
type Verifier struct {
	issuer      string
	audiences   []string
	methods     map[string]gojwt.SigningMethod // by alg
	keys        map[string]jwk.Key             // by kid: no issuer's keys but this one's
	leeway      time.Duration
	maxLifetime time.Duration
	rules       rules
}

// Verify takes a token that is good at now. The error is a [Reason].
func (v *Verifier) Verify(u *Unproven, now time.Time) (*Token, error) {
	method, err := v.admit(u)
	if err != nil {
		return nil, err
	}
	key, err := v.key(u.header)
	if err != nil {
		return nil, err
	}
	if err := u.prove(method, key); err != nil {
		return nil, err
	}
	return v.read(u, key.ID, now)
}

// admit checks what says which tokens these are at all.
func (v *Verifier) admit(u *Unproven) (gojwt.SigningMethod, error) {
	if u.issuer != v.issuer {
		return nil, IssuerMismatch
	}
	method, allowed := v.methods[u.header.alg]
	if !allowed {
		return nil, AlgNotAllowed
	}
	if !v.rules.takesType(u.header) {
		return nil, TypNotAllowed
	}
	return method, nil
}

// read checks the claims of a token that this key signed.
func (v *Verifier) read(u *Unproven, keyID string, now time.Time) (*Token, error) {
	t := &Token{Issuer: u.issuer, KeyID: keyID, Claims: u.claims}
	if err := v.readTimes(t); err != nil {
		return nil, err
	}
	if err := v.Check(t, now); err != nil {
		return nil, err
	}
	if err := v.checkAudience(u.claims); err != nil {
		return nil, err
	}
	if err := v.rules.check(u.claims); err != nil {
		return nil, err
	}
	if err := v.rules.fill(t); err != nil {
		return nil, err
	}
	return t, nil
}

// key finds the one key that a header names. Its algorithm is checked here:
// golang-jwt would take a P-384 key for ES256.
func (v *Verifier) key(h header) (jwk.Key, error) {
	if !h.hasKid {
		return jwk.Key{}, KidAbsent
	}
	if !jwk.ValidID(h.kid) {
		return jwk.Key{}, KidMalformed
	}
	key, known := v.keys[h.kid]
	if !known {
		return jwk.Key{}, KeyUnknown
	}
	if !key.Fits(h.alg) {
		return jwk.Key{}, KeyAlgMismatch
	}
	return key, nil
}

// checkAudience wants one of the audiences in the claim that has them: RFC 7519,
// section 4.1.3.
func (v *Verifier) checkAudience(claims map[string]any) error {
	value, there := v.rules.audience.in(claims)
	if !there {
		return AudienceAbsent
	}
	named, ok := value.(string)
	list := []string{named}
	if !ok {
		if list, ok = texts(value); !ok {
			return AudienceMalformed
		}
	}
	if len(list) == 0 || slices.Contains(list, "") {
		return AudienceMalformed
	}
	for _, audience := range list {
		if slices.Contains(v.audiences, audience) {
			return nil
		}
	}
	return AudienceMismatch
}
