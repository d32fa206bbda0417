package trust

import (
	"fmt"
	"time"
)

// BundleError is why the gate did not take a bundle. It holds no key.
type BundleError struct {
	Auth   string
	Reason string // stable: one of the reasons below
	Err    error  // what is wrong, for the plugin's author and the operator
}

// Error names the auth, the reason and what is wrong.
func (e *BundleError) Error() string {
	return fmt.Sprintf("auth %q: trust bundle refused: %s: %v", e.Auth, e.Reason, e.Err)
}

// Unwrap gives Err.
func (e *BundleError) Unwrap() error { return e.Err }

// The reasons of Take.
const (
	BundleGenerationBack     = "generation_back"  // a newer process of the plugin has published
	BundleVersionBack        = "version_back"     // of the same process
	BundleVersionRepeated    = "version_repeated" // with another content
	BundleFetchedInFuture    = "fetched_in_future"
	BundleFetchedBack        = "fetched_back"
	BundleTimesOutOfOrder    = "times_out_of_order" // fetched, fresh until, usable until
	BundleExpired            = "expired"
	BundleEmpty              = "empty"
	BundleIssuerRepeated     = "issuer_repeated"
	BundleIssuerOutside      = "issuer_outside" // of the router's configuration, as the next two
	BundleAudienceOutside    = "audience_outside"
	BundleAlgOutside         = "alg_outside"
	BundleIssuerGone         = "issuer_gone"
	BundleKeysAbsent         = "keys_absent"
	BundleKeysTooMany        = "keys_too_many"
	BundleKeyBad             = "key_bad"
	BundleLifetimeTooLong    = "lifetime_too_long"
	BundleRulesBad           = "rules_bad"
	BundleRevocationsTooMany = "revocations_too_many"
	BundleRevocationBad      = "revocation_bad"
	BundleRevocationsShrink  = "revocations_shrink"
)

func refusef(reason, format string, args ...any) *BundleError {
	return &BundleError{Reason: reason, Err: fmt.Errorf(format, args...)}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// maxQuoted bounds what a plugin wrote, in an error.
const maxQuoted = 256

func clip(s string) string {
	if len(s) > maxQuoted {
		return s[:maxQuoted] + "..."
	}
	return s
}
