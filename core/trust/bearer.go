package trust

import (
	"strings"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
)

// TransportJWT is what a token proves (sdk.Proof.Transport).
const TransportJWT = "jwt"

// The waits that are asked of senders, in seconds.
const (
	retryKeyUnknown  = 1 // after the provider was asked for the key: it may be there by then
	retryUnavailable = 5 // until a provider answers again
)

// authenticateBearer proves whose the token of an Authorization header is.
func (s *Snapshot) authenticateBearer(c Credential, now time.Time) (Identity, error) {
	if len(s.issuers) == 0 {
		return Identity{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonNoTokenProvider}
	}
	text, ok := cutScheme(c.Authorization[0])
	if !ok {
		return Identity{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonSchemeUnknown}
	}
	v, refusal := s.verify(text, now)
	if refusal != nil {
		return Identity{}, refusal
	}
	token := v.token
	bound, refusal := bind(token, c.EventKey)
	if refusal != nil {
		return Identity{}, refusal
	}
	id := Identity{
		Principal: sdk.Principal{Provider: v.authority.settings.Name, Issuer: token.Issuer, Subject: token.Subject},
		Proof:     sdk.Proof{Transport: TransportJWT},
		KeyID:     token.KeyID,
		bearer:    s.bearer(v.authority, token, bound),
	}
	// Who may send nothing gets no room among those who may.
	if !v.recalled && s.cache != nil && len(id.bearer.rights) > 0 {
		s.cache.Put(text, v.by, token)
	}
	return id, nil
}

// verified is a token that is good now.
type verified struct {
	authority *Authority
	token     *jwt.Token
	by        *jwt.Verifier
	recalled  bool // it was verified before
}

// cutScheme gives the token of "Bearer TOKEN" (RFC 6750, section 2.1): the
// scheme in any case (RFC 9110, section 11.1), one space, and the token alone.
func cutScheme(header string) (token string, ok bool) {
	scheme, token, found := strings.Cut(header, " ")
	return token, found && strings.EqualFold(scheme, "bearer") && token != "" && !strings.Contains(token, " ")
}

// verify finds the authority for the token's issuer, by what the token says of
// itself, and has the token verified by the keys of that issuer and no others.
// An issuer that nobody has costs a look-up: nothing is ever fetched for it.
//
// A token that was seen before is not read again for as long as its Verifier is
// the one at work; what passes with time is checked each time.
func (s *Snapshot) verify(text string, now time.Time) (verified, *Refusal) {
	known, token := s.recall(text)
	var read *jwt.Unproven
	var issuer string
	if token != nil {
		issuer = token.Issuer
	} else {
		var err error
		if read, err = jwt.Read(text); err != nil {
			return verified{}, &Refusal{Code: CodeUnauthenticated, Reason: err.Error()}
		}
		issuer = read.Issuer()
	}
	a := s.issuers[issuer]
	if a == nil {
		refusal := s.refuseToken(nil, ReasonIssuerUnknown)
		refusal.Unverified = claimed(nil, issuer, "", nil, nil)
		return verified{}, refusal
	}
	trust, reason := a.trusted(issuer, now)
	if reason != "" {
		refusal := s.refuseToken(a, reason)
		refusal.Code, refusal.RetryAfter = CodeTrustUnavailable, retryUnavailable
		return verified{}, refusal
	}
	var err error
	seen := token != nil && known == trust.verifier
	if seen {
		err = known.Check(token, now)
	} else {
		if read == nil { // it was seen, but not by the Verifier at work
			read, err = jwt.Read(text)
		}
		if err == nil {
			token, err = trust.verifier.Verify(read, now)
		}
	}
	if err != nil {
		refusal := s.refuseToken(a, err.Error())
		if read != nil {
			refusal.Unverified = claimed(trust.verifier, issuer, read.KeyID(), read.Claims(), err)
		} else {
			refusal.Unverified = claimed(trust.verifier, issuer, token.KeyID, token.Claims, err)
		}
		if err == jwt.KeyUnknown {
			refusal.RetryAfter = a.hint(issuer, read.KeyID(), now)
		}
		return verified{}, refusal
	}
	if reason := trust.revoked.of(token); reason != "" {
		return verified{}, s.refuseToken(a, reason)
	}
	return verified{authority: a, token: token, by: trust.verifier, recalled: seen}, nil
}

func (s *Snapshot) recall(text string) (*jwt.Verifier, *jwt.Token) {
	if s.cache == nil {
		return nil, nil
	}
	return s.cache.Get(text)
}

// refuseToken says for each authority why it does not take the token: a for that
// reason, the others because its issuer is not theirs.
func (s *Snapshot) refuseToken(a *Authority, reason string) *Refusal {
	r := &Refusal{Code: CodeUnauthenticated, Reason: reason}
	for _, other := range s.authorities {
		v := Verdict{Provider: other.settings.Name, Reason: ReasonIssuerOther}
		if other == a {
			v.Reason = reason
		}
		r.Verdicts = addVerdict(r.Verdicts, v)
	}
	return r
}
