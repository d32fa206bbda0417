package trust

import "github.com/headgate-io/headgate/core/signature/jwt"

// Rules are what a [Snapshot] is made of.
type Rules struct {
	Auths       []Auth       // of keys
	Authorities []*Authority // of tokens; several snapshots may share them
	Grants      []Grant
	EventKeys   []EventKey

	Cache         *jwt.Cache // of tokens that verified, for any number of snapshots; nil for none
	Uses          *Uses      // when keys were used, for any number of snapshots; nil for the snapshot's own
	ConditionCost uint64     // of one condition for one token, in CEL's units; 0 for DefaultConditionCost
}

// Auth is one provider of keys.
type Auth struct {
	Name string
	Kind string // KindHMAC or KindEd25519
	Keys []Key
}

// The kinds of an Auth, and what they prove (sdk.Proof.Transport).
const (
	KindHMAC    = "hmac"
	KindEd25519 = "ed25519"
)
