package oidc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/plugins/oidc"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func policy(issuers ...string) sdk.ProviderPolicy {
	return sdk.ProviderPolicy{Issuers: issuers, Audiences: []string{"https://events.example.com"}, Algs: []string{"RS256", "EdDSA"}}
}

func TestConformance(t *testing.T) {
	var o sdktest.Options
	if os.Getenv("HEADGATE_PLUGIN") == "" { // the plugin's own process needs neither an issuer nor its certificate
		idp := jwkstest.Start(t, "/tenant", "EdDSA")
		o = sdktest.Options{
			Config: map[string]string{"oidc": fmt.Sprintf(`{"allow_private":true,"ca_file":%q}`, idp.CAFile(t))},
			Policy: map[string]sdk.ProviderPolicy{"oidc": policy(idp.URL())},
			Cycles: 3,
		}
	}
	sdktest.Run(t, oidc.Plugin(), o)
}

var idMarks = []string{"/nonce", "/at_hash", "/c_hash"}

// served opens the provider on an issuer, with members of the configuration
// beside those that every test needs.
func served(t *testing.T, members string) sdk.IssuerTrust {
	t.Helper()
	idp := jwkstest.Start(t, "", "EdDSA")
	config := fmt.Sprintf(`{"allow_private":true,"ca_file":%q%s}`, idp.CAFile(t), strings.ReplaceAll(members, "ISSUER", idp.URL()))
	return jwkstest.Bundle(t, oidc.Plugin(), policy(idp.URL()), config).Issuers[0]
}

func TestRules(t *testing.T) {
	sub := []sdk.SubjectRule{{Claim: "/sub"}}
	const keys = `,"jwks":{"ISSUER":"ISSUER/v1/keys"}`
	for name, c := range map[string]struct {
		members string
		want    sdk.TokenRules
	}{
		"nothing": {"", sdk.TokenRules{
			Types: []string{"at+jwt"}, Forbid: idMarks, Subject: sub, Client: "/client_id", Groups: "/groups", Scopes: "/scope",
		}},
		"everything": {`,"types":["","jwt"],"audience_claim":"/a","require":{"/c/d":[],"/b":["x","y"]},"forbid":[],"subject":"/s","client":"/azp","groups":"/g","scopes":"/p"`, sdk.TokenRules{
			Types: []string{"", "jwt"}, Audience: "/a", Require: []sdk.ClaimRule{{Claim: "/b", OneOf: []string{"x", "y"}}, {Claim: "/c/d", OneOf: []string{}}}, Forbid: []string{},
			Subject: []sdk.SubjectRule{{Claim: "/s"}}, Client: "/azp", Groups: "/g", Scopes: "/p",
		}},
		"cognito": {`,"preset":"cognito"`, sdk.TokenRules{
			Types: []string{"", "jwt"}, Audience: "/client_id", Require: []sdk.ClaimRule{{Claim: "/token_use", OneOf: []string{"access"}}}, Forbid: idMarks,
			Subject: sub, Client: "/client_id", Groups: "/cognito:groups", Scopes: "/scope",
		}},
		"cognito with more": {`,"preset":"cognito","require":{"/version":[]}`, sdk.TokenRules{
			Types: []string{"", "jwt"}, Audience: "/client_id", Require: []sdk.ClaimRule{{Claim: "/token_use", OneOf: []string{"access"}}, {Claim: "/version", OneOf: []string{}}}, Forbid: idMarks,
			Subject: sub, Client: "/client_id", Groups: "/cognito:groups", Scopes: "/scope",
		}},
		"cloudflare": {`,"preset":"cloudflare-access"` + keys, sdk.TokenRules{
			Types: []string{"", "jwt"}, Require: []sdk.ClaimRule{{Claim: "/type", OneOf: []string{"app"}}}, Forbid: idMarks,
			Subject: []sdk.SubjectRule{{Claim: "/common_name", Prefix: "service:"}, {Claim: "/sub", Prefix: "user:"}}, Client: "/common_name",
		}},
	} {
		if i := served(t, c.members); !reflect.DeepEqual(i.Rules, c.want) || i.MaxLifetime != 24*time.Hour || i.Leeway != time.Minute {
			t.Errorf("%s:\n got %+v\nwant %+v", name, i.Rules, c.want)
		}
	}
}

