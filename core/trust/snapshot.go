// Package trust decides who a sender is and what it may send.
//
// Start with [New], which makes a [Snapshot] of every key, then
// [Snapshot.Authenticate] for each request and [Snapshot.CheckEventID] and
// [Snapshot.Authorize] for each event in it. None of them does any I/O.
//
// Promise: exactly one credential per request, and it must verify; none falls
// back to another or to nobody. What is not granted is refused. Every refusal
// is a [*Refusal].
package trust

import (
	"errors"
	"fmt"
	"slices"

	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// Snapshot is what the router trusts at one time. It is immutable and safe for
// concurrent use; a reload makes another one.
type Snapshot struct {
	keys  map[string]*key // by id, of every auth
	dummy *signature.Key  // nobody's, for ids that nobody has
	facts []KeyFact
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

// New checks auths as a whole. Its error joins everything that is wrong, by
// name of the auth and id of the key, and holds no material.
func New(auths []Auth) (*Snapshot, error) {
	dummy, err := signature.NewHMAC(webhook.NewSecret())
	if err != nil {
		return nil, fmt.Errorf("dummy key: %w", err)
	}
	s := &Snapshot{keys: make(map[string]*key), dummy: dummy}
	var problems []error
	names := make(map[string]bool)
	owners := make(map[material]string)
	for _, a := range auths {
		if err := checkAuth(a, names); err != nil {
			problems = append(problems, err)
			continue
		}
		names[a.Name] = true
		for _, k := range a.Keys {
			if err := s.add(a, k, owners); err != nil {
				problems = append(problems, fmt.Errorf("auth %q: key %q: %w", a.Name, k.ID, err))
			}
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return s, nil
}

// Keys lists every key in the order of New.
func (s *Snapshot) Keys() []KeyFact { return slices.Clone(s.facts) }

func checkAuth(a Auth, names map[string]bool) error {
	switch {
	case a.Name == "":
		return errors.New("auth has no name")
	case names[a.Name]:
		return fmt.Errorf("auth %q: the name is used twice", a.Name)
	case a.Kind != KindHMAC && a.Kind != KindEd25519:
		return fmt.Errorf("auth %q: kind %q is neither %s nor %s", a.Name, a.Kind, KindHMAC, KindEd25519)
	}
	return nil
}

func (s *Snapshot) add(a Auth, k Key, owners map[material]string) error {
	if !ValidKeyID(k.ID) {
		return fmt.Errorf("id is not 1 to %d of A-Z a-z 0-9 . _ -", maxKeyID)
	}
	if _, taken := s.keys[k.ID]; taken {
		return errors.New("the id is taken: ids are unique over every auth, and a revoked one is never used again")
	}
	compiled, err := compile(a, k)
	if err != nil {
		return err
	}
	if compiled.check != nil {
		var m material
		copy(m[:], k.Material)
		if owner, shared := owners[m]; shared {
			return fmt.Errorf("same material as key %q: each id needs its own", owner)
		}
		owners[m] = k.ID
	}
	s.keys[k.ID] = compiled
	s.facts = append(s.facts, KeyFact{ID: k.ID, Auth: a.Name, Kind: a.Kind, Principal: k.Principal, State: k.State})
	return nil
}
