package promise_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// impostor is testdata/impostor, a plugin that vouches for a key of the test's.
type impostor struct {
	program string
	key     jwkstest.Key
}

func buildImpostor(t *testing.T) impostor {
	t.Helper()
	p := impostor{filepath.Join(t.TempDir(), "impostor"), jwkstest.NewKey("ES256")}
	if err := build(p.program, "./testdata/impostor"); err != nil {
		t.Fatal(err)
	}
	return p
}

// auth is its [[auth]], with keys of its configuration beyond those of a good
// one.
func (p impostor) auth(t *testing.T, name, config string) *authority {
	t.Helper()
	sum := transformOf(t, name, p.program, "")
	_, sum, _ = strings.Cut(sum, "sha256 = ")
	if !strings.Contains(config, "keys = ") {
		config += "\nkeys = '[" + string(p.key.JWK()) + "]'"
	}
	return &authority{tokens{name: name, plugin: "impostor", alg: "ES256", issuers: []string{"https://" + name + ".example"}, clients: []string{edgeClient},
		more: fmt.Sprintf("path = %q\nsha256 = %s", p.program, strings.TrimSpace(sum)), config: config}, true}
}

// token has every right, if its key is an issuer's.
func (p impostor) token(issuer string) string {
	return p.key.Sign(accessClaims(jwkstest.New(issuer, "")), "typ", "at+jwt")
}

// impostors adds plugins that break, and what they publish that is not to be
// taken.
func (f *faults) impostors(p impostor, victim string) {
	add := func(name, env, config, says string) *fault {
		auth := p.auth(f.T, strings.ReplaceAll(name, " ", "-"), config)
		if env != "" {
			auth.more += fmt.Sprintf("\nenv = { IMPOSTOR = %q }", env)
		}
		return f.put(fault{name: name, auth: auth, token: p.token(auth.issuers[0]), about: auth.name, says: says, times: 1})
	}
	says := func(what string) string { return "trust bundle refused: " + what }
	publishes := func(fault, reason string) *fault {
		return add("publishes "+fault, "", fmt.Sprintf("fault = %q", fault), says(reason))
	}
	add("exits", "exits", "", "plugin ended before it was ready").times = 2
	add("program of others", "cookie", "", "plugin ended before it was ready").times = 2
	add("crashes when told", "", `fault = "crashes"`, "exit code 9").times = 2
	add("cannot be opened", "", `fault = "fails"`, "it cannot be opened").times = 1
	add("ends its watch", "", `fault = "ends"`, "it cannot go on").times = 2
	add("says nothing", "", `fault = "mute"`, "no keys yet")
	publishes("no issuers", "empty")
	publishes("no keys", "keys_absent")
	publishes("other alg", "alg_outside").auth.config += "\nother = \"HS256\""
	publishes("other audience", "audience_outside").auth.config += "\nother = \"api://other\""
	publishes("leeway", "rules_bad")
	publishes("lifetime", "lifetime_too_long")
	publishes("rules", "rules_bad")
	publishes("past", "expired")
	publishes("old", "expired")
	publishes("future", "fetched_in_future")

	const foreign = "https://foreign.example"
	c := publishes("other issuer", "issuer_outside")
	c.auth.config += fmt.Sprintf("\nother = %q", foreign)
	c.other = map[string]string{p.token(foreign): "401 unauthenticated"}
	c = publishes("other issuer too", "issuer_outside")
	c.auth.config += fmt.Sprintf("\nother = %q", victim)
	c.other = map[string]string{p.token(victim): "401 unauthenticated"}

	add("publishes what has ended", "", `fault = "own past"`, "the keys are too old")
	c = add("publishes what soon ends", "", `fault = "ends soon"`, "the keys are too old")
	c.after = true

	key := func(name string, keys ...any) *fault {
		return add("publishes a key "+name, "", "keys = '"+text(f.T, keys)+"'", says("key_bad"))
	}
	key("that is private", privateOf(f.T, p.key))
	key("for encryption", jwkWith(p.key, "use", "enc"))
	key("that is none", 1)
	c = key("that is shared", map[string]any{"kty": "oct", "alg": "HS256", "kid": "shared", "k": base64.RawURLEncoding.EncodeToString(make([]byte, 32))})
	c.token = sharedToken(f.T, make([]byte, 32), accessClaims(jwkstest.New(c.auth.issuers[0], "")))
	c = key("twice", p.key.JWK(), p.key.JWK())
	c.says = says("rules_bad")
}

// privateOf is a private key as a JWK.
func privateOf(t *testing.T, k jwkstest.Key) map[string]any {
	t.Helper()
	d, err := k.Private.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return jwkWith(k, "d", base64.RawURLEncoding.EncodeToString(d))
}
