package trust

import (
	"crypto"
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// MaxEventKeys is how many keys that count may sign for one source: each of them
// may cost a check for each signature of an event.
const MaxEventKeys = 16

// EventKey is a key registered for the events of some sources, end to end.
type EventKey struct {
	ID     string // the keyid of its signatures, unique
	Source string // glob over "/"
	State  string // StateActive and StateRetiring count
	Public crypto.PublicKey
}

// eventKey is an EventKey that counts, ready for use.
type eventKey struct {
	source sdk.Glob
	key    dsse.Key
}

// addEventKey checks k, the i-th.
func (s *Snapshot) addEventKey(i int, k EventKey, ids map[string]bool) error {
	fault := func(field string, err error) error {
		return &CompileError{Key: fmt.Sprintf("event_keys[%d]%s", i, field), Err: err}
	}
	switch {
	case k.ID == "":
		return fault(".id", errors.New("it is empty"))
	case ids[k.ID]:
		return fault(".id", fmt.Errorf("id %q is taken: ids are unique, and a revoked one is never used again", k.ID))
	}
	ids[k.ID] = true
	source, err := sdk.ParseGlob(k.Source, sdk.SourceSeparator)
	if err != nil {
		return fault(".source", err)
	}
	if err := dsse.CheckKey(k.Public); err != nil {
		return fault(".public", err)
	}
	switch k.State {
	case StatePending, StateRevoked:
		return nil
	case StateActive, StateRetiring:
	default:
		return fault(".state", fmt.Errorf("state %q is none of %s, %s, %s, %s", k.State, StatePending, StateActive, StateRetiring, StateRevoked))
	}
	rivals := 0
	for _, other := range s.eventKeys {
		if meet(source, other.source) {
			rivals++
		}
	}
	if rivals >= MaxEventKeys {
		return fault(".source", fmt.Errorf("%d other keys may sign for the same sources: at most %d in all", rivals, MaxEventKeys))
	}
	s.eventKeys = append(s.eventKeys, eventKey{source, dsse.Key{ID: k.ID, Public: k.Public}})
	return nil
}

// eventKeysFor gives the keys that may sign the events of a source.
func (s *Snapshot) eventKeysFor(source string) []dsse.Key {
	var out []dsse.Key
	for _, k := range s.eventKeys {
		if k.source.Match(source) {
			out = append(out, k.key)
		}
	}
	return out
}

// bind holds a token to its confirmation (RFC 9449, section 6.1): a token that is
// bound needs exactly the key it is bound to, in headgate-event-key, and no other
// token may show one. The key is public: that its holder is here, the signature
// of the event shows.
func bind(t *jwt.Token, shown []string) (*dsse.Key, *Refusal) {
	switch {
	case t.Confirmation == "" && len(shown) == 0:
		return nil, nil
	case t.Confirmation == "":
		return nil, &Refusal{Code: CodeAmbiguousCredential, Reason: ReasonEventKeyUnbound}
	case len(shown) == 0:
		return nil, &Refusal{Code: CodeUnauthenticated, Reason: ReasonEventKeyAbsent}
	}
	k, err := jwk.Parse([]byte(shown[0]))
	if err != nil || dsse.CheckKey(k.Public) != nil {
		return nil, &Refusal{Code: CodeUnauthenticated, Reason: ReasonEventKeyMalformed}
	}
	if k.Thumbprint() != t.Confirmation {
		return nil, &Refusal{Code: CodeUnauthenticated, Reason: ReasonEventKeyMismatch}
	}
	return &dsse.Key{Public: k.Public}, nil // of any keyid: there is one key
}
