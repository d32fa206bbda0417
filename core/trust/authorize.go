package trust

import (
	"slices"

	"github.com/headgate-io/headgate/sdk"
)

// Requirement is what one route asks of a sender.
type Requirement struct {
	Auth           []string // any of these providers; empty for any
	Scopes         []string // all of them, in one grant
	EventSignature bool     // the event itself is signed, and the signature verified
}

// CheckEventID asks that the one event of a request that is signed as a whole
// has the request's webhook-id for its id (bad_id). The events of a batch have
// ids of their own, and a token speaks for none.
func (s *Snapshot) CheckEventID(id Identity, e *sdk.Event) error {
	if id.bearer == nil && (id.WebhookID == "" || id.WebhookID != e.ID) {
		return &Refusal{Code: CodeBadID, Reason: ReasonEventIDMismatch}
	}
	return nil
}

// Authorize asks that id may send e, by its source and its type, and that it
// meets every requirement: one miss refuses the event (forbidden). The event and
// proof are what [Snapshot.VerifyEvent] gave. The rights are those of this
// snapshot, so an identity of an earlier one counts for what its key or its
// token is worth now (unauthenticated if nothing).
func (s *Snapshot) Authorize(id Identity, proof sdk.Proof, e *sdk.Event, reqs []Requirement) error {
	h, refusal := s.holder(id)
	if refusal != nil {
		return refusal
	}
	if id.Bound() && proof.Event != ProofDSSE {
		return &Refusal{Code: CodeUnauthenticated, Reason: ReasonEventSignatureAbsent}
	}
	able, reason := h.covering(e)
	if len(able) == 0 {
		return &Refusal{Code: CodeForbidden, Reason: reason, Verdicts: id.faults()}
	}
	for _, r := range reqs {
		switch {
		case len(r.Auth) > 0 && !slices.Contains(r.Auth, id.Principal.Provider):
			return refuseProvider(id.Principal.Provider, r.Auth)
		case len(r.Scopes) > 0 && !h.meets(able, r.Scopes):
			return &Refusal{Code: CodeForbidden, Reason: ReasonScopeMissing, Verdicts: id.faults()}
		case r.EventSignature && proof.Event != ProofDSSE:
			return &Refusal{Code: CodeForbidden, Reason: ReasonEventSignatureMissing}
		}
	}
	return nil
}

// holder gives the rights that id has in this snapshot.
func (s *Snapshot) holder(id Identity) (holder, *Refusal) {
	if id.bearer != nil {
		return s.tokenHolder(id)
	}
	k := s.keys[id.KeyID]
	switch {
	case k == nil || k.principal != id.Principal:
		return holder{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyUnknown}
	case k.state == StateRevoked:
		return holder{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyRevoked}
	case k.state == StatePending:
		return holder{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyPending}
	}
	return holder{rights: []*rights{k.rights}}, nil
}

// tokenHolder finds the grants anew for an identity of another snapshot.
func (s *Snapshot) tokenHolder(id Identity) (holder, *Refusal) {
	b := id.bearer
	a := s.issuers[b.token.Issuer]
	if a == nil || a.settings.Name != id.Principal.Provider {
		return holder{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonIssuerUnknown}
	}
	if b.snapshot != s {
		b = s.bearer(a, b.token, b.bound)
	}
	return holder{rights: b.rights, token: b.token}, nil
}

// refuseProvider says which provider was shown and which are asked for.
func refuseProvider(shown string, wanted []string) *Refusal {
	r := &Refusal{Code: CodeForbidden, Reason: ReasonProviderNotAllowed, Verdicts: []Verdict{{shown, ReasonProviderNotAllowed}}}
	for _, name := range wanted {
		r.Verdicts = addVerdict(r.Verdicts, Verdict{name, ReasonCredentialAbsent})
	}
	return r
}
