package promise_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/plugins/awsiam"
	"github.com/headgate-io/headgate/plugins/oidc"
	"github.com/headgate-io/headgate/plugins/okta"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// rulesOf is what the router checks tokens with once it took the first bundle of
// a provider that has one issuer.
func rulesOf(t *testing.T, p sdk.Plugin, policy sdk.ProviderPolicy, config string) *jwt.Verifier {
	t.Helper()
	i := jwkstest.Bundle(t, p, policy, config).Issuers[0]
	var keys []jwk.Key
	for _, text := range i.Keys {
		k, err := jwk.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	v, err := jwt.New(jwt.Policy{Issuer: i.Issuer, Audiences: i.Audiences, Algs: i.Algs, Keys: keys, Leeway: i.Leeway, MaxLifetime: min(i.MaxLifetime, time.Hour), Rules: i.Rules})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// claims are those of a token.
type claims = map[string]any

// but gives claims with others instead; nil takes one out.
func but(c claims, others claims) claims {
	c = maps.Clone(c)
	for name, value := range others {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

// ruling is what a provider's rules make of a token.
type ruling struct {
	name    string
	claims  claims
	typ     string
	want    jwt.Reason // why it is refused; empty for one that is not
	subject string     // of the principal
}

// try verifies the tokens of an issuer by its rules. more looks at those that are
// taken.
func try(t *testing.T, idp *jwkstest.Issuer, v *jwt.Verifier, rulings []ruling, more func(name string, token *jwt.Token)) {
	t.Helper()
	for _, c := range rulings {
		var members []string
		if c.typ != "" {
			members = []string{"typ", c.typ}
		}
		var got *jwt.Token
		unproven, err := jwt.Read(idp.Sign(c.claims, members...))
		if err == nil {
			got, err = v.Verify(unproven, time.Now())
		}
		switch {
		case c.want != "":
			if err != c.want || got != nil {
				t.Errorf("%s: %+v, %v: want %s", c.name, got, err, c.want)
			}
		case err != nil || got.Subject != c.subject:
			t.Errorf("%s: %+v, %v: want the principal %s", c.name, got, err, c.subject)
		case more != nil:
			more(c.name, got)
		}
	}
}

func policyOf(alg string, idp *jwkstest.Issuer) sdk.ProviderPolicy {
	return sdk.ProviderPolicy{Issuers: []string{idp.URL()}, Audiences: []string{audience, "client1"}, Algs: []string{alg}}
}

// Access tokens in the exact shape of Okta's are taken and no other tokens of the
// same server; a user whose login is a client's id is not that client.
func TestIdentityRulesOfOkta(t *testing.T) {
	t.Parallel()
	idp, now := jwkstest.Start(t, "/oauth2/default", "RS256"), time.Now()
	config := fmt.Sprintf(`{"allow_private":true,"ca_file":%q}`, idp.CAFile(t))
	v := rulesOf(t, okta.Plugin(), policyOf("RS256", idp), config)
	client := jwkstest.OktaClaims(idp.URL(), audience, "0oa1", now)
	user := but(client, claims{"uid": "00u1", "sub": "jo@example.com"})
	id := jwkstest.OktaIDClaims(idp.URL(), "client1", "jo", now)
	try(t, idp, v, []ruling{
		{"client", client, "", "", "client:0oa1"},
		{"user", user, "JWT", "", "user:00u1"},
		{"user with a client's id for a login", but(user, claims{"cid": "0oa2", "sub": "0oa1"}), "", "", "user:00u1"},
		{"several audiences", but(client, claims{"aud": []string{"api://other", audience}}), "", "", "client:0oa1"},
		{"id token", id, "", jwt.ClaimForbidden, ""},
		{"id token for this router", but(id, claims{"aud": audience}), "", jwt.ClaimForbidden, ""},
		{"id token in disguise", but(id, claims{"nonce": nil, "at_hash": nil, "amr": nil, "cid": "client1", "scp": []string{"a"}}), "", jwt.ClaimMismatch, ""},
		{"access token with a nonce", but(client, claims{"nonce": "n"}), "", jwt.ClaimForbidden, ""},
		{"no cid", but(client, claims{"cid": nil}), "", jwt.ClaimMissing, ""},
		{"no scp", but(client, claims{"scp": nil}), "", jwt.ClaimMissing, ""},
		{"scp as text", but(client, claims{"scp": "orders:write"}), "", jwt.ClaimShape, ""},
		{"cid as a number", but(client, claims{"cid": 1}), "", jwt.ClaimShape, ""},
		{"uid as a number", but(client, claims{"uid": 1}), "", jwt.SubjectMalformed, ""},
		{"of the organization's server", but(client, claims{"iss": "https://example.okta.com"}), "", jwt.IssuerMismatch, ""},
		{"another audience", but(client, claims{"aud": "api://default"}), "", jwt.AudienceMismatch, ""},
		{"for a day", but(client, claims{"exp": now.Add(24 * time.Hour).Unix()}), "", jwt.LifetimeTooLong, ""},
		{"proof of possession", client, "dpop+jwt", jwt.TypNotAllowed, ""},
	}, func(name string, token *jwt.Token) {
		if len(token.Scopes) != 1 || token.Scopes[0] != "orders:write" || !token.HasScopes || token.Client == "" {
			t.Errorf("%s: client %q, scopes %v", name, token.Client, token.Scopes)
		}
	})
	organization := policyOf("RS256", idp)
	organization.Issuers = []string{"https://example.okta.com"}
	if _, err := okta.Plugin().Providers[0].Open(t.Context(), organization, []byte(config)); err == nil {
		t.Error("the organization's own server is an issuer")
	}
}

// AWS's tokens are of their issuer's account, in what STS says as in the name of
// the role; what a caller says of itself in its tags has no effect.
func TestIdentityRulesOfAWS(t *testing.T) {
	t.Parallel()
	const (
		account, other = "123456789012", "999999999999"
		jkt            = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
		role           = "arn:aws:iam::" + account + ":role/shop"
	)
	idp, second, now := jwkstest.Start(t, "/a", "ES384"), jwkstest.Start(t, "/b", "ES384"), time.Now()
	rules := func(idp *jwkstest.Issuer, account string) *jwt.Verifier {
		config := fmt.Sprintf(`{"accounts":{%q:%q},"allow_private":true,"ca_file":%q}`, idp.URL(), account, idp.CAFile(t))
		return rulesOf(t, awsiam.Plugin(), policyOf("ES384", idp), config)
	}
	own, theirs := rules(idp, account), rules(second, other)
	of := func(account, role string, tags ...string) claims {
		return jwkstest.AWSClaims(idp.URL(), audience, account, role, now, tags...)
	}
	sub := func(arn string) claims { return but(of(account, "shop"), claims{"sub": arn}) }
	said := func(name string, value any) claims {
		c := of(account, "shop")
		c["https://sts.amazonaws.com/"].(claims)[name] = value
		return c
	}
	try(t, idp, own, []ruling{
		{"role", of(account, "shop"), "JWT", "", role},
		{"role with a path", of(account, "path/shop"), "", "", "arn:aws:iam::" + account + ":role/path/shop"},
		{"user", sub("arn:aws:iam::" + account + ":user/jo"), "JWT", "", "arn:aws:iam::" + account + ":user/jo"},
		{"caller who says it is admin", of(account, "shop", "admin", "true", "groups", "admin", "scope", "orders:write", "aws_account", other), "JWT", "", role},
		{"bound", of(account, "shop", "headgate_jkt", jkt), "JWT", "", role},
		{"bound to rubbish", of(account, "shop", "headgate_jkt", "x"), "JWT", jwt.ConfirmationUnknown, ""},
		{"another account", of(other, "shop"), "JWT", jwt.ClaimMismatch, ""},
		{"role of another account", sub("arn:aws:iam::" + other + ":role/shop"), "JWT", jwt.ClaimMismatch, ""},
		{"account that STS does not say", said("aws_account", other), "JWT", jwt.ClaimMismatch, ""},
		{"account as a number", said("aws_account", 123456789012), "JWT", jwt.ClaimShape, ""},
		{"no account", said("aws_account", nil), "JWT", jwt.ClaimShape, ""},
		{"nothing said by STS", but(of(account, "shop"), claims{"https://sts.amazonaws.com/": nil}), "JWT", jwt.ClaimMissing, ""},
		{"session", sub("arn:aws:sts::" + account + ":assumed-role/shop/x"), "JWT", jwt.ClaimMismatch, ""},
		{"root", sub("arn:aws:iam::" + account + ":root"), "JWT", jwt.ClaimMismatch, ""},
		{"another partition", sub("arn:aws-cn:iam::" + account + ":role/shop"), "JWT", jwt.ClaimMismatch, ""},
		{"another type", of(account, "shop"), "at+jwt", jwt.TypNotAllowed, ""},
		{"for another", but(of(account, "shop"), claims{"aud": "https://api.example.com"}), "JWT", jwt.AudienceMismatch, ""},
		{"issuer of another account", but(of(account, "shop"), claims{"iss": second.URL()}), "JWT", jwt.IssuerMismatch, ""},
	}, func(name string, token *jwt.Token) {
		if token.Client != "" || len(token.Groups) > 0 || len(token.Scopes) > 0 {
			t.Errorf("%s: client %q, groups %v, scopes %v", name, token.Client, token.Groups, token.Scopes)
		}
		if bound := token.Confirmation == jkt; bound != (name == "bound") || !bound && token.Confirmation != "" {
			t.Errorf("%s: bound to %q", name, token.Confirmation)
		}
	})
	moved := jwkstest.AWSClaims(second.URL(), audience, account, "shop", now)
	try(t, second, theirs, []ruling{
		{"its own account", jwkstest.AWSClaims(second.URL(), audience, other, "shop", now), "JWT", "", "arn:aws:iam::" + other + ":role/shop"},
		{"the other issuer's account", moved, "JWT", jwt.ClaimMismatch, ""},
		{"in the other issuer's name", but(moved, claims{"iss": idp.URL()}), "JWT", jwt.IssuerMismatch, ""},
	}, nil)
	try(t, second, own, []ruling{
		{"by the other issuer's key", of(account, "shop"), "JWT", jwt.KeyUnknown, ""},
	}, nil)
}

// Every preset of the general provider tells access tokens from the others of the
// same issuer.
func TestIdentityRulesOfOIDC(t *testing.T) {
	t.Parallel()
	idp, now := jwkstest.Start(t, "", "RS256"), time.Now()
	common := fmt.Sprintf(`"allow_private":true,"ca_file":%q`, idp.CAFile(t))
	url := idp.URL()
	access := but(accessClaims(idp), claims{"sub": "jo"})
	cognito := jwkstest.CognitoClaims(url, "client1", "u1", now)
	service, user := jwkstest.AccessClaims(url, audience, "", "s1.access", now), jwkstest.AccessClaims(url, audience, "u1", "", now)
	for _, preset := range []struct {
		name, config string
		rulings      []ruling
	}{
		{"rfc9068", `{` + common + `}`, []ruling{
			{"access token", access, "at+jwt", "", "jo"},
			{"access token, its type in full", access, "application/at+JWT", "", "jo"},
			{"id token", jwkstest.OktaIDClaims(url, "client1", "jo", now), "JWT", jwt.TypNotAllowed, ""},
			{"id token, typed as the other", jwkstest.OktaIDClaims(url, "client1", "jo", now), "at+jwt", jwt.ClaimForbidden, ""},
			{"no type", access, "", jwt.TypNotAllowed, ""},
			{"security event", access, "secevent+jwt", jwt.TypNotAllowed, ""},
		}},
		{"cognito", `{"preset":"cognito",` + common + `}`, []ruling{
			{"access token", cognito, "", "", "u1"},
			{"another client's", jwkstest.CognitoClaims(url, "client2", "u1", now), "", jwt.AudienceMismatch, ""},
			{"id token by its use", but(cognito, claims{"token_use": "id"}), "", jwt.ClaimMismatch, ""},
			{"id token", but(cognito, claims{"token_use": "id", "client_id": nil, "aud": "client1"}), "", jwt.AudienceAbsent, ""},
		}},
		{"cloudflare-access", fmt.Sprintf(`{"preset":"cloudflare-access","jwks":{%q:%q},%s}`, url, url+jwkstest.KeysPath, common), []ruling{
			{"service token", service, "JWT", "", "service:s1.access"},
			{"user", user, "JWT", "", "user:u1"},
			{"session", but(user, claims{"type": "org"}), "JWT", jwt.ClaimMismatch, ""},
			{"nobody", jwkstest.AccessClaims(url, audience, "", "", now), "JWT", jwt.SubjectMalformed, ""},
		}},
	} {
		t.Run(preset.name, func(t *testing.T) {
			try(t, idp, rulesOf(t, oidc.Plugin(), policyOf("RS256", idp), preset.config), preset.rulings, nil)
		})
	}
}
