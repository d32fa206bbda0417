package trust

import (
	"time"

	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/sdk"
)

// MaxDefaultKeyIDs is how many default keys of an ingress are tried: each of
// them costs a check for a request that names none.
const MaxDefaultKeyIDs = 4

// Credential is what a sender showed, exactly as the door received it: one
// element for each time a header occurred, nil for never.
type Credential struct {
	KeyID         []string // headgate-key-id
	WebhookID     []string // webhook-id
	Timestamp     []string // webhook-timestamp
	Signature     []string // webhook-signature
	Authorization []string // authorization
	EventKey      []string // headgate-event-key

	// Signed has the bytes that a webhook signature covers: the body as
	// received, or webhook.GetBody of the target for a GET.
	Signed []byte

	// DefaultKeyIDs are the ingress's, tried in order when KeyID is absent. Only
	// the first MaxDefaultKeyIDs count.
	DefaultKeyIDs []string
}

// Identity is who sent a request, proven. The zero value may send nothing.
type Identity struct {
	Principal sdk.Principal
	Proof     sdk.Proof
	KeyID     string // as registered
	WebhookID string
}

// Authenticate proves who sent c at now. The kind of check follows from which
// headers are there, and is the only one made. The error is a [*Refusal].
//
// An unknown key id, a key that does not verify now and a wrong signature get
// the same answer at the same cost of one MAC, as far as the key is an HMAC
// key. Only who holds a pending key is told to come back.
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
		return Identity{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonNoTokenProvider}
	case signed && len(c.EventKey) > 0:
		return Identity{}, &Refusal{Code: CodeAmbiguousCredential, Reason: ReasonEventKeyUnbound}
	case signed:
		return s.authenticateWebhook(c, now)
	}
	return Identity{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonCredentialAbsent}
}

func (s *Snapshot) authenticateWebhook(c Credential, now time.Time) (Identity, error) {
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
