package trust

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
)

// TransportJWT is what a token proves (sdk.Proof.Transport).
const TransportJWT = "jwt"

// The waits that are asked of senders, in seconds.
const (
	retryKeyUnknown  = 1 // the provider has been asked for the key: it may be there by then
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
	a, token, refusal := s.verify(text, now)
	if refusal != nil {
		return Identity{}, refusal
	}
	bound, refusal := bind(token, c.EventKey)
	if refusal != nil {
		return Identity{}, refusal
	}
	return Identity{
		Principal: sdk.Principal{Provider: a.settings.Name, Issuer: token.Issuer, Subject: token.Subject},
		Proof:     sdk.Proof{Transport: TransportJWT},
		KeyID:     token.KeyID,
		bearer:    s.bearer(a, token, bound),
	}, nil
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
func (s *Snapshot) verify(text string, now time.Time) (*Authority, *jwt.Token, *Refusal) {
	known, token := s.recall(text)
	name := ""
	if token != nil {
		name = token.Issuer
	} else {
		var err error
		if name, err = jwt.Issuer(text); err != nil {
			return nil, nil, &Refusal{Code: CodeUnauthenticated, Reason: err.Error()}
		}
	}
	a := s.issuers[name]
	if a == nil {
		return nil, nil, s.refuseToken(nil, ReasonIssuerUnknown)
	}
	trust, reason := a.trusted(name, now)
	if reason != "" {
		refusal := s.refuseToken(a, reason)
		refusal.Code, refusal.RetryAfter = CodeTrustUnavailable, retryUnavailable
		return nil, nil, refusal
	}
	var err error
	seen := token != nil && known == trust.verifier
	if seen {
		err = known.Check(token, now)
	} else {
		token, err = trust.verifier.Verify(text, now)
	}
	if err != nil {
		refusal := s.refuseToken(a, err.Error())
		if err == jwt.KeyUnknown {
			a.hint(name, keyID(text), now)
			refusal.RetryAfter = retryKeyUnknown
		}
		return nil, nil, refusal
	}
	if reason := trust.revoked.of(token); reason != "" {
		return nil, nil, s.refuseToken(a, reason)
	}
	if !seen && s.cache != nil {
		s.cache.Put(text, trust.verifier, token)
	}
	return a, token, nil
}

// keyID reads the kid of a token whose header jwt has read strictly.
func keyID(token string) string {
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	var h struct {
		KeyID string `json:"kid"`
	}
	if err != nil || json.Unmarshal(text, &h) != nil {
		return ""
	}
	return h.KeyID
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
