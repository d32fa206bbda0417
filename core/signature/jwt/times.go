package jwt

import (
	"encoding/json"
	"strconv"
	"time"
)

// maxExactInteger is the largest integer that every reader of JSON reads alike
// (RFC 7493, section 2.2).
const maxExactInteger = 1<<53 - 1

// readTimes reads exp, iat and nbf (RFC 7519, section 4.1) and holds the
// lifetime to its bound. RFC 7519 lets dates have fractions; these are refused,
// as is an exponent: no issuer writes them, and readers round them differently.
func (v *Verifier) readTimes(t *Token) error {
	expires, there, ok := date(t.Claims, "exp")
	switch {
	case !there:
		return ExpiryAbsent
	case !ok:
		return TimeMalformed
	}
	issuedAt, there, ok := date(t.Claims, "iat")
	switch {
	case !there:
		return IssuedAtAbsent
	case !ok:
		return TimeMalformed
	}
	notBefore, there, ok := date(t.Claims, "nbf")
	if there && !ok {
		return TimeMalformed
	}
	if expires.Sub(issuedAt) > v.maxLifetime { // Sub stays at its bounds
		return LifetimeTooLong
	}
	t.Expires, t.IssuedAt, t.notBefore = expires, issuedAt, notBefore
	return nil
}

func date(claims map[string]any, name string) (at time.Time, there, ok bool) {
	value, there := claims[name]
	if !there {
		return time.Time{}, false, false
	}
	seconds, ok := integer(value)
	if !ok || seconds < 0 {
		return time.Time{}, true, false
	}
	return time.Unix(seconds, 0).UTC(), true, true
}

// integer reads a number without fraction and exponent of at most
// [maxExactInteger] either way.
func integer(value any) (int64, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	return n, err == nil && -maxExactInteger <= n && n <= maxExactInteger
}

// Check holds a token to the clock, which is all that changes about one that
// this Verifier took once. The error is a [Reason].
func (v *Verifier) Check(t *Token, now time.Time) error {
	switch {
	case !now.Before(t.Expires.Add(v.leeway)):
		return Expired
	case now.Before(t.IssuedAt.Add(-v.leeway)):
		return IssuedInFuture
	case !t.notBefore.IsZero() && now.Before(t.notBefore.Add(-v.leeway)):
		return NotYetValid
	}
	return nil
}
