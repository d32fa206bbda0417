package dsse_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
)

func TestSignKeepsTheEvent(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dsse.NewSigner("k", key, "exta")
	if err != nil {
		t.Fatal(err)
	}
	keys := []dsse.Key{{ID: "k", Public: key.Public()}}
	for _, raw := range []string{
		plain,
		"{ " + head + " , \"exta\" :1,\t\"data\" : { \"a\" : [ ] }\n}",
		`{"extb":"x",` + head + `}`,
	} {
		e := parse(t, raw)
		once, err := s.Sign(&e)
		if err != nil {
			t.Fatal(err)
		}
		if string(e.Raw) != raw {
			t.Errorf("the event that was signed is %s now", e.Raw)
		}
		if again := parse(t, string(once.Raw)); !reflect.DeepEqual(again, once) {
			t.Errorf("%s reads as\n%+v, not\n%+v", once.Raw, again, once)
		}
		if left, _ := once.Only([]string{"exta", "extb"}); string(left.Raw) != raw && string(left.Raw) != strings.TrimSuffix(raw, "\n}")+"\n}" {
			t.Errorf("%s is %s without its signature", raw, left.Raw)
		}
		if once.Digest() != e.Digest() {
			t.Errorf("%s is another event", once.Raw)
		}
		twice, err := s.Sign(&once)
		if err != nil || strings.Count(string(twice.Raw), dsse.Attribute) != 1 {
			t.Errorf("signed twice: %s, %v", twice.Raw, err)
		}
		for _, signed := range []sdk.Event{once, twice} {
			if v, err := dsse.Verify(&signed, keys); err != nil || v.KeyID != "k" {
				t.Errorf("%s: %v", signed.Raw, err)
			}
		}
	}
}

func TestSignRefuses(t *testing.T) {
	s, err := dsse.NewSigner("k", ed(1), "exta")
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]string{
		`{` + head + `,"exta":""}`:                            "no verifier can tell",
		`{` + head + `,"time":"2026-11-22T10:00:00,5Z"}`:      "RFC 3339",
		`{` + head + `,"time":"9999-12-31T23:59:59.9-00:01"}`: "RFC 3339",
	} {
		e := parse(t, raw)
		if _, err := s.Sign(&e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
	if _, err := s.Sign(&sdk.Event{Raw: []byte("x")}); err == nil {
		t.Error("what is no event was signed")
	}
	names := make([]string, 120)
	for i := range names {
		names[i] = strings.Repeat(string(rune('a'+i%26)), 16) + string(rune('a'+i/26))
	}
	many, err := dsse.NewSigner("k", ed(1), names...)
	if err != nil {
		t.Fatal(err)
	}
	e := parse(t, plain)
	if _, err := many.Sign(&e); err == nil || !strings.Contains(err.Error(), "sign fewer") {
		t.Errorf("120 extensions: %v", err)
	}
}

// device is a key whose private half lies elsewhere.
type device struct {
	crypto.Signer
	der []byte
	err error
}

func (d device) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return d.der, d.err }

func TestSignDoubtsDevices(t *testing.T) {
	e := parse(t, plain)
	stranger, err := es256(t, 2).Sign(nil, make([]byte, 32), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]device{
		"fails":          {err: errors.New("unplugged")},
		"no ASN.1":       {der: []byte("xx")},
		"negative":       {der: []byte{0x30, 6, 2, 1, 0x80, 2, 1, 1}},
		"another curve":  {der: append([]byte{0x30, 38, 2, 33, 1}, append(make([]byte, 32), 2, 1, 1)...)},
		"another key":    {der: stranger},
		"nothing at all": {},
	} {
		d.Signer = es256(t, 1)
		s, err := dsse.NewSigner("k", d)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := s.Sign(&e); err == nil {
			t.Errorf("%s: %s", name, out.Raw)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"none": nil, "P-384": p384, "RSA": rsaKey} {
		if _, err := dsse.NewSigner("k", key); err == nil {
			t.Errorf("a key that is %s", name)
		}
	}
	for _, names := range []string{"id", "a a", "data", "a dssematerial", "A", "ä", "a_b", strings.Repeat("a", 21)} {
		if _, err := dsse.NewSigner("k", ed(1), strings.Fields(names)...); err == nil {
			t.Errorf("extensions %s", names)
		}
	}
	if _, err := dsse.NewSigner("k", ed(1), ""); err == nil {
		t.Error("an extension without a name")
	}
}

func TestVerifyBounds(t *testing.T) {
	e := parse(t, signWith(t, "k", ed(1), plain))
	keys := []dsse.Key{{ID: "k", Public: ed(1).Public()}}
	for _, other := range [][]dsse.Key{nil, {}, {{ID: "K", Public: ed(1).Public()}}} {
		if _, err := dsse.Verify(&e, other); err != dsse.NoKey {
			t.Errorf("%v: %v", other, err)
		}
	}
	for name, public := range map[string]crypto.PublicKey{"nil": nil, "short": ed25519.PublicKey{1}, "a word": "x", "P-384": &ecdsa.PublicKey{Curve: elliptic.P384()}} {
		if _, err := dsse.Verify(&e, []dsse.Key{{ID: "k", Public: public}}); err != dsse.SignatureMismatch {
			t.Errorf("a key that is %s: %v", name, err)
		}
	}
	if v, err := dsse.Verify(&e, []dsse.Key{{Public: ed(1).Public()}}); err != nil || v.KeyID != "" {
		t.Errorf("a key without an id: %+v, %v", v, err)
	}
	value, _ := e.Extension(dsse.Attribute)
	text, _ := base64.StdEncoding.DecodeString(value)
	for size, want := range map[int]error{3072: nil, 3075: dsse.Malformed} {
		e.SetExtension(dsse.Attribute, b64(append(text, strings.Repeat(" ", size-len(text))...)))
		if _, err := dsse.Verify(&e, keys); err != want {
			t.Errorf("an envelope of %d bytes: %v", size, err)
		}
	}
}

// FuzzVerify looks for events that verify and yet are not what was signed.
func FuzzVerify(f *testing.F) {
	for _, c := range cases(f) {
		f.Add([]byte(c.event))
	}
	ring, err := dsse.ParseKeyring([]byte(producers(f)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := sdk.ParseEvent(raw)
		if err != nil {
			return
		}
		v, err := ring.Verify(&e)
		if err != nil {
			if _, ok := errors.AsType[dsse.Reason](err); !ok {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		kept, err := v.Only(&e)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ring.Verify(&kept)
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Fatalf("%s verifies, and what is kept of it does not: %v", raw, err)
		}
		other := kept
		other.ID += "x"
		if _, err := ring.Verify(&other); err != dsse.CoreMismatch {
			t.Fatalf("%s verifies under another id: %v", raw, err)
		}
	})
}
