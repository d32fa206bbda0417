// Package oidc is the provider that takes the access tokens of any issuer that
// publishes its keys by OpenID Connect Discovery, or at a known URL. README.md
// says how to configure it.
//
// Without a word it takes what RFC 9068 calls a JWT access token, and nothing
// else: an ID token is not typed at+jwt. For issuers that do not type their
// tokens the configuration must say what an access token is; presets say it for
// some.
package oidc

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks"
)

const version = "0.1.0"

// Plugin brings the one provider, oidc.
func Plugin() sdk.Plugin {
	return sdk.Plugin{Name: "oidc", Version: version, Providers: []sdk.ProviderKind{
		jwks.NewKind("oidc", "Takes the access tokens of issuers that publish their keys by OpenID Connect Discovery.", options),
	}}
}

type config struct {
	Preset        string              `json:"preset" default:"rfc9068" enum:"rfc9068,cognito,cloudflare-access" doc:"what the keys below are where they are absent"`
	Types         []string            `json:"types" doc:"typ of tokens that are taken, \"\" for none; for RFC 9068 [\"at+jwt\"]"`
	AudienceClaim string              `json:"audience_claim" doc:"JSON Pointer of the claim with the audience; /aud"`
	Require       map[string][]string `json:"require" doc:"claims by JSON Pointer, and the values one of which each must have; [] for any"`
	Forbid        []string            `json:"forbid" doc:"JSON Pointers of claims that no access token has; those of ID tokens"`
	Subject       string              `json:"subject" doc:"JSON Pointer of the principal's subject; /sub"`
	Client        string              `json:"client" doc:"JSON Pointer of the client's id; /client_id (azp elsewhere)"`
	Groups        string              `json:"groups" doc:"JSON Pointer of the subject's groups; /groups"`
	Scopes        string              `json:"scopes" doc:"JSON Pointer of the token's scopes; /scope"`
	Discovery     map[string]string   `json:"discovery" doc:"URL of the metadata of issuers that do not have it at /.well-known/openid-configuration"`
	Keys          map[string]string   `json:"jwks" doc:"URL of the key set of issuers without discovery"`
	KeyHosts      []string            `json:"key_hosts" doc:"hosts beside the issuer's own that discovery may name for the keys"`
	jwks.Terms
}

func options(policy sdk.ProviderPolicy, c config) (jwks.Options, error) {
	if faults := c.faults(policy); faults != nil {
		return jwks.Options{}, faults
	}
	p := presets[c.Preset]
	var sources []jwks.Source
	for _, issuer := range policy.Issuers {
		s := jwks.Source{Trust: sdk.IssuerTrust{Issuer: issuer, Rules: c.rules(&p)}, Discovery: c.Discovery[issuer], Keys: c.Keys[issuer], KeyHosts: c.KeyHosts}
		if s.Discovery == "" && s.Keys == "" && p.keysPath != "" {
			s.Keys = strings.TrimSuffix(issuer, "/") + p.keysPath
		}
		sources = append(sources, s)
	}
	return c.Options(policy, sources)
}

// rules are the preset's, and in place of them those that are configured.
func (c *config) rules(p *preset) sdk.TokenRules {
	r := p.rules
	if c.Types != nil {
		r.Types = c.Types
	}
	r.Audience = cmp.Or(c.AudienceClaim, r.Audience)
	r.Client = cmp.Or(c.Client, r.Client)
	r.Groups = cmp.Or(c.Groups, r.Groups)
	r.Scopes = cmp.Or(c.Scopes, r.Scopes)
	if c.Forbid != nil {
		r.Forbid = c.Forbid
	}
	if c.Subject != "" {
		r.Subject = []sdk.SubjectRule{{Claim: c.Subject}}
	}
	r.Require = slices.Clone(r.Require) // what a preset requires is not to be taken back
	for _, claim := range slices.Sorted(maps.Keys(c.Require)) {
		r.Require = append(r.Require, sdk.ClaimRule{Claim: claim, OneOf: c.Require[claim]})
	}
	return r
}
