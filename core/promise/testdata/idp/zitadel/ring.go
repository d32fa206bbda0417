package main

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// ring has the keys in the order of their use: those used before, the one that
// signs, those announced.
type ring struct {
	mu     sync.Mutex
	keys   []key
	now    int // of the one that signs
	serial int
}

func newRing() (*ring, error) {
	r := new(ring)
	return r, r.announce(1)
}

func (r *ring) announce(n int) error {
	for range n {
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return err
		}
		r.serial++
		r.keys = append(r.keys, key{fmt.Sprintf("rs256-%d", r.serial), private})
	}
	return nil
}

func (r *ring) follow(o order) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.announce(o.Announce); err != nil {
		return err
	}
	if o.Rotate {
		if r.now+1 == len(r.keys) {
			if err := r.announce(1); err != nil {
				return err
			}
		}
		r.now++
	}
	if o.Drop {
		r.keys, r.now = r.keys[r.now:], 0
	}
	return nil
}

func (r *ring) signing() key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[r.now]
}

func (r *ring) published() []op.Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]op.Key, len(r.keys))
	for i, k := range r.keys {
		keys[i] = public{k}
	}
	return keys
}

func (r *ring) names() (kids []string, signing string) {
	for _, k := range r.published() {
		kids = append(kids, k.ID())
	}
	return kids, r.signing().ID()
}

// key signs, public verifies: an op.SigningKey and an op.Key.
type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k key) ID() string                                { return k.id }
func (k key) Key() any                                  { return k.private }
func (key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

type public struct{ key }

func (p public) Key() any                         { return &p.private.PublicKey }
func (public) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (public) Use() string                        { return "sig" }
