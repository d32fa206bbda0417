// Command tenant is a headgate plugin: it takes the access tokens (RFC 9068) that
// an issuer gives to one of its tenants.
package main

import (
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks"
	"github.com/headgate-io/headgate/sdk/plugin"
)

// Config is what stands in [auth.config].
type Config struct {
	Tenant     string `json:"tenant" required:"true" min:"1" doc:"whose tokens are taken"`
	jwks.Terms        // leeway, usable_for, ca_file, allow_private
}

func follow(policy sdk.ProviderPolicy, c Config) (jwks.Options, error) {
	rules := sdk.TokenRules{
		Types:   []string{"at+jwt"}, // never an ID token, which is signed by the same keys
		Require: []sdk.ClaimRule{{Claim: "/tenant", OneOf: []string{c.Tenant}}},
		Client:  "/client_id", // for grants, as are
		Groups:  "/groups",
		Scopes:  "/scope",
	}
	var sources []jwks.Source
	for _, issuer := range policy.Issuers {
		sources = append(sources, jwks.Source{Trust: sdk.IssuerTrust{Issuer: issuer, Rules: rules}})
	}
	return c.Options(policy, sources)
}

func describe() sdk.Plugin {
	return sdk.Plugin{Name: "tenant", Version: "1.0.0", Providers: []sdk.ProviderKind{
		jwks.NewKind("tenant", "Takes the access tokens of one tenant.", follow),
	}}
}

func main() { plugin.Serve(describe()) }
