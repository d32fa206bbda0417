package dsse

import (
	"slices"

	"github.com/headgate-io/headgate/sdk"
)

// Verified is what the signature of an event covers, besides its core
// attributes and data.
type Verified struct {
	KeyID      string   // the ID of the key that verified
	Extensions []string // in the order they were signed; nil for none
}

// Only is the event that was verified without what its signature does not
// cover, the signature itself kept: the specification's strict mode. Who acts
// on an event acts on this.
func (v Verified) Only(e *sdk.Event) (sdk.Event, error) {
	return e.Only(append(slices.Clone(v.Extensions), Attribute))
}

// Verify checks the signature of an event, as [sdk.ParseEvent] gave it, against
// the keys that may sign for its source: first the signature over the bytes
// that came with it, by any one of the keys it fits, then that the event is
// what was signed. The error is a [Reason].
//
// No keys, and a signature that none of them could have made, are NoKey: a
// signature that cannot be checked is as good as a wrong one.
func Verify(e *sdk.Event, keys []Key) (Verified, error) {
	value, _ := e.Extension(Attribute)
	if value == "" {
		return Verified{}, Absent
	}
	envelope, ok := parseEnvelope(value)
	if !ok {
		return Verified{}, Malformed
	}
	if envelope.kind != PayloadType {
		return Verified{}, WrongType
	}
	key, err := envelope.signer(keys)
	if err != nil {
		return Verified{}, err
	}
	m, err := parseMaterial(envelope.payload)
	if err != nil {
		return Verified{}, err
	}
	if core, ok := coreDigest(e); !ok || core != m.core {
		return Verified{}, CoreMismatch
	}
	if len(m.names) > 0 && extDigest(e, m.names) != m.ext {
		return Verified{}, ExtensionsMismatch
	}
	return Verified{KeyID: key.ID, Extensions: m.names}, nil
}

// KeyIDs are those that the signatures of an event name, whoever wrote them: for a
// log. An event that is unsigned, or whose envelope cannot be read, has none.
func KeyIDs(e *sdk.Event) (ids []string) {
	value, _ := e.Extension(Attribute)
	envelope, _ := parseEnvelope(value)
	for _, s := range envelope.signatures {
		if s.keyid != "" {
			ids = append(ids, s.keyid)
		}
	}
	return ids
}

// signer is the first key by which a signature verifies.
func (e envelope) signer(keys []Key) (Key, error) {
	signed := pae(e.kind, e.payload)
	var err error = NoKey
	for _, s := range e.signatures {
		for _, k := range keys {
			if !k.fits(s.keyid) {
				continue
			}
			if k.verifies(signed, s.sig) {
				return k, nil
			}
			err = SignatureMismatch
		}
	}
	return Key{}, err
}
