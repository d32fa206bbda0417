package oidc

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk"
)

// pointer is a JSON Pointer to a claim (RFC 6901, section 3).
var pointer = regexp.MustCompile(`^(/([^~/]|~[01])+)+$`)

// faults finds what is wrong with the configuration but for its URLs, which
// package jwks checks.
func (c *config) faults(policy sdk.ProviderPolicy) (faults sdk.Diagnostics) {
	fault := func(path, format string, args ...any) {
		faults = append(faults, sdk.Diagnostic{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	claim := func(path, text string) {
		if text != "" && !pointer.MatchString(text) {
			fault(path, "want a JSON Pointer to a claim, such as /client_id")
		}
	}
	claim("/audience_claim", c.AudienceClaim)
	claim("/subject", c.Subject)
	claim("/client", c.Client)
	claim("/groups", c.Groups)
	claim("/scopes", c.Scopes)
	for _, name := range slices.Sorted(maps.Keys(c.Require)) {
		if !pointer.MatchString(name) {
			fault("/require/"+escape(name), "want a JSON Pointer to a claim as the name, such as \"/token_use\"")
		}
	}
	for n, name := range c.Forbid {
		if !pointer.MatchString(name) {
			fault(fmt.Sprintf("/forbid/%d", n), "want a JSON Pointer to a claim, such as /nonce")
		}
	}
	for n, typ := range c.Types {
		if typ != strings.ToLower(typ) || strings.Contains(typ, "/") {
			fault(fmt.Sprintf("/types/%d", n), "want it in lower case and without application/, such as at+jwt")
		}
	}
	switch {
	case c.Types != nil && len(c.Types) == 0:
		fault("/types", "is empty, so no token would be taken: name at least one, or leave it out")
	case c.untyped() && len(c.Require) == 0:
		fault("/types", "takes tokens that do not say what they are: name under require a claim that access tokens have and ID tokens do not, such as \"/scope\" = []")
	}
	for _, table := range []struct {
		path string
		urls map[string]string
	}{{"/discovery", c.Discovery}, {"/jwks", c.Keys}} {
		for _, issuer := range slices.Sorted(maps.Keys(table.urls)) {
			if !slices.Contains(policy.Issuers, issuer) {
				fault(table.path+"/"+escape(issuer), "is none of the issuers of this auth")
			}
		}
	}
	for _, issuer := range policy.Issuers {
		if c.Discovery[issuer] != "" && c.Keys[issuer] != "" {
			fault("/discovery/"+escape(issuer), "stands beside a URL of its keys under jwks: keep one of them")
		}
	}
	return faults
}

// untyped tells a configuration by whose types an ID token would pass, when no
// preset says how to tell them.
func (c *config) untyped() bool {
	return c.Preset == "rfc9068" && slices.ContainsFunc(c.Types, func(typ string) bool { return typ == "" || typ == "jwt" })
}

// escape writes one step of a JSON Pointer.
func escape(step string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(step) }
