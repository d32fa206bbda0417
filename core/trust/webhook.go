package trust

import (
	"time"

	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/sdk"
)

// authenticateWebhook proves who holds a registered key, by the signature over
// the request's bytes.
func (s *Snapshot) authenticateWebhook(c Credential, now time.Time) (Identity, *Refusal) {
	w, err := signature.ParseWebhook(signature.Headers{ID: c.WebhookID, Timestamp: c.Timestamp, Signature: c.Signature}, now)
	if err != nil {
		return Identity{}, refuseHeaders(err)
	}
	ids := c.DefaultKeyIDs[:min(len(c.DefaultKeyIDs), MaxDefaultKeyIDs)]
	if len(c.KeyID) > 0 {
		ids = c.KeyID
	}
	if len(ids) == 0 {
		return Identity{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyIDAbsent}
	}
	var refusal *Refusal
	for _, id := range ids {
		k, refused := s.try(id, w, c.Signed)
		if refused == nil {
			k.use.at(now)
			return Identity{
				Principal: k.principal,
				Proof:     sdk.Proof{Transport: k.kind},
				KeyID:     k.id,
				WebhookID: w.ID,
			}, nil
		}
		// Of several keys, the first that the signature was meant for tells most.
		if refusal == nil || refusal.Reason == string(signature.SignatureAbsent) {
			refusal = refused
		}
	}
	return Identity{}, refusal
}

// retryPending is how soon a holder of a pending key may try once more.
const retryPending = 1

// try checks w against the key of that id, whatever its state, so that the time
// taken tells as little as the answer.
func (s *Snapshot) try(id string, w signature.Webhook, signed []byte) (*key, *Refusal) {
	k, check := s.keys[id], s.dummy
	if k != nil && k.check != nil {
		check = k.check
	}
	err := w.Verify(check, signed)
	switch {
	case k == nil:
		return nil, &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyUnknown}
	case k.state == StateRevoked:
		return nil, &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyRevoked}
	case k.state == StatePending && err == nil:
		return nil, &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyPending, RetryAfter: retryPending}
	case k.state == StatePending:
		return nil, &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyPending}
	case err != nil:
		return nil, &Refusal{Code: CodeUnauthenticated, Reason: err.Error()}
	}
	return k, nil
}

func refuseHeaders(err error) *Refusal {
	r := &Refusal{Code: CodeUnauthenticated, Reason: err.Error()}
	switch err {
	case signature.WebhookIDRepeated, signature.TimestampRepeated, signature.SignatureRepeated:
		r.Code = CodeAmbiguousCredential
	case signature.WebhookIDMalformed:
		r.Code = CodeBadID
	case signature.TimestampMalformed:
		r.Code = CodeMalformed
	}
	return r
}
