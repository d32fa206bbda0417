package dsse

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/headgate-io/headgate/sdk"
)

// Signer signs events with one key. It is safe for concurrent use where the
// key is, as those of the standard library are.
type Signer struct {
	keyID      string
	private    crypto.Signer
	extensions []string
}

// NewSigner signs with a private key on P-256 (ES256) or Ed25519, which may lie
// in a device, under the id that verifiers know it by. Besides core attributes
// and data a signature then covers these extensions, and that those of them
// that an event does not have are absent; what it does not cover, verifiers
// take away.
func NewSigner(keyID string, private crypto.Signer, extensions ...string) (*Signer, error) {
	if private == nil {
		return nil, errors.New("dsse: a private key is needed")
	}
	if err := CheckKey(private.Public()); err != nil {
		return nil, fmt.Errorf("dsse: %w", err)
	}
	if len(extensions) > 0 && !signable(extensions) {
		return nil, fmt.Errorf("dsse: cannot sign %q: they are names of extensions, each once, without %s", extensions, Attribute)
	}
	return &Signer{keyID: keyID, private: private, extensions: slices.Clone(extensions)}, nil
}

// Public is the key that verifies.
func (s *Signer) Public() crypto.PublicKey { return s.private.Public() }

// Sign is the event with a signature, in place of the one it may have had. Its
// other bytes stay as they are, so that a retry may send the same again. Sign
// an event once, and not at each try.
//
// An event with a signed extension that is present and empty is an error, since
// no verifier could tell it from one without; and one whose signature is larger
// than an attribute may be, for the names of its extensions.
func (s *Signer) Sign(e *sdk.Event) (sdk.Event, error) {
	value, err := s.material(e)
	if err != nil {
		return sdk.Event{}, fmt.Errorf("dsse: event %q: %w", e.ID, err)
	}
	var names []string
	for _, x := range e.Extensions {
		if x.Name != Attribute {
			names = append(names, x.Name)
		}
	}
	out, err := e.Only(names)
	if err != nil {
		return sdk.Event{}, fmt.Errorf("dsse: %w", err)
	}
	out.SetExtension(Attribute, value)
	body := out.Raw[:len(out.Raw)-1] // without the last brace
	out.Raw = slices.Concat(body, []byte(`,"`+Attribute+`":"`+value+`"}`))
	return out, nil
}

// material is the value of dssematerial for an event.
func (s *Signer) material(e *sdk.Event) (string, error) {
	m := material{ext: extDigest(e, s.extensions), names: s.extensions}
	var ok bool
	if m.core, ok = coreDigest(e); !ok {
		return "", fmt.Errorf("time %q cannot be signed: it is RFC 3339", e.Time)
	}
	for _, name := range s.extensions {
		if value, there := e.Extension(name); there && value == "" {
			return "", fmt.Errorf("extension %s is empty, which no verifier can tell from absent: leave it out", name)
		}
	}
	payload := m.write()
	sig, err := s.sign(pae(PayloadType, payload))
	if err != nil {
		return "", err
	}
	keyID, err := json.Marshal(s.keyID)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(`{"payloadType":"%s","payload":"%s","signatures":[{"keyid":%s,"sig":"%s"}]}`,
		PayloadType, base64.StdEncoding.EncodeToString(payload), keyID, base64.StdEncoding.EncodeToString(sig))
	value := base64.StdEncoding.EncodeToString([]byte(text))
	if len(value) > sdk.MaxAttribute {
		return "", fmt.Errorf("its signature has %d bytes, at most %d fit: sign fewer extensions", len(value), sdk.MaxAttribute)
	}
	return value, nil
}

// sign signs, and looks at what a key that may lie elsewhere has made.
func (s *Signer) sign(signed []byte) (sig []byte, err error) {
	public := s.private.Public()
	switch public.(type) {
	case ed25519.PublicKey:
		sig, err = s.private.Sign(rand.Reader, signed, crypto.Hash(0))
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(signed)
		if sig, err = s.private.Sign(rand.Reader, digest[:], crypto.SHA256); err == nil {
			sig, err = raw(sig)
		}
	}
	if err == nil && !(Key{Public: public}).verifies(signed, sig) {
		err = errors.New("the key's signature does not verify")
	}
	return sig, err
}

// raw makes r and s, 32 bytes each, of an ECDSA signature in ASN.1 (RFC 3279,
// section 2.2.3), which is how every Go signer gives it.
func raw(der []byte) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil || max(sig.R.BitLen(), sig.S.BitLen()) > 8*half {
		return nil, errors.New("the key gave no signature for P-256")
	}
	out := make([]byte, 2*half)
	sig.R.FillBytes(out[:half])
	sig.S.FillBytes(out[half:])
	return out, nil
}
