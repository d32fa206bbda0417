package okta_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/plugins/okta"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func policy(issuer string, algs ...string) sdk.ProviderPolicy {
	return sdk.ProviderPolicy{Issuers: []string{issuer}, Audiences: []string{"api://headgate"}, Algs: algs}
}

func TestConformance(t *testing.T) {
	var o sdktest.Options
	if os.Getenv("HEADGATE_PLUGIN") == "" { // the plugin's own process needs neither an issuer nor its certificate
		idp := jwkstest.Start(t, "/oauth2/default", "RS256")
		o = sdktest.Options{
			Config: map[string]string{"okta": fmt.Sprintf(`{"allow_private":true,"ca_file":%q}`, idp.CAFile(t))},
			Policy: map[string]sdk.ProviderPolicy{"okta": policy(idp.URL(), "RS256")},
			Cycles: 3,
		}
	}
	sdktest.Run(t, okta.Plugin(), o)
}

func TestRules(t *testing.T) {
	idp := jwkstest.Start(t, "/oauth2/aus1", "RS256")
	b := jwkstest.Bundle(t, okta.Plugin(), policy(idp.URL(), "RS256"), fmt.Sprintf(`{"allow_private":true,"ca_file":%q,"leeway":"30s"}`, idp.CAFile(t)))
	want := sdk.TokenRules{
		Require: []sdk.ClaimRule{{Claim: "/cid", Shape: "string", Differs: "/aud"}, {Claim: "/scp", Shape: "array"}},
		Forbid:  []string{"/nonce", "/at_hash", "/amr"},
		Subject: []sdk.SubjectRule{{Claim: "/uid", Prefix: "user:"}, {Claim: "/cid", Prefix: "client:"}},
		Client:  "/cid", Groups: "/groups", Scopes: "/scp",
	}
	i := b.Issuers[0]
	if len(b.Issuers) != 1 || !reflect.DeepEqual(i.Rules, want) {
		t.Errorf("the rules are %+v", i.Rules)
	}
	if i.Issuer != idp.URL() || i.Audiences[0] != "api://headgate" || i.Leeway != 30*time.Second || i.MaxLifetime != 24*time.Hour || len(i.Keys) != 1 {
		t.Errorf("the bundle is %+v", b)
	}
}

func TestConfig(t *testing.T) {
	const good = "https://dev-1.okta.com/oauth2/default"
	for name, c := range map[string]struct {
		policy       sdk.ProviderPolicy
		config, want string
	}{
		"good":              {policy(good, "RS256"), `{}`, ""},
		"own domain":        {policy("https://id.example.com/oauth2/aus1", "RS256"), `{"leeway":"120s","usable_for":"1h"}`, ""},
		"organization":      {policy("https://dev-1.okta.com", "RS256"), `{}`, "issuers: \"https://dev-1.okta.com\" is not a custom authorization server"},
		"organization/":     {policy("https://dev-1.okta.com/", "RS256"), `{}`, "use https://DOMAIN/oauth2/default"},
		"organization path": {policy("https://dev-1.okta.com/oauth2", "RS256"), `{}`, "not a custom authorization server"},
		"no id":             {policy("https://dev-1.okta.com/oauth2/", "RS256"), `{}`, "not a custom authorization server"},
		"a path below":      {policy(good+"/v1", "RS256"), `{}`, "not a custom authorization server"},
		"slash":             {policy(good+"/", "RS256"), `{}`, "take out the slash at the end"},
		"http":              {policy("http://dev-1.okta.com/oauth2/default", "RS256"), `{}`, "want https"},
		"another alg":       {policy(good, "RS256", "ES256"), `{}`, "Okta signs with RS256 alone: take out \"ES256\""},
		"no alg":            {policy(good), `{}`, "has no algs"},
		"no issuer":         {sdk.ProviderPolicy{Audiences: []string{"a"}, Algs: []string{"RS256"}}, `{}`, "issuers: name at least one"},
		"no audience":       {sdk.ProviderPolicy{Issuers: []string{good}, Algs: []string{"RS256"}}, `{}`, "has no audiences"},
		"the router's":      {policy(good, "RS256"), `{"max_token_lifetime":"1h"}`, "/max_token_lifetime: is not known: it is a key of [[auth]] itself"},
		"wide leeway":       {policy(good, "RS256"), `{"leeway":"3m"}`, "/leeway: want"},
		"unknown":           {policy(good, "RS256"), `{"clients":[]}`, "/clients: is not known"},
	} {
		_, err := okta.Plugin().Providers[0].Open(t.Context(), c.policy, json.RawMessage(c.config))
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
