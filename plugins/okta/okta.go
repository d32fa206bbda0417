// Package okta is the provider that takes the access tokens of Okta's custom
// authorization servers. README.md says how to configure it.
//
// It takes nothing else of Okta's: an organization's own tokens are not for
// anybody but Okta to verify, and an ID token says who a user is, not what a
// client may do.
package okta

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks"
)

const version = "0.1.0"

// Plugin brings the one provider, okta.
func Plugin() sdk.Plugin {
	return sdk.Plugin{Name: "okta", Version: version, Providers: []sdk.ProviderKind{
		jwks.NewKind("okta", "Takes the access tokens of Okta's custom authorization servers.", options),
	}}
}

// alg is the only one that Okta signs tokens with.
const alg = "RS256"

func options(policy sdk.ProviderPolicy, t jwks.Terms) (jwks.Options, error) {
	var faults sdk.Diagnostics
	for _, a := range policy.Algs {
		if a != alg {
			faults = append(faults, sdk.Diagnostic{Text: fmt.Sprintf("algs: Okta signs with %s alone: take out %.20q", alg, a)})
		}
	}
	var sources []jwks.Source
	for _, issuer := range policy.Issuers {
		if without := strings.TrimRight(issuer, "/"); without != issuer && custom(without) {
			faults = append(faults, sdk.Diagnostic{Text: fmt.Sprintf("issuers: %.200q: take out the slash at the end, Okta writes none", issuer)})
		} else if !custom(issuer) {
			faults = append(faults, sdk.Diagnostic{Text: fmt.Sprintf("issuers: %.200q is not a custom authorization server: "+
				"access tokens of the organization's own server are for Okta alone, which does not publish their keys; "+
				"use https://DOMAIN/oauth2/default, or another server of Security > API in Okta's admin console", issuer)})
		}
		sources = append(sources, jwks.Source{Trust: sdk.IssuerTrust{Issuer: issuer, Rules: rules()}})
	}
	if faults != nil {
		return jwks.Options{}, faults
	}
	return t.Options(policy, sources)
}

// custom tells the issuer of a custom authorization server.
func custom(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	id, ok := strings.CutPrefix(u.Path, "/oauth2/")
	return ok && id != "" && !strings.Contains(id, "/")
}

// rules tell access tokens from ID tokens by their claims, for Okta types
// neither. Users and clients are different principals, whatever they are called:
// a client's sub is its id, and a user's login may be the same.
func rules() sdk.TokenRules {
	return sdk.TokenRules{
		Require: []sdk.ClaimRule{
			{Claim: "/cid", Shape: "string", Differs: "/aud"},
			{Claim: "/scp", Shape: "array"},
		},
		Forbid:  []string{"/nonce", "/at_hash", "/amr"},
		Subject: []sdk.SubjectRule{{Claim: "/uid", Prefix: "user:"}, {Claim: "/cid", Prefix: "client:"}},
		Client:  "/cid",
		Groups:  "/groups",
		Scopes:  "/scp",
	}
}
