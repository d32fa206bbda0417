package oidc

import "github.com/headgate-io/headgate/sdk"

// preset is what is known of some issuers' tokens.
type preset struct {
	rules    sdk.TokenRules
	keysPath string // of the key set below the issuer; empty for discovery
}

// idMarks are claims that only ID tokens have (OpenID Connect Core 1.0, sections
// 2, 3.1.3.6 and 3.3.2.11).
var idMarks = []string{"/nonce", "/at_hash", "/c_hash"}

var presets = map[string]preset{
	// RFC 9068, section 2.
	"rfc9068": {rules: sdk.TokenRules{
		Types:   []string{"at+jwt"},
		Forbid:  idMarks,
		Subject: []sdk.SubjectRule{{Claim: "/sub"}},
		Client:  "/client_id",
		Groups:  "/groups",
		Scopes:  "/scope",
	}},
	// Access tokens of a user pool have no aud but the client's id, and differ
	// from ID tokens by token_use.
	"cognito": {rules: sdk.TokenRules{
		Types:    []string{"", "jwt"},
		Audience: "/client_id",
		Require:  []sdk.ClaimRule{{Claim: "/token_use", OneOf: []string{"access"}}},
		Forbid:   idMarks,
		Subject:  []sdk.SubjectRule{{Claim: "/sub"}},
		Client:   "/client_id",
		Groups:   "/cognito:groups",
		Scopes:   "/scope",
	}},
	// Application tokens, not those of the whole session. That of a service token
	// has the service's client id as common_name, and an empty sub.
	"cloudflare-access": {keysPath: "/cdn-cgi/access/certs", rules: sdk.TokenRules{
		Types:   []string{"", "jwt"},
		Require: []sdk.ClaimRule{{Claim: "/type", OneOf: []string{"app"}}},
		Forbid:  idMarks,
		Subject: []sdk.SubjectRule{{Claim: "/common_name", Prefix: "service:"}, {Claim: "/sub", Prefix: "user:"}},
		Client:  "/common_name",
	}},
}
