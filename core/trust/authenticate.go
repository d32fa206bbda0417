package trust

import "time"

// Authenticate proves who sent c at now. The kind of check follows from which
// headers are there, and is the only one made. The error is a [*Refusal].
//
// An unknown key id, a key that does not verify now and a wrong signature get
// the same answer at the same cost of one MAC, as far as the key is an HMAC
// key. Only who holds a pending key, or shows a token by a key that its issuer
// may just have begun to use, is told to come back.
//
// An identity whose token is bound to a key is only half proven: see
// [Identity.Bound].
func (s *Snapshot) Authenticate(c Credential, now time.Time) (Identity, error) {
	switch {
	case len(c.Authorization) > 1:
		return Identity{}, &Refusal{Code: CodeAmbiguousCredential, Reason: ReasonAuthorizationRepeated}
	case len(c.KeyID) > 1:
		return Identity{}, &Refusal{Code: CodeAmbiguousCredential, Reason: ReasonKeyIDRepeated}
	case len(c.EventKey) > 1:
		return Identity{}, &Refusal{Code: CodeAmbiguousCredential, Reason: ReasonEventKeyRepeated}
	}
	bearer := len(c.Authorization) > 0
	signed := len(c.KeyID)+len(c.WebhookID)+len(c.Timestamp)+len(c.Signature) > 0
	switch {
	case bearer && signed:
		return Identity{}, &Refusal{Code: CodeAmbiguousCredential, Reason: ReasonSeveralCredentials}
	case bearer:
		return s.authenticateBearer(c, now)
	case signed && len(c.EventKey) > 0:
		return Identity{}, &Refusal{Code: CodeAmbiguousCredential, Reason: ReasonEventKeyUnbound}
	case signed:
		id, refusal := s.authenticateWebhook(c, now)
		if refusal != nil {
			if len(c.KeyID) > 0 {
				refusal.Unverified = []Unverified{claimedKeyID(c.KeyID[0])}
			}
			return Identity{}, refusal
		}
		return id, nil
	}
	return Identity{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonCredentialAbsent}
}
