package dsse_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/dsse"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// repeatable is a key on P-256 that signs the same thing alike each time (RFC
// 6979), so that the vectors stay as they are.
type repeatable struct{ *ecdsa.PrivateKey }

func (k repeatable) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.PrivateKey.Sign(nil, digest, opts)
}

func es256(t testing.TB, seed byte) crypto.Signer {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), slices.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return repeatable{key}
}

func ed(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(slices.Repeat([]byte{seed}, ed25519.SeedSize))
}

// producers is the keyring of every case.
func producers(t testing.TB) string {
	t.Helper()
	set := func(keys ...jwk.Key) json.RawMessage {
		text, err := json.Marshal(map[string][]jwk.Key{"keys": keys})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	text, err := json.Marshal(map[string]json.RawMessage{
		"//shop.example/**":  set(jwk.Key{ID: "till-ec", Public: es256(t, 1).Public()}, jwk.Key{ID: "till-ed", Public: ed(2).Public()}),
		"//depot.example/*":  set(jwk.Key{ID: "depot", Public: es256(t, 3).Public()}),
		"//depot.example/**": set(jwk.Key{ID: "depot-2", Public: ed(4).Public()}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const (
	head   = `"specversion":"1.0","id":"order-1","source":"//shop.example/till","type":"com.example.order.created"`
	plain  = `{` + head + `,"data":{"amount":12.50}}`
	signed = `"` + dsse.Attribute + `"`
)

func signWith(t testing.TB, keyID string, key crypto.Signer, raw string, extensions ...string) string {
	t.Helper()
	s, err := dsse.NewSigner(keyID, key, extensions...)
	if err != nil {
		t.Fatal(err)
	}
	e := parse(t, raw)
	out, err := s.Sign(&e)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return string(out.Raw)
}

// forged puts a dssematerial of any form into an event, signed with till-ec.
type forged struct {
	payload  func(core, ext string) string            // nil for what is right
	sign     func(pae []byte) string                  // base64; nil for what is right
	envelope func(payload, sig string) string         // nil for what is right
	value    func(envelope string) (attribute string) // nil for base64; quoted JSON otherwise
	exts     []string                                 // values, for ext
	kind     string                                   // nil for what is right
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func sum(parts ...string) string {
	var all []byte
	for _, p := range parts {
		h := sha256.Sum256([]byte(p))
		all = append(all, h[:]...)
	}
	h := sha256.Sum256(all)
	return b64(h[:])
}

// plainCore is CORE_DIGEST of plain, from the specification's text alone.
func plainCore() string {
	return sum("order-1", "//shop.example/till", "1.0", "com.example.order.created", "", "", "", "", `{"amount":12.50}`)
}

func (f forged) event(t testing.TB, raw string) string {
	t.Helper()
	payload := `{"core":"` + plainCore() + `"}`
	if f.payload != nil {
		payload = f.payload(plainCore(), sum(f.exts...))
	}
	kind := dsse.PayloadType
	if f.kind != "" {
		kind = f.kind
	}
	pae := fmt.Sprintf("DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
	sig := rawES256(t, pae)
	if f.sign != nil {
		sig = f.sign([]byte(pae))
	}
	text := f.envelopeText(kind, b64([]byte(payload)), sig)
	value := `"` + b64([]byte(text)) + `"`
	if f.value != nil {
		value = f.value(text)
	}
	return strings.TrimSuffix(raw, "}") + `,` + signed + `:` + value + `}`
}

func (f forged) envelopeText(kind, payload, sig string) string {
	if f.envelope != nil {
		return f.envelope(payload, sig)
	}
	return fmt.Sprintf(`{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"till-ec","sig":"%s"}]}`, payload, kind, sig)
}

// rawES256 is a good signature by till-ec.
func rawES256(t testing.TB, pae string) string {
	t.Helper()
	r, s := rs(t, pae)
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return b64(out)
}

func rs(t testing.TB, pae string) (r, s *big.Int) {
	t.Helper()
	digest := sha256.Sum256([]byte(pae))
	der, err := es256(t, 1).Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return parseDER(t, der)
}

// envelopeOf writes an envelope whose list of signatures is given.
func envelopeOf(signatures func(sig string) string) func(payload, sig string) string {
	return func(payload, sig string) string {
		return `{"payload":"` + payload + `","payloadType":"` + dsse.PayloadType + `","signatures":` + signatures(sig) + `}`
	}
}

func named(keyid string) func(sig string) string {
	return func(sig string) string { return `[{"keyid":"` + keyid + `","sig":"` + sig + `"}]` }
}
