package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"sync"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk/jwk"
)

const (
	issuer   = "https://id.example/oauth2/default"
	other    = "https://other.example/"
	audience = "https://events.example"
)

// now is when every token of these tests is checked unless a test says else.
var now = time.Unix(1_800_000_000, 0)

// at gives the NumericDate of a time after now.
func at(after time.Duration) int64 { return now.Add(after).Unix() }

// signer is a key with its private part.
type signer struct {
	kid     string
	alg     string
	private crypto.Signer
}

func (s signer) key() jwk.Key { return jwk.Key{ID: s.kid, Public: s.private.Public()} }

// signers are the keys of the issuer, by kid, and those of another one.
var signers = sync.OnceValue(func() map[string]signer {
	out := map[string]signer{}
	for _, s := range []signer{
		{"rsa", "RS256", must(rsa.GenerateKey(rand.Reader, 2048))},
		{"p256", "ES256", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))},
		{"p384", "ES384", must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))},
		{"p521", "ES512", must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))},
		{"ed", "EdDSA", edwards()},
		{"other", "EdDSA", edwards()}, // of the other issuer
	} {
		out[s.kid] = s
	}
	return out
})

func edwards() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return must(private, err)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// object is JSON as a test writes it. A nil value takes a member out.
type object map[string]any

// and gives a copy with other members.
func (o object) and(changes object) object {
	out := maps.Clone(o)
	for name, value := range changes {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}

func (o object) String() string { return string(must(json.Marshal(o))) }

// good are claims that every policy here takes.
func good() object {
	return object{
		"iss": issuer, "aud": audience, "sub": "alice", "jti": "AT.1",
		"iat": at(-time.Minute), "exp": at(4 * time.Minute),
	}
}

// sign signs with the key kid, under the header that is usual for it.
func sign(kid string, claims object) string {
	s := signers()[kid]
	return signText(kid, s.alg, object{"alg": s.alg, "kid": kid}.String(), claims.String())
}

// signText signs any two texts, whatever they say.
func signText(kid, alg, header, payload string) string {
	signing := b64([]byte(header)) + "." + b64([]byte(payload))
	sig := must(gojwt.GetSigningMethod(alg).Sign(signing, signers()[kid].private))
	return signing + "." + b64(sig)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// policy takes every algorithm that the issuer has a key for.
func policy() jwt.Policy {
	p := jwt.Policy{
		Issuer: issuer, Audiences: []string{audience, "api://second"},
		Algs: []string{"RS256", "ES256", "ES384", "ES512", "EdDSA"}, Leeway: time.Minute, MaxLifetime: time.Hour,
	}
	for _, kid := range []string{"rsa", "p256", "p384", "p521", "ed"} {
		p.Keys = append(p.Keys, signers()[kid].key())
	}
	return p
}

func verifier(t testing.TB, p jwt.Policy) *jwt.Verifier {
	t.Helper()
	v, err := jwt.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// check reads a token and has it verified.
func check(v *jwt.Verifier, token string, now time.Time) (*jwt.Token, error) {
	u, err := jwt.Read(token)
	if err != nil {
		return nil, err
	}
	return v.Verify(u, now)
}

// verify checks a token at now. Whatever is taken, golang-jwt takes too, when all
// that it has for this is switched on: it is a second opinion on each check that
// is made here instead.
func verify(t testing.TB, p jwt.Policy, token string, now time.Time) (*jwt.Token, error) {
	t.Helper()
	got, err := check(verifier(t, p), token, now)
	if err != nil {
		if _, ok := err.(jwt.Reason); !ok || got != nil {
			t.Errorf("refused with %T %v, and gave %v", err, err, got)
		}
		return got, err
	}
	options := []gojwt.ParserOption{
		gojwt.WithValidMethods(p.Algs), gojwt.WithStrictDecoding(), gojwt.WithExpirationRequired(),
		gojwt.WithIssuedAt(), gojwt.WithLeeway(p.Leeway), gojwt.WithIssuer(p.Issuer), gojwt.WithJSONNumber(),
		gojwt.WithTimeFunc(func() time.Time { return now }),
	}
	if p.Rules.Audience == "" {
		options = append(options, gojwt.WithAudience(p.Audiences...))
	}
	_, second := gojwt.NewParser(options...).Parse(token, func(parsed *gojwt.Token) (any, error) {
		for _, key := range p.Keys {
			if key.ID == parsed.Header["kid"] {
				return key.Public, nil
			}
		}
		return nil, jwt.KeyUnknown
	})
	if second != nil {
		t.Errorf("taken, but golang-jwt says: %v", second)
	}
	return got, nil
}