// Cloudflare has no discovery for its application tokens.
func TestAccessKeysAreAtACloudflarePath(t *testing.T) {
	idp := jwkstest.Start(t, "", "EdDSA")
	v, err := oidc.Plugin().Providers[0].Open(t.Context(), policy(idp.URL()), json.RawMessage(fmt.Sprintf(`{"preset":"cloudflare-access","allow_private":true,"ca_file":%q}`, idp.CAFile(t))))
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = v.Watch(t.Context(), nil) // nothing is there to publish
	}()
	t.Cleanup(func() { <-over })
	idp.Asked("/cdn-cgi/access/certs", 1)
	if n := idp.Requests(jwkstest.DiscoveryPath); n != 0 {
		t.Errorf("discovery is asked %d times", n)
	}
}

func TestConfig(t *testing.T) {
	const issuer = "https://login.example.com"
	for name, c := range map[string]struct{ config, want string }{
		"nothing":                       {`{}`, ""},
		"untyped with a claim":          {`{"types":["jwt"],"require":{"/scope":[]}}`, ""},
		"untyped":                       {`{"types":["","at+jwt"]}`, "/types: takes tokens that do not say what they are"},
		"untyped by jwt":                {`{"types":["jwt"]}`, "/types: takes tokens that do not say what they are"},
		"no types":                      {`{"types":[]}`, "/types: is empty"},
		"types in capitals":             {`{"types":["JWT"],"require":{"/scope":[]}}`, "/types/0: want it in lower case"},
		"types with application":        {`{"types":["application/at+jwt"]}`, "/types/0: want it in lower case"},
		"unknown preset":                {`{"preset":"auth0"}`, "/preset: want one of"},
		"no pointer":                    {`{"subject":"sub"}`, "/subject: want a JSON Pointer"},
		"no pointer to a client":        {`{"client":"/"}`, "/client: want a JSON Pointer"},
		"no pointer to groups":          {`{"groups":"/a~2"}`, "/groups: want a JSON Pointer"},
		"no pointer to scopes":          {`{"scopes":"$.scope"}`, "/scopes: want a JSON Pointer"},
		"no pointer to an audience":     {`{"audience_claim":"aud"}`, "/audience_claim: want a JSON Pointer"},
		"no pointer required":           {`{"require":{"token_use":["access"]}}`, "/require/token_use: want a JSON Pointer"},
		"no pointer forbidden":          {`{"forbid":["/nonce","x"]}`, "/forbid/1: want a JSON Pointer"},
		"discovery of a foreign issuer": {`{"discovery":{"https://x.example":"https://x.example/d"}}`, "/discovery/https:~1~1x.example: is none of the issuers"},
		"keys of a foreign issuer":      {`{"jwks":{"https://x.example":"https://x.example/k"}}`, "/jwks/https:~1~1x.example: is none of the issuers"},
		"both":                          {`{"jwks":{"` + issuer + `":"https://x.example/k"},"discovery":{"` + issuer + `":"https://x.example/d"}}`, "keep one of them"},
		"keys by http":                  {`{"jwks":{"` + issuer + `":"http://x.example/k"}}`, "want https"},
		"a URL for a host":              {`{"key_hosts":["https://x.example"]}`, "is no host"},
		"the router's own key":          {`{"max_token_lifetime":"24h"}`, "/max_token_lifetime: is not known: it is a key of [[auth]] itself"},
		"a CA of nobody's":              {`{"ca_file":"ca.pem"}`, "/ca_file: want an absolute path"},
	} {
		_, err := oidc.Plugin().Providers[0].Open(t.Context(), policy(issuer), json.RawMessage(c.config))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if _, ok := errors.AsType[sdk.Diagnostics](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v: want %q", name, err, c.want)
		}
	}
}
