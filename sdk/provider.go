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
}

// Revocation withdraws something before it expires by itself.
type Revocation struct {
	Kind    string // "kid", "jti" or "subject"
	Issuer  string
	Value   string
	Expires time.Time // when it need not be remembered any more
}
