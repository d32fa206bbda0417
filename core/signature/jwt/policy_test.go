package jwt_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

func TestNewRefuses(t *testing.T) {
	rules := func(change func(*sdk.TokenRules)) func(*jwt.Policy) {
		return func(p *jwt.Policy) { change(&p.Rules) }
	}
	key := func(k jwk.Key) func(*jwt.Policy) {
		return func(p *jwt.Policy) { p.Keys = append(p.Keys, k) }
	}
	for _, c := range []struct {
		name   string
		change func(*jwt.Policy)
		says   string
	}{
		{"no issuer", func(p *jwt.Policy) { p.Issuer = "" }, "no issuer"},
		{"no audiences", func(p *jwt.Policy) { p.Audiences = nil }, "no audience"},
		{"an empty audience", func(p *jwt.Policy) { p.Audiences = append(p.Audiences, "") }, "no audience"},
		{"no algs", func(p *jwt.Policy) { p.Algs = nil }, "no alg"},
		{"none", func(p *jwt.Policy) { p.Algs = append(p.Algs, "none") }, `"none"`},
		{"HS256", func(p *jwt.Policy) { p.Algs = append(p.Algs, "HS256") }, `"HS256"`},
		{"ES256K", func(p *jwt.Policy) { p.Algs = append(p.Algs, "ES256K") }, `"ES256K"`},
		{"Ed25519", func(p *jwt.Policy) { p.Algs = append(p.Algs, "Ed25519") }, `"Ed25519"`},
		{"rs256", func(p *jwt.Policy) { p.Algs = append(p.Algs, "rs256") }, `"rs256"`},
		{"an empty alg", func(p *jwt.Policy) { p.Algs = append(p.Algs, "") }, `alg ""`},
		{"no keys", func(p *jwt.Policy) { p.Keys = nil }, "0 keys"},
		{"too many keys", func(p *jwt.Policy) { p.Keys = make([]jwk.Key, jwt.MaxKeys+1) }, "65 keys"},
		{"a key without id", key(jwk.Key{Public: edwards().Public()}), "no id"},
		{"one key without id", func(p *jwt.Policy) { p.Keys = []jwk.Key{{Public: edwards().Public()}} }, "no id"},
		{"an id twice", key(jwk.Key{ID: "rsa", Public: edwards().Public()}), "two keys"},
		{"an id with a space", key(jwk.Key{ID: "a b", Public: edwards().Public()}), "its id"},
		{"a key that fits none", func(p *jwt.Policy) { p.Algs = []string{"ES256"} }, "fits none"},
		{"a key whose own alg is none of them", key(jwk.Key{ID: "k", Alg: "PS256", Public: signers()["rsa"].private.Public()}), "fits none"},
		{"a short key", key(jwk.Key{ID: "k", Public: &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}}), "1024 bits"},
		{"a key of small order", key(jwk.Key{ID: "k", Public: make(ed25519.PublicKey, 32)}), "Ed25519"},
		{"a private key", key(jwk.Key{ID: "k", Public: edwards()}), "not a public"},
		{"a shared secret", key(jwk.Key{ID: "k", Public: []byte("secret")}), "not a public"},
		{"leeway below 0", func(p *jwt.Policy) { p.Leeway = -1 }, "leeway"},
		{"leeway above 120 s", func(p *jwt.Policy) { p.Leeway = jwt.MaxLeeway + 1 }, "leeway"},
		{"no lifetime", func(p *jwt.Policy) { p.MaxLifetime = 0 }, "lifetime"},
		{"lifetime above 24 h", func(p *jwt.Policy) { p.MaxLifetime = jwt.MaxTokenLifetime + 1 }, "lifetime"},

		{"type in upper case", rules(func(r *sdk.TokenRules) { r.Types = []string{"JWT"} }), "type"},
		{"type in full", rules(func(r *sdk.TokenRules) { r.Types = []string{"application/jwt"} }), "type"},
		{"audience without slash", rules(func(r *sdk.TokenRules) { r.Audience = "client_id" }), `"client_id"`},
		{"client without slash", rules(func(r *sdk.TokenRules) { r.Client = "cid" }), `"cid"`},
		{"groups without slash", rules(func(r *sdk.TokenRules) { r.Groups = "groups" }), `"groups"`},
		{"scopes without slash", rules(func(r *sdk.TokenRules) { r.Scopes = "scp" }), `"scp"`},
		{"confirmation without slash", rules(func(r *sdk.TokenRules) { r.Confirmation = "x" }), `"x"`},
		{"bad escape", rules(func(r *sdk.TokenRules) { r.Client = "/a~2" }), "~0"},
		{"open escape", rules(func(r *sdk.TokenRules) { r.Client = "/a~" }), "~0"},
		{"require of nothing", rules(func(r *sdk.TokenRules) { r.Require = []sdk.ClaimRule{{}} }), "JSON Pointer"},
		{"require of a bad shape", rules(func(r *sdk.TokenRules) { r.Require = []sdk.ClaimRule{{Claim: "/a", Shape: "number"}} }), "shape"},
		{"differs without slash", rules(func(r *sdk.TokenRules) { r.Require = []sdk.ClaimRule{{Claim: "/a", Differs: "b"}} }), `"b"`},
		{"forbid of nothing", rules(func(r *sdk.TokenRules) { r.Forbid = []string{""} }), "JSON Pointer"},
		{"subject of nothing", rules(func(r *sdk.TokenRules) { r.Subject = []sdk.SubjectRule{{Prefix: "x"}} }), "JSON Pointer"},
		{"prefix with a line break", rules(func(r *sdk.TokenRules) { r.Subject = []sdk.SubjectRule{{Claim: "/a", Prefix: "x\n"}} }), "prefix"},
	} {
		p := policy()
		c.change(&p)
		v, err := jwt.New(p)
		if err == nil || v != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want something of %q", c.name, err, c.says)
		}
	}
}

