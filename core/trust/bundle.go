package trust

import (
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// bundle is a trust bundle that the gate took. It is immutable.
type bundle struct {
	generation int
	taken      time.Time
	from       sdk.TrustBundle
	issuers    map[string]*trusted
	revoked    revocations
}

// trusted is what the tokens of one issuer are checked with.
type trusted struct {
	verifier *jwt.Verifier
	revoked  revocations // of the whole bundle
	keys     []string    // their ids, in the bundle's order
	fresh    time.Time   // from then on it is stale
	usable   deadline    // from then on it is dead
}

// compile makes what the tokens of one issuer are checked with. No audiences
// stand for the settings', and no algs.
func (a *Authority) compile(i sdk.IssuerTrust) (*trusted, *BundleError) {
	switch {
	case len(i.Keys) == 0:
		return nil, refusef(BundleKeysAbsent, "it has no keys")
	case len(i.Keys) > jwt.MaxKeys:
		return nil, refusef(BundleKeysTooMany, "%d keys: at most %d", len(i.Keys), jwt.MaxKeys)
	case i.MaxLifetime > jwt.MaxTokenLifetime:
		return nil, refusef(BundleLifetimeTooLong, "tokens may live for %v: at most %v", i.MaxLifetime, jwt.MaxTokenLifetime)
	}
	p := jwt.Policy{Issuer: i.Issuer, Audiences: i.Audiences, Algs: i.Algs, Leeway: i.Leeway, MaxLifetime: min(i.MaxLifetime, a.settings.MaxLifetime), Rules: i.Rules}
	if len(p.Audiences) == 0 {
		p.Audiences = a.settings.Audiences
	}
	if len(p.Algs) == 0 {
		p.Algs = a.settings.Algs
	}
	t := &trusted{}
	var problems []error
	for n, text := range i.Keys {
		k, err := jwk.Parse(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("key %d: %w", n, err))
			continue
		}
		p.Keys = append(p.Keys, k)
		t.keys = append(t.keys, k.ID)
	}
	if len(problems) > 0 {
		return nil, &BundleError{Reason: BundleKeyBad, Err: errors.Join(problems...)}
	}
	var err error
	if t.verifier, err = jwt.New(p); err != nil {
		return nil, &BundleError{Reason: BundleRulesBad, Err: err}
	}
	return t, nil
}

// The states of an issuer's trust, from best to worst.
const (
	TrustFresh = "fresh"
	TrustStale = "stale" // its tokens are taken, and its provider is worth a look
	TrustDead  = "dead"  // its tokens are refused until the next bundle
	TrustNone  = "none"  // its provider has not vouched for it yet
)

// state tells how old the trust is at now.
func (t *trusted) state(now time.Time) string {
	switch {
	case t.usable.passed(now):
		return TrustDead
	case !now.Before(t.fresh):
		return TrustStale
	}
	return TrustFresh
}
