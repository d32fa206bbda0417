package jwks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk/jwk"
)

var (
	errEmpty  = errors.New("the key set has no keys")
	errUseful = errors.New("the key set has no key that can be used")
	errMany   = fmt.Errorf("the key set has more than %d keys that can be used", MaxKeys)
)

// keySet is what an issuer signs with.
type keySet struct {
	texts []json.RawMessage // each written anew from what was understood
	ids   map[string]bool
}

// skipped is a key that is left out, and why.
type skipped struct {
	id  string // empty where it has none that may be shown
	why string
}

// readKeys reads a JWK set for tokens of these algs. Keys for anything else are
// skipped: sets hold such for good reasons.
func readKeys(text []byte, algs []string) (keySet, []skipped, error) {
	texts, err := jwk.ParseSet(text)
	if err != nil {
		return keySet{}, nil, err
	}
	if len(texts) == 0 {
		return keySet{}, nil, errEmpty
	}
	type key struct {
		id   string
		text json.RawMessage
	}
	var usable []key
	var left []skipped
	times := make(map[string]int)
	for _, text := range texts {
		k, err := readKey(text, algs)
		if err != nil {
			left = append(left, skipped{idOf(text), err.Error()})
			continue
		}
		anew, err := k.MarshalJSON()
		switch {
		case err != nil:
			left = append(left, skipped{k.ID, err.Error()})
		case slices.ContainsFunc(usable, func(u key) bool { return u.id == k.ID && bytes.Equal(u.text, anew) }):
			left = append(left, skipped{k.ID, "the same key stands there already"})
		default:
			usable = append(usable, key{k.ID, anew})
			times[k.ID]++
		}
	}
	set := keySet{ids: make(map[string]bool)}
	for _, k := range usable {
		if times[k.id] > 1 {
			left = append(left, skipped{k.id, "another key has the same kid, so it cannot be told which one signed"})
			continue
		}
		set.texts = append(set.texts, k.text)
		set.ids[k.id] = true
	}
	switch n := len(set.texts); {
	case n == 0:
		return keySet{}, left, errUseful
	case n > MaxKeys:
		return keySet{}, left, errMany
	}
	return set, left, nil
}

func readKey(text []byte, algs []string) (jwk.Key, error) {
	k, err := jwk.Parse(text)
	if err != nil {
		return k, err
	}
	if k.ID == "" {
		return k, errors.New("it has no kid, so no token can name it")
	}
	for _, alg := range algs {
		if k.Fits(alg) {
			return k, nil
		}
	}
	return k, fmt.Errorf("it is not for %s", strings.Join(algs, " or "))
}

// idOf finds the kid of a key that was refused.
func idOf(text []byte) string {
	var k struct {
		ID string `json:"kid"`
	}
	if json.Unmarshal(text, &k) != nil || !jwk.ValidID(k.ID) {
		return ""
	}
	return k.ID
}
