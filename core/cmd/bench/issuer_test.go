package main

import (
	"slices"
	"testing"

	"github.com/headgate-io/headgate/core/signature/jwt"
)

// Every algorithm's tokens are what the router takes, and no two are alike.
func TestIssuerTokens(t *testing.T) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		i, other := must(newIssuer(alg)), must(newIssuer(alg))
		tokens := must(i.tokens(3))
		for _, text := range tokens {
			got, err := verified(must(i.verifier()), text)
			if err != nil || got.Client != clientID || len(got.Scopes) != 2 {
				t.Errorf("%s: %+v, %v", alg, got, err)
			}
			if _, err := verified(must(other.verifier()), text); err != jwt.SignatureMismatch {
				t.Errorf("%s: by another key: %v", alg, err)
			}
		}
		if again := must(i.tokens(3)); slices.ContainsFunc(again, func(text string) bool { return slices.Contains(tokens, text) }) {
			t.Errorf("%s: a token comes twice", alg)
		}
	}
	if _, err := newIssuer("HS256"); err == nil {
		t.Error("an issuer of HS256 is made")
	}
}
