package trust

import (
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
)

// ProofDSSE is what a verified event signature proves (sdk.Proof.Event).
const ProofDSSE = "dsse"

// VerifyEvent checks the signature that an event itself bears, and gives the
// event to go on with and what is proven of it. The error is a [*Refusal].
//
// A signature that is there and does not verify refuses the event, also where
// none is asked for. The key is the one that the sender's token is bound to, and
// then there has to be a signature (unauthenticated); else one of those registered
// for the event's source (forbidden). Registered keys are many: no signature is
// checked by them for a sender that may not send the event.
//
// What the signature does not cover is not part of the event that is given back:
// every other extension is gone, traceparent and tracestate too unless they are
// signed. An event without a signature is given back as it is.
func (s *Snapshot) VerifyEvent(id Identity, e sdk.Event) (sdk.Event, sdk.Proof, error) {
	_, signed := e.Extension(dsse.Attribute)
	var keys []dsse.Key
	code := CodeForbidden
	switch {
	case id.Bound() && !signed:
		return sdk.Event{}, sdk.Proof{}, &Refusal{Code: CodeUnauthenticated, Reason: ReasonEventSignatureAbsent}
	case id.Bound():
		keys, code = []dsse.Key{*id.bearer.bound}, CodeUnauthenticated
	case !signed:
		return e, id.Proof, nil
	default:
		if keys = s.eventKeysFor(e.Source); len(keys) == 0 {
			return sdk.Event{}, sdk.Proof{}, &Refusal{Code: CodeForbidden, Reason: ReasonEventKeyUnregistered, Unverified: claimedKey(&e)}
		}
		h, refusal := s.holder(id)
		if refusal != nil {
			return sdk.Event{}, sdk.Proof{}, refusal
		}
		if able, reason := h.covering(&e); len(able) == 0 {
			return sdk.Event{}, sdk.Proof{}, &Refusal{Code: CodeForbidden, Reason: reason, Verdicts: id.faults()}
		}
	}
	verified, err := dsse.Verify(&e, keys)
	if err != nil {
		return sdk.Event{}, sdk.Proof{}, &Refusal{Code: code, Reason: err.Error(), Unverified: claimedKey(&e)}
	}
	only, err := verified.Only(&e)
	if err != nil {
		return sdk.Event{}, sdk.Proof{}, &Refusal{Code: CodeMalformed, Reason: ReasonEventUnreadable}
	}
	proof := id.Proof
	proof.Event = ProofDSSE
	return only, proof, nil
}

// claimedKey tells which key an event says it is signed with: the first.
func claimedKey(e *sdk.Event) []Unverified {
	ids := dsse.KeyIDs(e)
	if len(ids) == 0 {
		return nil
	}
	return []Unverified{unverified("keyid", ids[0])}
}
