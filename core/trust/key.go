package trust

import (
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// Key is one registered key with what its holder may send.
type Key struct {
	ID        string // unique in the whole snapshot, see ValidKeyID
	Principal string // who holds it; several keys may share one
	State     string
	Material  []byte   // hmac: the secret; ed25519: the public key. A revoked key needs none
	Sources   []string // globs over "/"; none for none
	Types     []string // globs over "."; none for none
	Scopes    []string
}

// The states of a key. A revoked one stays listed, so that its id stays taken.
const (
	StatePending  = "pending"  // known, not yet taken
	StateActive   = "active"   // taken
	StateRetiring = "retiring" // taken, to be revoked
	StateRevoked  = "revoked"  // never taken again
)

// KeyFact is what may be told about a key.
type KeyFact struct {
	ID        string `json:"id"`
	Auth      string `json:"auth"`
	Kind      string `json:"kind"`
	Principal string `json:"principal"`
	State     string `json:"state"`

	LastUsed time.Time `json:"last_used,omitzero"` // by a sender that was authenticated; to the second
}

// key is a Key ready for use.
type key struct {
	id        string
	kind      string
	principal sdk.Principal
	state     string
	check     *signature.Key // nil for a revoked key without material
	rights    *rights
	use       *use
}

// maxKeyID bounds an id in bytes; it travels in a header of every request.
const maxKeyID = 64

// ValidKeyID reports whether id matches ^[A-Za-z0-9._-]{1,64}$.
func ValidKeyID(id string) bool {
	if len(id) == 0 || len(id) > maxKeyID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

func compile(a Auth, k Key) (*key, error) {
	switch k.State {
	case StatePending, StateActive, StateRetiring, StateRevoked:
	default:
		return nil, fmt.Errorf("state %q is none of %s, %s, %s, %s", k.State, StatePending, StateActive, StateRetiring, StateRevoked)
	}
	if k.Principal == "" {
		return nil, errors.New("principal is empty: say who holds the key")
	}
	r, err := newRights(k.Sources, k.Types, k.Scopes)
	if err != nil {
		return nil, err
	}
	check, err := verifier(a.Kind, k)
	if err != nil {
		return nil, err
	}
	return &key{
		id:        k.ID,
		kind:      a.Kind,
		principal: sdk.Principal{Provider: a.Name, Subject: k.Principal},
		state:     k.State,
		check:     check,
		rights:    r,
	}, nil
}

// verifier may be nil for a revoked key only: its material may be destroyed.
func verifier(kind string, k Key) (*signature.Key, error) {
	if k.State == StateRevoked && len(k.Material) == 0 {
		return nil, nil
	}
	if kind == KindHMAC {
		return signature.NewHMAC(k.Material)
	}
	return signature.NewEd25519(k.Material)
}

// material is a key's bytes in the form in which equal keys are equal, padded
// with zeros as HMAC does up to its block of 64 bytes (RFC 2104, section 2): a
// secret and the same with zeros behind it make the same MACs.
type material [webhook.MaxSecret]byte
