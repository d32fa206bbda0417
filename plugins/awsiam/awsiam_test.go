package awsiam_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/plugins/awsiam"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func policy(algs []string, issuers ...string) sdk.ProviderPolicy {
	return sdk.ProviderPolicy{Issuers: issuers, Audiences: []string{"https://events.example.com"}, Algs: algs}
}

var both = []string{"RS256", "ES384"}

func TestConformance(t *testing.T) {
	var o sdktest.Options
	if os.Getenv("HEADGATE_PLUGIN") == "" { // the plugin's own process needs neither an issuer nor its certificate
		idp := jwkstest.Start(t, "", "ES384", "RS256")
		o = sdktest.Options{
			Config: map[string]string{"awsiam": fmt.Sprintf(`{"accounts":{%q:"123456789012"},"allow_private":true,"ca_file":%q}`, idp.URL(), idp.CAFile(t))},
			Policy: map[string]sdk.ProviderPolicy{"awsiam": policy(both, idp.URL())},
			Cycles: 3,
		}
	}
	sdktest.Run(t, awsiam.Plugin(), o)
}

// Every issuer is held to its own account.
func TestRules(t *testing.T) {
	one, two := jwkstest.Start(t, "", "ES384"), jwkstest.Start(t, "", "ES384")
	seen := map[string]bool{}
	for _, c := range []struct{ issuer, account string }{{one.URL(), "111111111111"}, {two.URL(), "222222222222"}} {
		config := fmt.Sprintf(`{"accounts":{%q:%q},"partition":"aws-cn","org_id":"o-abc1234567","allow_private":true,"ca_file":%q}`, c.issuer, c.account, one.CAFile(t))
		i := jwkstest.Bundle(t, awsiam.Plugin(), policy(both, c.issuer), config).Issuers[0]
		arn := "arn:aws-cn:iam::" + c.account
		want := sdk.TokenRules{
			Types: []string{"", "jwt"},
			Require: []sdk.ClaimRule{
				{Claim: "/https:~1~1sts.amazonaws.com~1/aws_account", Shape: "string", OneOf: []string{c.account}},
				{Claim: "/sub", Shape: "string", Prefixes: []string{arn + ":role/", arn + ":user/"}},
				{Claim: "/https:~1~1sts.amazonaws.com~1/org_id", Shape: "string", OneOf: []string{"o-abc1234567"}},
			},
			Subject:      []sdk.SubjectRule{{Claim: "/sub"}},
			Confirmation: "/https:~1~1sts.amazonaws.com~1/request_tags/headgate_jkt",
		}
		if !reflect.DeepEqual(i.Rules, want) || i.MaxLifetime != time.Hour || i.Issuer != c.issuer {
			t.Errorf("%s: %+v", c.issuer, i)
		}
		seen[i.Issuer] = true
	}
	if len(seen) != 2 {
		t.Errorf("issuers seen: %v", seen)
	}
}

func TestConfig(t *testing.T) {
	const issuer, other = "https://a.tokens.sts.global.api.aws", "https://b.tokens.sts.global.api.aws"
	accounts := func(account string) string { return fmt.Sprintf(`{"accounts":{%q:%q}}`, issuer, account) }
	good := accounts("123456789012")
	for name, c := range map[string]struct {
		policy       sdk.ProviderPolicy
		config, want string
	}{
		"good":                 {policy(both, issuer), good, ""},
		"one alg":              {policy([]string{"ES384"}, issuer), good, ""},
		"no account":           {policy(both, issuer), `{}`, "/accounts: is required"},
		"none of an issuer":    {policy(both, issuer, other), good, "/accounts: lacks the account of the issuer " + other},
		"of a foreign issuer":  {policy(both, other), good, "/accounts/https:~1~1a.tokens.sts.global.api.aws: is none of the issuers"},
		"eleven digits":        {policy(both, issuer), accounts("12345678901"), "want the 12 digits"},
		"digits and a line":    {policy(both, issuer), `{"accounts":{"` + issuer + `":"123456789012\n"}}`, "want the 12 digits"},
		"a number":             {policy(both, issuer), `{"accounts":{"` + issuer + `":123456789012}}`, "want a string"},
		"another partition":    {policy(both, issuer), `{"accounts":{"` + issuer + `":"123456789012"},"partition":"aws-x"}`, "/partition: want one of"},
		"no organization":      {policy(both, issuer), `{"accounts":{"` + issuer + `":"123456789012"},"org_id":"abc"}`, "/org_id: want"},
		"the router's own key": {policy(both, issuer), `{"accounts":{"` + issuer + `":"123456789012"},"max_token_lifetime":"1h"}`, "/max_token_lifetime: is not known: it is a key of [[auth]] itself"},
		"another alg":          {policy([]string{"ES256"}, issuer), good, "STS signs with RS256 or ES384: take out \"ES256\""},
		"no alg":               {policy(nil, issuer), good, "has no algs"},
		"the same issuer more": {policy(both, issuer, issuer), good, "is there twice"},
	} {
		_, err := awsiam.Plugin().Providers[0].Open(t.Context(), c.policy, json.RawMessage(c.config))
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
