package dsse_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/dsse"
)

func TestKeyringRefuses(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := []dsse.Key{{ID: "k", Public: ed(1).Public()}}
	for name, sources := range map[string][]dsse.SourceKeys{
		"no source":             nil,
		"glob":                  {{Source: "//a*b", Keys: good}},
		"there are none":        {{Source: "//a/**"}},
		"P-256":                 {{Source: "//a/**", Keys: []dsse.Key{{ID: "k", Public: p384.Public()}}}},
		"a key that signs":      {{Source: "//a/**", Keys: []dsse.Key{{ID: "k"}}}},
		"only its holder":       {{Source: "//a/**", Keys: []dsse.Key{{ID: "k", Public: ed25519.PublicKey(make([]byte, 32))}}}},
		"of //b: there are non": {{Source: "//a/**", Keys: good}, {Source: "//b"}},
	} {
		if _, err := dsse.NewKeyring(sources...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseKeyringRefuses(t *testing.T) {
	const key = `{"kty":"OKP","crv":"Ed25519","kid":"k","x":"gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q"}`
	if _, err := dsse.ParseKeyring([]byte(`{"//a/**":{"keys":[` + key + `]}}`)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		``:                           "event keys",
		`null`:                       "no JSON object",
		"-----BEGIN PUBLIC KEY-----": "no JSON object with a JWK Set",
		`{}`:                         "no source",
		`[]`:                         "event keys",
		`{"//a/**":{"keys":[]}}`:     "//a/**",
		`{"//a/**":[` + key + `]}`:   "//a/**",
		`{"//a/**":{"keys":[` + key + `]},"//a/**":{"keys":[` + key + `]}}`:                            "repeated",
		`{"**/a":{"keys":[` + key + `]}}`:                                                              "glob",
		`{"//a/**":{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + strings.Repeat("A", 43) + `"}]}}`:    "key 0",
		`{"//a/**":{"keys":[` + key + `,` + strings.Replace(key, `"kid":"k",`, ``, 1) + `]}}`:          "key 1 has no kid",
		`{"//a/**":{"keys":[` + strings.Replace(key, `"kid"`, `"d":"AAAA","kid"`, 1) + `]}}`:           "key 0",
		`{"//a/**":{"keys":[` + strings.Replace(key, `}`, `,"use":"enc"}`, 1) + `]}}`:                  "key 0",
		`{"//a/**":{"keys":[{"kty":"oct","kid":"k","k":"AAAA"}]}}`:                                     "key 0",
		`{"//a/**":{"keys":[` + key + `,{"kty":"EC","crv":"P-256","kid":"p","x":"AAAA","y":"AAAA"}]}}`: "key 1",
	} {
		if _, err := dsse.ParseKeyring([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseKeyring(f *testing.F) {
	f.Add([]byte(producers(f)))
	f.Add([]byte(`{"**":{"keys":[]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		ring, err := dsse.ParseKeyring(text)
		if err != nil {
			return
		}
		e := parse(t, signWith(t, "", es256(t, 9), plain))
		if _, err := ring.Verify(&e); err != dsse.NoKey && err != dsse.SignatureMismatch {
			t.Fatalf("%s takes a key that it does not hold: %v", text, err)
		}
	})
}
