package trust

import (
	"fmt"
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
)

// MaxRevocations bounds those of one bundle, in memory and in what comparing two
// bundles costs. Whoever has more to withdraw withdraws keys or subjects.
const MaxRevocations = 100_000

// The kinds of a sdk.Revocation.
const (
	revokeKey     = "kid"
	revokeToken   = "jti"
	revokeSubject = "subject"
)

// withdrawn names what is revoked.
type withdrawn struct{ kind, issuer, value string }

// term is how far a revocation reaches.
type term struct {
	before  time.Time // tokens issued before; zero for all
	expires time.Time // it may not be forgotten before
}

// revocations are those in force. They are in force for as long as a bundle has
// them, expired or not.
type revocations map[withdrawn]term

// newRevocations reads a bundle's. Where two name the same, both count.
func newRevocations(list []sdk.Revocation, issuers []string) (revocations, error) {
	out := make(revocations, len(list))
	for i, r := range list {
		switch {
		case r.Kind != revokeKey && r.Kind != revokeToken && r.Kind != revokeSubject:
			return nil, fmt.Errorf("revocation %d: kind is none of %s, %s, %s", i, revokeKey, revokeToken, revokeSubject)
		case !slices.Contains(issuers, r.Issuer):
			return nil, fmt.Errorf("revocation %d: issuer %q is not one of this auth's", i, clip(r.Issuer))
		case r.Value == "":
			return nil, fmt.Errorf("revocation %d: value is empty", i)
		case r.Expires.Unix() <= 0: // a zero that some clock has made a time of
			return nil, fmt.Errorf("revocation %d: expires is not set: say until when it has to be remembered", i)
		}
		id, t := withdrawn{r.Kind, r.Issuer, r.Value}, term{r.Before, r.Expires}
		if other, twice := out[id]; twice {
			t = t.with(other)
		}
		out[id] = t
	}
	return out, nil
}

// with reaches as far as both.
func (t term) with(other term) term {
	if t.before.IsZero() || other.before.IsZero() {
		t.before = time.Time{}
	} else if other.before.After(t.before) {
		t.before = other.before
	}
	if other.expires.After(t.expires) {
		t.expires = other.expires
	}
	return t
}

// reaches tells that t revokes all that other does, for as long.
func (t term) reaches(other term) bool {
	all := t.before.IsZero() || !other.before.IsZero() && !t.before.Before(other.before)
	return all && !t.expires.Before(other.expires)
}

// lost counts what of old has not expired at now and is gone, or reaches less far.
func (r revocations) lost(old revocations, now time.Time) int {
	n := 0
	for id, was := range old {
		is, there := r[id]
		if was.expires.After(now) && !(there && is.reaches(was)) {
			n++
		}
	}
	return n
}

// of gives the reason to refuse a token that has verified, or none.
func (r revocations) of(t *jwt.Token) string {
	if len(r) == 0 {
		return ""
	}
	for _, x := range [...]struct{ kind, value, reason string }{
		{revokeKey, t.KeyID, ReasonKeyRevoked},
		{revokeToken, t.ID, ReasonTokenRevoked},
		{revokeSubject, t.Subject, ReasonSubjectRevoked},
	} {
		if until, there := r[withdrawn{x.kind, t.Issuer, x.value}]; there && (until.before.IsZero() || t.IssuedAt.Before(until.before)) {
			return x.reason
		}
	}
	return ""
}
