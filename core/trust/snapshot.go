// Package trust decides who a sender is and what it may send.
//
// Start with [New], which makes a [Snapshot] of every key, grant and authority,
// then [Snapshot.Authenticate] for each request, and for each event in it
// [Snapshot.CheckEventID], [Snapshot.VerifyEvent] and, once its routes are known,
// [Snapshot.Authorize]. None of them does any I/O. What tokens are checked with
// comes by [Authority.Take], the gate between the router and its plugins.
//
// Promise: exactly one credential per request, and it must verify; none falls
// back to another or to nobody. What is not granted is refused, and so is what
// cannot be checked. Every refusal is a [*Refusal].
package trust

import (
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// Snapshot is what the router trusts at one time. It is immutable and safe for
// concurrent use; a reload makes another one. Only its authorities change by
// themselves, each in one step.
type Snapshot struct {
	keys  map[string]*key // by id, of every auth
	order []*key          // the same, as they were given
	dummy *signature.Key  // nobody's, for ids that nobody has

	authorities []*Authority
	issuers     map[string]*Authority // by issuer
	grants      map[string][]*grant   // by auth
	eventKeys   []eventKey            // those that count
	cache       *jwt.Cache            // may be nil
}

// New checks rules as a whole. Its error joins everything that is wrong, by name
// of the auth and id of the key, or as a [*CompileError], and holds no material.
func New(r Rules) (*Snapshot, error) {
	dummy, err := signature.NewHMAC(webhook.NewSecret())
	if err != nil {
		return nil, fmt.Errorf("dummy key: %w", err)
	}
	s := &Snapshot{keys: make(map[string]*key), dummy: dummy, authorities: r.Authorities, issuers: make(map[string]*Authority),
		grants: make(map[string][]*grant), cache: r.Cache}
	if r.Uses == nil {
		r.Uses = new(Uses)
	}
	names := make(map[string]bool)
	problems := s.addAuths(r, names)
	problems = append(problems, s.addAuthorities(names)...)
	problems = append(problems, s.addGrants(r)...)
	ids := make(map[string]bool)
	for i, k := range r.EventKeys {
		if err := s.addEventKey(i, k, ids); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return s, nil
}

// Keys lists every key in the order of New.
func (s *Snapshot) Keys() []KeyFact {
	out := make([]KeyFact, len(s.order))
	for i, k := range s.order {
		out[i] = KeyFact{ID: k.id, Auth: k.principal.Provider, Kind: k.kind, Principal: k.principal.Subject, State: k.state, LastUsed: k.use.last()}
	}
	return out
}

func (s *Snapshot) addAuths(r Rules, names map[string]bool) (problems []error) {
	owners := make(map[material]string)
	for _, a := range r.Auths {
		if err := checkAuth(a, names); err != nil {
			problems = append(problems, err)
			continue
		}
		names[a.Name] = true
		for _, k := range a.Keys {
			if err := s.addKey(a, k, owners, r.Uses); err != nil {
				problems = append(problems, fmt.Errorf("auth %q: key %q: %w", a.Name, k.ID, err))
			}
		}
	}
	return problems
}

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

func (s *Snapshot) addKey(a Auth, k Key, owners map[material]string, uses *Uses) error {
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
	compiled.use = uses.of(k.ID)
	s.keys[k.ID] = compiled
	s.order = append(s.order, compiled)
	return nil
}

// addAuthorities asks that an issuer is one authority's: whose rules hold for its
// tokens must not be a matter of order.
func (s *Snapshot) addAuthorities(names map[string]bool) (problems []error) {
	for _, a := range s.authorities {
		if name := a.settings.Name; names[name] {
			problems = append(problems, fmt.Errorf("auth %q: the name is used twice", name))
		} else {
			names[name] = true
		}
		for _, issuer := range a.settings.Issuers {
			if other := s.issuers[issuer]; other != nil {
				problems = append(problems, fmt.Errorf("auth %q: issuer %q belongs to auth %q already: an issuer has one auth", a.settings.Name, issuer, other.settings.Name))
				continue
			}
			s.issuers[issuer] = a
		}
	}
	return problems
}

func (s *Snapshot) addGrants(r Rules) (problems []error) {
	if len(r.Grants) == 0 {
		return nil
	}
	env, err := newConditionLanguage()
	if err != nil {
		return []error{fmt.Errorf("condition language: %w", err)}
	}
	cost := r.ConditionCost
	if cost == 0 {
		cost = DefaultConditionCost
	}
	for i, g := range r.Grants {
		if err := s.addGrant(env, cost, i, g); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
