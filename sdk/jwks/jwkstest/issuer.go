// Package jwkstest has an identity provider for tests, in the test's own
// process: real discovery, key sets and tokens over TLS on loopback, and every
// way that an issuer can misbehave. Start with [Start].
//
//	idp := jwkstest.Start(t, "/oauth2/default", "RS256")
//	token := idp.Sign(jwkstest.OktaClaims(idp.URL(), "api://default", "0oa1", time.Now()))
//	idp.Rotate("RS256")                        // the old key is published beside the new one
//	idp.Misbehave(jwkstest.Behaviour{Status: 500})
//
// Whoever follows it needs its certificate, by [Issuer.CA] or [Issuer.CAFile],
// and leave to ask loopback addresses.
package jwkstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Paths below an issuer's URL.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/v1/keys"
)

// Issuer is an identity provider. It is an http.Handler, and safe for concurrent
// use.
type Issuer struct {
	path   string
	origin string // scheme and host
	pem    []byte // of the server's certificate
	lazy   []string

	mu        sync.Mutex
	keys      []Key // published; the last of an algorithm signs
	behaviour Behaviour
	requests  map[string]int
	arrived   chan struct{} // closed at the next request
}

// New makes an issuer with a key for each algorithm, whose URL is origin and
// path. Nobody serves it yet. Keys are made when they are first needed.
func New(origin, path string, algs ...string) *Issuer {
	return &Issuer{origin: origin, path: path, lazy: algs, requests: make(map[string]int), arrived: make(chan struct{})}
}

// URL is the issuer, as tokens and discovery name it.
func (i *Issuer) URL() string { return i.origin + i.path }

// Keys are those that are published.
func (i *Issuer) Keys() []Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.made())
}

// made makes the first keys, once. The caller holds mu.
func (i *Issuer) made() []Key {
	for _, alg := range i.lazy {
		i.keys = append(i.keys, NewKey(alg))
	}
	i.lazy = nil
	return i.keys
}

// Rotate publishes a new key, which signs from now on, beside the others.
func (i *Issuer) Rotate(alg string) Key {
	k := NewKey(alg)
	i.Add(k)
	return k
}

// Add publishes a key.
func (i *Issuer) Add(k Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.made(), k)
}

// Drop stops publishing a key.
func (i *Issuer) Drop(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = slices.DeleteFunc(i.made(), func(k Key) bool { return k.ID == id })
}

// Sign makes a token with the newest key: see [Key.Sign].
func (i *Issuer) Sign(claims map[string]any, members ...string) string {
	keys := i.Keys()
	return keys[len(keys)-1].Sign(claims, members...)
}

// Misbehave has the issuer answer so from now on. The zero Behaviour is a good
// one.
func (i *Issuer) Misbehave(b Behaviour) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.behaviour = b
}

// Requests counts those for a path below the issuer's URL.
func (i *Issuer) Requests(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests[path]
}

// Asked returns once a path was asked for n times, or more.
func (i *Issuer) Asked(path string, n int) {
	for {
		i.mu.Lock()
		enough, arrived := i.requests[path] >= n, i.arrived
		i.mu.Unlock()
		if enough {
			return
		}
		<-arrived
	}
}

// ServeHTTP answers for discovery and keys.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, i.path)
	b := i.count(path)
	if ok && b.answers(w, r, path) {
		return
	}
	switch {
	case ok && path == DiscoveryPath:
		b.write(w, r, text(i.metadata(b)))
	case ok && path == KeysPath:
		b.write(w, r, i.keySet(b))
	default:
		http.NotFound(w, r)
	}
}

func (i *Issuer) count(path string) Behaviour {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.requests[path]++
	close(i.arrived)
	i.arrived = make(chan struct{})
	return i.behaviour
}

func (i *Issuer) metadata(b Behaviour) map[string]any {
	m := map[string]any{"issuer": i.URL(), "jwks_uri": i.URL() + KeysPath, "response_types_supported": []string{"code"}}
	if b.Issuer != "" {
		m["issuer"] = b.Issuer
	}
	if b.KeysURL != "" {
		m["jwks_uri"] = b.KeysURL
	}
	return m
}

func (i *Issuer) keySet(b Behaviour) []byte {
	texts := []json.RawMessage{}
	if !b.Empty {
		for _, k := range i.Keys() {
			texts = append(texts, k.JWK())
		}
		texts = append(texts, b.Extra...)
	}
	return fmt.Appendf(nil, `{"keys":%s}`, text(texts))
}
