package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// Asking narrows what [Explain] asks about. The zero value asks about every key
// and every grant.
type Asking struct {
	KeyID string // about this key alone
	Token string // about whom this token (JWT) names; whether it is genuine is not looked at

	// Trust gives how a plugin has the tokens of its issuers checked, without keys.
	// It errs where that is not known before the plugin is at work. Needed with
	// Token alone.
	Trust func(*config.Auth) ([]sdk.IssuerTrust, error)
}

// TokenVerdict is what a token says of itself, as its auth would read it. Nothing
// of it is proven.
type TokenVerdict struct {
	Issuer    string    `json:"issuer,omitempty"`
	Auth      string    `json:"auth,omitempty"` // whose issuer that is; empty for nobody's
	Principal string    `json:"principal,omitempty"`
	Client    string    `json:"client,omitempty"`
	Groups    []string  `json:"groups,omitempty"`
	Scopes    []string  `json:"scopes,omitempty"`
	KeyID     string    `json:"key,omitempty"`
	Bound     bool      `json:"bound,omitempty"` // to a key (cnf): it is worth nothing without an event signature
	Expires   time.Time `json:"expires,omitzero"`
	Fits      []string  `json:"fits"`              // grants, as in grants[0]
	Refusal   *Refusal  `json:"refusal,omitempty"` // whatever the event

	token *jwt.Token
}

// readToken gives what a token would be worth if it were genuine.
func readToken(cfg *config.Config, rules *intake.Generation, ask Asking) (*TokenVerdict, error) {
	v := &TokenVerdict{Fits: []string{}}
	read, err := jwt.Read(ask.Token)
	if err != nil {
		v.Refusal = unauthenticated(err.Error())
		return v, nil
	}
	v.Issuer, v.KeyID = clipped(read.Issuer()), clipped(read.KeyID())
	i := slices.IndexFunc(cfg.Auth, func(a config.Auth) bool { return slices.Contains(a.Issuers, read.Issuer()) })
	if i < 0 {
		v.Refusal = unauthenticated(trust.ReasonIssuerUnknown)
		return v, nil
	}
	a := &cfg.Auth[i]
	v.Auth = a.Name
	issuers, err := ask.Trust(a)
	if err != nil {
		return nil, fmt.Errorf("auth %s: %w", a.Name, err)
	}
	i = slices.IndexFunc(issuers, func(t sdk.IssuerTrust) bool { return t.Issuer == read.Issuer() })
	if i < 0 {
		v.Refusal = unauthenticated(trust.ReasonTrustNone)
		return v, nil
	}
	t := &issuers[i]
	v.token, err = jwt.Suppose(jwt.Policy{Issuer: t.Issuer, Audiences: orElse(t.Audiences, a.Audiences), Algs: orElse(t.Algs, a.Algs), Leeway: t.Leeway,
		MaxLifetime: min(t.MaxLifetime, time.Duration(a.MaxToken)), Rules: t.Rules}, read, time.Now())
	if err != nil {
		v.Refusal = unauthenticated(err.Error())
		return v, nil
	}
	v.Principal = sdk.Principal{Provider: a.Name, Issuer: t.Issuer, Subject: v.token.Subject}.String()
	v.Client, v.Groups, v.Scopes, v.Expires = v.token.Client, v.token.Groups, v.token.Scopes, v.token.Expires
	v.Bound = v.token.Confirmation != ""
	v.Fits = append(v.Fits, rules.Trust.Fitting(a.Name, v.token)...)
	return v, nil
}

// maxShown bounds what an unread token says, on a screen.
const maxShown = 256

func clipped(text string) string { return text[:min(len(text), maxShown)] }

func orElse(list, other []string) []string {
	if len(list) == 0 {
		return other
	}
	return list
}

func unauthenticated(reason string) *Refusal {
	return refusal(&intake.Problem{Code: intake.Unauthenticated, Reason: reason})
}

// scopes are those that somebody with the token has by a grant.
func (v *TokenVerdict) scopes(granted []string) []string {
	if v.token == nil || !v.token.HasScopes {
		return granted
	}
	return slices.DeleteFunc(slices.Clone(granted), func(s string) bool { return !slices.Contains(v.token.Scopes, s) })
}

// missing is why the holder of the token does not even come to its grants.
func (v *TokenVerdict) missing(signed bool) *Refusal {
	switch {
	case v.Refusal != nil:
		return v.Refusal
	case v.Bound && !signed:
		return unauthenticated(trust.ReasonEventSignatureAbsent)
	case len(v.Fits) == 0:
		return refusal(&intake.Problem{Code: intake.Forbidden, Reason: trust.ReasonNoGrant})
	}
	return nil
}
