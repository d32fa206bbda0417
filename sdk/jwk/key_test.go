package jwk_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/jwk"
)

func TestThumbprintsOfTheSpecifications(t *testing.T) {
	for text, want := range map[string]string{
		rfcRSA: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		rfcOKP: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	} {
		if got := parse(t, text).Thumbprint(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := (jwk.Key{}).Thumbprint(); got != "" {
		t.Errorf("no key has the thumbprint %s", got)
	}
}

func TestKeyIsReadAsWritten(t *testing.T) {
	keys := generated()
	for _, name := range []string{"rsa", "p256", "p384", "p521", "ed25519"} {
		key := keys[name]
		for _, alg := range []string{"", onlyAlg(key)} {
			k := jwk.Key{ID: "a.b~c:/@-_1", Alg: alg, Public: key}
			text, err := json.Marshal(k)
			if err != nil {
				t.Fatal(err)
			}
			got := parse(t, string(text))
			if got.ID != k.ID || got.Alg != alg || !got.Public.(interface{ Equal(crypto.PublicKey) bool }).Equal(key) {
				t.Errorf("%T: read another key from %s", key, text)
			}
			if got.Thumbprint() != k.Thumbprint() || len(got.Thumbprint()) != 43 {
				t.Errorf("%T: another thumbprint", key)
			}
		}
	}
}

func TestFits(t *testing.T) {
	all := []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
		"none", "NONE", "", "HS256", "HS512", "Ed25519", "ES256K", "rs256", "RSA-OAEP",
	}
	keys := generated()
	for name, want := range map[string]string{
		"rsa":     "RS256 RS384 RS512 PS256 PS384 PS512",
		"p256":    "ES256",
		"p384":    "ES384",
		"p521":    "ES512",
		"p224":    "",
		"ed25519": "EdDSA",
		"nothing": "",
	} {
		var fits []string
		for _, alg := range all {
			if (jwk.Key{Public: keys[name]}).Fits(alg) {
				fits = append(fits, alg)
			}
		}
		if got := strings.Join(fits, " "); got != want {
			t.Errorf("%s fits %q, want %q", name, got, want)
		}
	}
	if only := (jwk.Key{Alg: "PS256", Public: keys["rsa"]}); only.Fits("RS256") || !only.Fits("PS256") {
		t.Error("a key's own alg is not the only one")
	}
}

// What Parse refuses is refused in a key made by hand too.
func TestCheckRefuses(t *testing.T) {
	keys := generated()
	off := *keys["p256"].(*ecdsa.PublicKey)
	off.Curve = elliptic.P384()
	_, edPrivate, _ := ed25519.GenerateKey(rand.Reader)
	for name, k := range map[string]jwk.Key{
		"none":          {},
		"weak RSA":      {Public: &rsa.PublicKey{N: bits(1024), E: 65537}},
		"RSA without n": {Public: &rsa.PublicKey{E: 65537}},
		"negative RSA":  {Public: &rsa.PublicKey{N: new(big.Int).Neg(bits(2048)), E: 65537}},
		"off the curve": {Public: &off},
		"no curve":      {Public: &ecdsa.PublicKey{}},
		"P-224":         {Public: keys["p224"]},
		"small order":   {Public: make(ed25519.PublicKey, 32)},
		"private key":   {Public: edPrivate},
		"shared secret": {Public: []byte("secret")},
		"alg":           {Alg: "ES384", Public: keys["p256"]},
		"id":            {ID: "a b", Public: keys["p256"]},
	} {
		if err := k.Check(); !errors.Is(err, jwk.ErrKey) {
			t.Errorf("%s: got %v", name, err)
		}
		if text, err := json.Marshal(k); err == nil {
			t.Errorf("%s: written as %s", name, text)
		}
		if k.Thumbprint() != "" {
			t.Errorf("%s: has a thumbprint", name)
		}
	}
}
