package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// maxPrincipal is the longest name of a principal, in bytes: it travels in the
// header of each of its deliveries.
const maxPrincipal = 256

// OfTokens tells an auth of tokens, which a plugin brings, from one of keys.
func (a *Auth) OfTokens() bool { return a.Plugin.Name != "" || a.Path != "" }

func (a *Auth) class() string {
	if a.OfTokens() {
		return "tokens"
	}
	return "keys"
}

// auths checks [[auth]]. Material was resolved before, with its own rules.
func (k *checker) auths() {
	owners := make(map[string]string) // auth by issuer
	for i := range k.c.Auth {
		a, key := &k.c.Auth[i], item("auth", i)
		k.name("auth", a.Name, join(key, "name"))
		k.classKeys(a, key)
		if a.OfTokens() {
			k.tokens(a, key, owners)
			continue
		}
		k.keyKind(a.Kind, key)
		for j := range a.Keys {
			k.key(&a.Keys[j], item(join(key, "keys"), j))
		}
	}
}

var keyKinds = []string{"hmac", "ed25519"}

func (k *checker) keyKind(kind, key string) {
	switch {
	case kind == "":
		k.bad(join(key, "kind"), `is required: hmac or ed25519; or plugin, for tokens`)
	case !slices.Contains(keyKinds, kind):
		k.hint(join(key, "kind"), didYouMean(kind, keyKinds), "%q must be one of %s", kind, strings.Join(keyKinds, ", "))
	}
}

// tokens checks an auth of tokens. What an empty list would mean nobody should
// have to guess.
func (k *checker) tokens(a *Auth, key string, owners map[string]string) {
	k.plugin(&a.Plugin, key)
	if a.Kind != "" && !pluginPattern.MatchString(a.Kind) {
		k.bad(join(key, "kind"), "%s", pluginRule)
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"issuers", a.Issuers}, {"audiences", a.Audiences}, {"algs", a.Algs}} {
		at := join(key, list.name)
		if len(list.values) == 0 {
			k.bad(at, "is required for tokens, and must not be empty")
		}
		for i, v := range list.values {
			switch {
			case v == "":
				k.bad(item(at, i), "must not be empty")
			case slices.Contains(list.values[:i], v):
				k.bad(item(at, i), "%q is listed already", v)
			}
		}
	}
	for i, issuer := range a.Issuers {
		k.issuer(issuer, a.Name, item(join(key, "issuers"), i), owners)
	}
	for i, alg := range a.Algs {
		if alg != "" && !slices.Contains(jwk.Algs(), alg) {
			k.hint(item(join(key, "algs"), i), didYouMean(alg, jwk.Algs()), "%q must be one of %s", alg, strings.Join(jwk.Algs(), ", "))
		}
	}
}

// issuer checks an issuer identifier (RFC 8414, section 2): a URL without query
// and fragment. Plain http is for tests on one machine.
func (k *checker) issuer(issuer, auth, key string, owners map[string]string) {
	if owner, taken := owners[issuer]; taken && owner != auth {
		k.bad(key, "the issuer belongs to auth %q already: one issuer, one auth", owner)
		return
	}
	owners[issuer] = auth
	u, err := url.Parse(issuer)
	switch {
	case issuer == "":
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		k.bad(key, "must be https://HOST and perhaps a path, exactly as the issuer writes it")
	case u.Scheme == "http" && !loopbackHost(u.Hostname()):
		k.bad(key, "must be https://: whoever sits between could bring keys of their own")
	}
}

// loopbackHost takes literal addresses alone: what a name leads to may change.
func loopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// key checks what a key says about itself; its id is taken once among all keys
// of all providers, the revoked ones included.
func (k *checker) key(key *Key, at string) {
	k.name("key", key.ID, join(at, "id"))
	if problem := principalProblem(key.Principal); problem != "" {
		k.bad(join(at, "principal"), "%s", problem)
	}
	k.globs(key.Types, sdk.TypeSeparator, join(at, "types"))
	k.globs(key.Sources, sdk.SourceSeparator, join(at, "sources"))
	k.scopes(key.Scopes, join(at, "scopes"))
}

func principalProblem(name string) string {
	if name == "" || len(name) > maxPrincipal {
		return "must have 1 to 256 bytes"
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return "must not have control characters"
		}
	}
	return ""
}
