package sdk

import (
	"context"
	"encoding/json"
	"time"
)

// ProviderPolicy is what the router's own configuration says of an [[auth]]. A
// provider cannot widen it: what lies outside is refused.
type ProviderPolicy struct {
	Issuers   []string
	Audiences []string
	Algs      []string
	UsableFor time.Duration // longest time that keys serve after they were fetched; whole seconds
}

// Provider gives the router what tokens are checked with. It is in no request's
// way: the router verifies alone, by the newest TrustBundle it took.
type Provider interface {
	// Watch publishes bundles until ctx ends, the first as soon as it can.
	// publish blocks until the router has taken the bundle, or returns why it
	// refused it: the last good one goes on, and Watch goes on too. Watch itself
	// errs only when it can never publish again.
	Watch(ctx context.Context, publish func(context.Context, TrustBundle) error) error
}

// Hinter is a Provider that wants to hear of key ids nobody knows, so as to look
// for them. The router calls it seldom and waits for nothing.
type Hinter interface {
	Hint(ctx context.Context, issuer, kid string)
}

// TrustBundle is a snapshot: it replaces the one before as a whole.
type TrustBundle struct {
	Version     uint64 // never lower than the one before of the same process
	FetchedAt   time.Time
	FreshUntil  time.Time // older, the router warns
	UsableUntil time.Time // older, the router refuses tokens of these issuers
	Issuers     []IssuerTrust
	Revoked     []Revocation
}

// IssuerTrust is how the tokens of one issuer are checked.
type IssuerTrust struct {
	Issuer      string
	Audiences   []string
	Algs        []string
	Keys        []json.RawMessage // public JSON Web Keys (RFC 7517)
	Leeway      time.Duration     // for exp, nbf and iat
	MaxLifetime time.Duration     // of a token, exp - iat
	Rules       TokenRules

	// FetchedAt, FreshUntil and UsableUntil are the issuer's own, where it is older
	// than the bundle: nobody but it is cut off when it does not answer. Zero for
	// the bundle's; later than these they do not count.
	FetchedAt   time.Time
	FreshUntil  time.Time
	UsableUntil time.Time
}

// TokenRules say which of an issuer's tokens are access tokens at all, and what
// in them the router goes by. A claim is named by a JSON Pointer (RFC 6901) into
// the token's payload; an empty name is none.
type TokenRules struct {
	// Types are the values of the header's typ that are taken, in lower case
	// and without "application/" (RFC 7515, section 4.1.9); "" is that of a token
	// without one. No types at all stand for "", "jwt" and "at+jwt" (RFC 9068).
	Types    []string
	Audience string      // the claim that one of the audiences has to be in; empty for /aud
	Require  []ClaimRule // all of them hold
	Forbid   []string    // claims none of which is there
	// Subject gives the principal's subject: the first of these whose claim the
	// token has. No rules at all stand for /sub as it is.
	Subject []SubjectRule
	Client  string // the claim with the client's id, for grants
	Groups  string // the claim with the subject's groups, an array of strings, for grants
	Scopes  string // the claim with the token's scopes: an array of strings, or words (RFC 8693, section 4.2)
	// Confirmation is a claim that binds a token to a key by its RFC 7638
	// thumbprint, besides /cnf/jkt (RFC 9449, section 6.1), which always does.
	Confirmation string
}

// ClaimRule is what a token has to say. The claim is there, and all that is not
// empty holds.
type ClaimRule struct {
	Claim    string
	Shape    string   // "string", "integer", or "array" for an array of strings
	OneOf    []string // it is one of these strings
	Prefixes []string // it is a string that begins with one of these
	Differs  string   // another claim with which it is not equal
}

// SubjectRule makes a principal's subject of a claim that is a string.
type SubjectRule struct {
	Claim  string
	Prefix string // goes before it, so that subjects of different claims stay apart
}

// Revocation withdraws something before it expires by itself.
type Revocation struct {
	Kind    string // "kid", "jti" or "subject": a principal's subject
	Issuer  string
	Value   string
	Before  time.Time // only tokens that were issued before; zero for all
	Expires time.Time // when it need not be remembered any more
}
