// Package awsiam is the provider that takes the web identity tokens that AWS STS
// issues to IAM roles and users by GetWebIdentityToken. README.md says how to
// configure it.
//
// Each issuer belongs to one account, and only roles and users of that account
// are principals. What an administrator cannot vouch for, as the tags that the
// caller asks for, gives no right; one of them may bind a token to a key, which
// takes rights away.
package awsiam

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks"
)

const version = "0.1.0"

// Plugin brings the one provider, awsiam.
func Plugin() sdk.Plugin {
	return sdk.Plugin{Name: "awsiam", Version: version, Providers: []sdk.ProviderKind{
		jwks.NewKind("awsiam", "Takes the web identity tokens of AWS STS (GetWebIdentityToken).", options),
	}}
}

type config struct {
	Accounts  map[string]string `json:"accounts" required:"true" doc:"the account, 12 digits, of each issuer"`
	Partition string            `json:"partition" default:"aws" enum:"aws,aws-cn,aws-us-gov" doc:"of all accounts"`
	OrgID     string            `json:"org_id" doc:"the organization that accounts must be in, o-..."`
	jwks.Terms
}

// maxLifetime is the longest DurationSeconds of GetWebIdentityToken: no token of
// STS lives longer, whatever the router takes.
const maxLifetime = time.Hour

// algs are the values of its SigningAlgorithm.
var algs = []string{"RS256", "ES384"}

var (
	account      = regexp.MustCompile(`^[0-9]{12}$`)
	organization = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
)

func options(policy sdk.ProviderPolicy, c config) (jwks.Options, error) {
	faults := c.faults(policy)
	var sources []jwks.Source
	for _, issuer := range policy.Issuers {
		sources = append(sources, jwks.Source{Trust: sdk.IssuerTrust{Issuer: issuer, MaxLifetime: maxLifetime, Rules: c.rules(c.Accounts[issuer])}})
	}
	if faults != nil {
		return jwks.Options{}, faults
	}
	return c.Options(policy, sources)
}

func (c *config) faults(policy sdk.ProviderPolicy) (faults sdk.Diagnostics) {
	fault := func(path, format string, args ...any) {
		faults = append(faults, sdk.Diagnostic{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	for _, a := range policy.Algs {
		if !slices.Contains(algs, a) {
			fault("", "algs: STS signs with %s: take out %.20q", strings.Join(algs, " or "), a)
		}
	}
	for _, issuer := range policy.Issuers {
		if c.Accounts[issuer] == "" {
			fault("/accounts", "lacks the account of the issuer %s", issuer)
		}
	}
	for _, issuer := range slices.Sorted(maps.Keys(c.Accounts)) {
		path := "/accounts/" + escape(issuer)
		if !slices.Contains(policy.Issuers, issuer) {
			fault(path, "is none of the issuers of this auth")
		}
		if !account.MatchString(c.Accounts[issuer]) {
			fault(path, "want the 12 digits of an account")
		}
	}
	if c.OrgID != "" && !organization.MatchString(c.OrgID) {
		fault("/org_id", "want the id of an organization, such as o-abc1234567")
	}
	return faults
}

// claims is where STS keeps what it says itself.
const claims = "/https:~1~1sts.amazonaws.com~1"

// rules hold a token to its issuer's account: in what STS says, and in the role
// or user that it names as the subject.
func (c *config) rules(account string) sdk.TokenRules {
	arn := "arn:" + c.Partition + ":iam::" + account + ":"
	r := sdk.TokenRules{
		Types: []string{"", "jwt"},
		Require: []sdk.ClaimRule{
			{Claim: claims + "/aws_account", Shape: "string", OneOf: []string{account}},
			{Claim: "/sub", Shape: "string", Prefixes: []string{arn + "role/", arn + "user/"}},
		},
		Subject:      []sdk.SubjectRule{{Claim: "/sub"}},
		Confirmation: claims + "/request_tags/headgate_jkt",
	}
	if c.OrgID != "" {
		r.Require = append(r.Require, sdk.ClaimRule{Claim: claims + "/org_id", Shape: "string", OneOf: []string{c.OrgID}})
	}
	return r
}

// escape writes one step of a JSON Pointer (RFC 6901, section 3).
func escape(step string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(step) }
