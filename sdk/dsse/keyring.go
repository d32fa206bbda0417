package dsse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// SourceKeys are the keys that may sign the events of some sources.
type SourceKeys struct {
	Source string // a pattern over segments between slashes: sdk.ParseGlob
	Keys   []Key
}

// Keyring says who may sign for which source. It never changes, so it is safe
// for concurrent use.
type Keyring struct{ sources []ringed }

type ringed struct {
	source sdk.Glob
	keys   []Key
}

// NewKeyring makes one. It refuses to be empty, in whole or for a source, since
// an oversight there would read like a decision, and keys that [jwk.Parse]
// would refuse. A source that several patterns fit has the keys of all.
func NewKeyring(sources ...SourceKeys) (*Keyring, error) {
	if len(sources) == 0 {
		return nil, errors.New("event keys: no source has any: nobody could sign an event")
	}
	r := new(Keyring)
	for _, s := range sources {
		g, err := sdk.ParseGlob(s.Source, sdk.SourceSeparator)
		if err != nil {
			return nil, fmt.Errorf("event keys: %w", err)
		}
		if len(s.Keys) == 0 {
			return nil, fmt.Errorf("event keys of %s: there are none", s.Source)
		}
		for _, k := range s.Keys {
			if err := CheckKey(k.Public); err != nil {
				return nil, fmt.Errorf("event keys of %s: key %q: %w", s.Source, k.ID, err)
			}
		}
		r.sources = append(r.sources, ringed{g, slices.Clone(s.Keys)})
	}
	return r, nil
}

// ParseKeyring reads JSON: an object with, for each pattern of sources, a JWK
// Set (RFC 7517, section 5).
//
//	{"//shop.example/**": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "till-1", "x": "..", "y": ".."}]}}
//
// Every key has a kid and can sign events; one that cannot is an error, since it
// was put there to.
func ParseKeyring(text []byte) (*Keyring, error) {
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return nil, errors.New("event keys: this is no JSON object with a JWK Set for each pattern of sources")
	}
	if err := sdk.CheckJSON(text); err != nil {
		return nil, fmt.Errorf("event keys: %w", err)
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("event keys: %w", err)
	}
	var sources []SourceKeys
	for _, source := range slices.Sorted(maps.Keys(file)) {
		set, err := jwk.ParseSet(file[source])
		if err != nil {
			return nil, fmt.Errorf("event keys of %s: %w", source, err)
		}
		s := SourceKeys{Source: source}
		for i, text := range set {
			k, err := jwk.Parse(text)
			switch {
			case err != nil:
				return nil, fmt.Errorf("event keys of %s: key %d: %w", source, i, err)
			case k.ID == "":
				return nil, fmt.Errorf("event keys of %s: key %d has no kid", source, i)
			}
			s.Keys = append(s.Keys, Key{ID: k.ID, Public: k.Public})
		}
		sources = append(sources, s)
	}
	return NewKeyring(sources...)
}

// Verify checks the signature of an event against the keys of its source, as
// the function [Verify] does.
func (r *Keyring) Verify(e *sdk.Event) (Verified, error) {
	var keys []Key
	for _, s := range r.sources {
		if s.source.Match(e.Source) {
			keys = append(keys, s.keys...)
		}
	}
	return Verify(e, keys)
}
