package core_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk"
)

// tokensToExplain has grants of one auth for two sources, and a route that wants
// signed events.
const tokensToExplain = `
[[ingress]]
name = "edge"
listen = "http://127.0.0.1:0"
[[auth]]
name = "okta"
plugin = "okta"
issuers = ["https://id.example/oauth2/default"]
audiences = ["api://headgate"]
algs = ["RS256"]
[[grants]]
auth = "okta"
match = { client = ["shop"] }
sources = ["//shop.example/**"]
types = ["com.example.**"]
scopes = ["orders:write", "orders:read"]
[[grants]]
auth = "okta"
match = { when = "token.level > 3" }
sources = ["//bank.example/**"]
types = ["com.example.**"]
[[channels]]
name = "commands"
class = "command"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
require = { scopes = ["orders:write"] }
channels = ["commands"]
[[routes]]
name = "other"
type = ["com.example.other.*"]
channels = ["commands"]
[[routes]]
name = "signed"
type = ["com.example.other.signed"]
require = { event_signature = true }
channels = ["commands"]
`

// oktaLike is how the tokens are read.
func oktaLike(*config.Auth) ([]sdk.IssuerTrust, error) {
	return []sdk.IssuerTrust{{Issuer: "https://id.example/oauth2/default", MaxLifetime: time.Hour, Rules: sdk.TokenRules{
		Require: []sdk.ClaimRule{{Claim: "/cid"}}, Subject: []sdk.SubjectRule{{Claim: "/cid", Prefix: "client:"}}, Client: "/cid", Scopes: "/scp"}}}, nil
}

func tokenToExplain(changes map[string]any) string {
	claims := map[string]any{"iss": "https://id.example/oauth2/default", "aud": "api://headgate", "cid": "shop", "scp": []string{"orders:write"},
		"iat": time.Now().Unix(), "exp": time.Now().Add(10 * time.Minute).Unix()}
	maps.Copy(claims, changes)
	var parts []string
	for _, part := range []any{map[string]string{"alg": "RS256", "kid": "k"}, claims} {
		text, err := json.Marshal(part)
		if err != nil {
			panic(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	return strings.Join(append(parts, "nobodys"), ".")
}

func explainedToken(t *testing.T, body string, ask core.Asking) (*core.Explanation, error) {
	t.Helper()
	cfg, err := config.Parse([]byte(tokensToExplain), "headgate.toml", ".", config.Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	return core.Explain(t.Context(), cfg, []byte(body), ask)
}

// A grant gets what a router answers, the event's signature included.
func TestExplainGrants(t *testing.T) {
	const shop, bank = "//shop.example/till", "//bank.example/desk"
	for _, c := range []struct {
		name, body, verdict string
		grants              []string
	}{
		{"covered by one", eventOf(shop, "com.example.order.created", "1"), "", []string{"", "forbidden source_not_granted"}},
		{"without its scope", eventOf(bank, "com.example.order.created", "1"), "forbidden source_not_granted", []string{"forbidden source_not_granted", "forbidden scope_missing"}},
		{"unsigned", eventOf(shop, "com.example.other.signed", "1"), "forbidden event_signature_missing", []string{"forbidden event_signature_missing", "forbidden source_not_granted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := explainedToken(t, c.body, core.Asking{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, g := range x.Grants {
				got = append(got, said(g.Refusal))
				if g.Covers != (g.Refusal == nil) {
					t.Errorf("%s: covers is %v", g.Grant, g.Covers)
				}
			}
			if !slices.Equal(got, c.grants) || said(x.Refusal) != c.verdict {
				t.Errorf("got %q and %q, want %q and %q", got, said(x.Refusal), c.grants, c.verdict)
			}
		})
	}
}

func TestExplainToken(t *testing.T) {
	order := eventOf("//shop.example/till", "com.example.order.created", "1")
	for _, c := range []struct {
		name    string
		changes map[string]any
		verdict string
		fits    []string
	}{
		{"fits one", nil, "", []string{"grants[0]"}},
		{"fits both", map[string]any{"level": 4}, "", []string{"grants[0]", "grants[1]"}},
		{"fits none", map[string]any{"cid": "bank"}, "forbidden no_grant", nil},
		{"fits the other", map[string]any{"cid": "bank", "level": 4}, "forbidden source_not_granted", []string{"grants[1]"}},
		{"has not the scope", map[string]any{"scp": []string{"orders:read"}}, "forbidden scope_missing", []string{"grants[0]"}},
		{"of another issuer", map[string]any{"iss": "https://evil.example"}, "unauthenticated issuer_unknown", nil},
		{"late", map[string]any{"iat": 1700000000, "exp": 1700000600}, "unauthenticated expired", nil},
		{"for somebody else", map[string]any{"aud": "api://x"}, "unauthenticated audience_mismatch", nil},
		{"bound to a key", map[string]any{"cnf": map[string]string{"jkt": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"}}, "unauthenticated event_signature_absent", []string{"grants[0]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := explainedToken(t, order, core.Asking{Token: tokenToExplain(c.changes), Trust: oktaLike})
			if err != nil {
				t.Fatal(err)
			}
			if got := said(x.Refusal); got != c.verdict || !slices.Equal(x.Token.Fits, c.fits) {
				t.Errorf("%q, fits %v; want %q, %v", got, x.Token.Fits, c.verdict, c.fits)
			}
			if len(x.Keys) > 0 || len(x.Grants) != len(c.fits) {
				t.Errorf("it asks about %d keys and %d grants", len(x.Keys), len(x.Grants))
			}
		})
	}
	x, err := explainedToken(t, order, core.Asking{Token: "abc"})
	if err != nil || said(x.Refusal) != "unauthenticated token_malformed" {
		t.Errorf("no token: %v, %v", x, err)
	}
	unknown := errors.New("only a router knows")
	if _, err := explainedToken(t, order, core.Asking{Token: tokenToExplain(nil), Trust: func(*config.Auth) ([]sdk.IssuerTrust, error) { return nil, unknown }}); !errors.Is(err, unknown) {
		t.Errorf("got %v", err)
	}
}