func TestNewTellsAllThatIsWrong(t *testing.T) {
	_, err := jwt.New(jwt.Policy{Rules: sdk.TokenRules{Client: "x"}})
	for _, want := range []string{"issuer", "audience", "no alg", "keys", "lifetime", `"x"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %q in %v", want, err)
		}
	}
}

func TestNewTakesTheBounds(t *testing.T) {
	p := policy()
	p.Leeway, p.MaxLifetime = jwt.MaxLeeway, jwt.MaxTokenLifetime
	for i := len(p.Keys); i < jwt.MaxKeys; i++ {
		p.Keys = append(p.Keys, jwk.Key{ID: strings.Repeat("k", i), Public: edwards().Public()})
	}
	v := verifier(t, p)
	if _, err := check(v, sign("ed", good().and(object{"iat": at(0), "exp": at(24 * time.Hour)})), now); err != nil {
		t.Error(err)
	}
}

// What a policy was made of may change afterwards.
func TestVerifierKeepsItsOwn(t *testing.T) {
	p := policy()
	p.Rules.Types = []string{"", "jwt"}
	p.Rules.Require = []sdk.ClaimRule{{Claim: "/sub", OneOf: []string{"alice"}, Prefixes: []string{"al"}}}
	v := verifier(t, p)
	clear(p.Audiences)
	clear(p.Algs)
	clear(p.Keys)
	clear(p.Rules.Types)
	clear(p.Rules.Require[0].OneOf)
	clear(p.Rules.Require[0].Prefixes)
	for _, header := range []string{`{"alg":"EdDSA","kid":"ed"}`, `{"alg":"EdDSA","kid":"ed","typ":"JWT"}`} {
		if _, err := check(v, signText("ed", "EdDSA", header, good().String()), now); err != nil {
			t.Error(err)
		}
	}
}
