package jwt_test

import (
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
)

// What is supposed is what would be proven: the same answer as for a token that a
// key of the issuer has signed, whoever signed this one.
func TestSuppose(t *testing.T) {
	p := policy()
	okta(&p)
	for name, change := range map[string]object{
		"good":              {},
		"late":              {"exp": at(-time.Hour), "iat": at(-2 * time.Hour)},
		"long":              {"exp": at(24 * time.Hour)},
		"for somebody else": {"aud": "api://elsewhere"},
		"claim missing":     {"cid": nil},
		"claim forbidden":   {"nonce": "n"},
		"bound twice":       {"cnf": object{"jkt": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			claims := oktaClient().and(change)
			want, wantErr := verify(t, p, sign("rsa", claims), now)
			unsigned := p
			unsigned.Keys = nil
			read, err := jwt.Read(signText("other", "EdDSA", object{"alg": "RS256", "kid": "nobody's"}.String(), claims.String()))
			if err != nil {
				t.Fatal(err)
			}
			got, gotErr := jwt.Suppose(unsigned, read, now)
			if gotErr != wantErr || (got == nil) != (want == nil) {
				t.Fatalf("supposed %v, %v; verified %v, %v", got, gotErr, want, wantErr)
			}
			if got != nil && (got.Subject != want.Subject || got.Client != want.Client || got.KeyID != "nobody's") {
				t.Errorf("supposed %+v, verified %+v", got, want)
			}
		})
	}
}

func TestSupposeWhatIsNoTokenOfIt(t *testing.T) {
	p := policy()
	for header, want := range map[string]error{
		`{"alg":"HS256","kid":"rsa"}`:              jwt.AlgNotAllowed,
		`{"alg":"RS256"}`:                          jwt.KidAbsent,
		`{"alg":"RS256","kid":"rsa","typ":"dpop"}`: jwt.TypNotAllowed,
	} {
		read, err := jwt.Read(signText("rsa", "RS256", header, good().String()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwt.Suppose(p, read, now); err != want {
			t.Errorf("%s: %v, want %v", header, err, want)
		}
	}
	read, err := jwt.Read(sign("rsa", good().and(object{"iss": other})))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwt.Suppose(p, read, now); err != jwt.IssuerMismatch {
		t.Errorf("another issuer: %v", err)
	}
}
