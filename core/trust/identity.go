package trust

import (
	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
)

// Identity is who sent a request, proven. The zero value may send nothing.
type Identity struct {
	Principal sdk.Principal
	Proof     sdk.Proof
	KeyID     string // as registered, or the kid that a token is signed by
	WebhookID string // empty for a token

	bearer *bearer // nil for a key
}

// bearer is what a token's identity rests on.
type bearer struct {
	token    *jwt.Token
	bound    *dsse.Key // the key that the token is bound to; nil for a token bound to none
	snapshot *Snapshot // whose grants these are
	rights   []*rights // of the grants that fit the token
	faults   []Verdict // of grants whose condition has no answer for it
}

// Bound tells that the identity is worth nothing without an event signature
// ([Snapshot.VerifyEvent]): its token is bound to a key (RFC 7800), and a request
// that carries no event cannot show that its sender holds that key.
func (id Identity) Bound() bool { return id.bearer != nil && id.bearer.bound != nil }

// faults are what the conditions of its grants had no answer to.
func (id Identity) faults() []Verdict {
	if id.bearer == nil {
		return nil
	}
	return id.bearer.faults
}
