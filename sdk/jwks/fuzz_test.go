package jwks_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/jwk"
	"github.com/headgate-io/headgate/sdk/jwks"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// FuzzFreshFor shows that no header makes an answer fresh for less than a
// minute, or more than an hour.
func FuzzFreshFor(f *testing.F) {
	f.Add("max-age=300", "10")
	f.Add("no-store, max-age=\"9\"", "")
	f.Add("MAX-AGE=-1,,=,max-age", "99999999999999999999")
	f.Fuzz(func(t *testing.T, control, age string) {
		h := http.Header{"Cache-Control": {control}, "Age": {age}}
		if d := jwks.FreshFor(h); d < time.Minute || d > time.Hour {
			t.Errorf("%q after %q is fresh for %s", control, age, d)
		}
	})
}

// FuzzReadKeys shows that what is taken from a set are keys that jwk.Parse takes,
// that fit, each of an id of its own.
func FuzzReadKeys(f *testing.F) {
	for _, alg := range []string{"RS256", "ES256", "ES384", "EdDSA"} {
		f.Add([]byte(`{"keys":[` + string(jwkstest.NewKey(alg).JWK()) + `]}`))
	}
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},1,null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		texts, _, err := jwks.ReadKeys(text, []string{"RS256", "ES384"})
		if (err == nil) != (len(texts) > 0) || len(texts) > jwks.MaxKeys {
			t.Fatalf("%d keys, %v", len(texts), err)
		}
		seen := make(map[string]bool)
		for _, text := range texts {
			k, err := jwk.Parse(text)
			if err != nil || k.ID == "" || seen[k.ID] || !k.Fits("RS256") && !k.Fits("ES384") {
				t.Errorf("%s is taken: %v", text, err)
			}
			seen[k.ID] = true
		}
	})
}

// FuzzDiscovery shows that keys are taken from the issuer's own host alone.
func FuzzDiscovery(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://example.com/a","jwks_uri":"https://example.com/k"}`))
	f.Add([]byte(`{"issuer":"https://example.com/a","jwks_uri":"https://example.com\\@evil.example"}`))
	s := source("https://example.com/a", "RS256")
	f.Fuzz(func(t *testing.T, text []byte) {
		at, err := s.KeySetURL(text, false)
		if err != nil {
			return
		}
		req, err := http.NewRequest(http.MethodGet, at, nil)
		if err != nil || !strings.EqualFold(strings.TrimSuffix(req.URL.Host, ":443"), "example.com") || req.URL.Scheme != "https" {
			t.Errorf("%s leads to %q", text, at)
		}
	})
}
