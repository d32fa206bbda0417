package config

import "github.com/headgate-io/headgate/sdk"

// maxPrincipal is the longest name of a principal, in bytes: it travels in the
// header of each of its deliveries.
const maxPrincipal = 256

// auths checks [[auth]]. Material was resolved before, with its own rules.
func (k *checker) auths() {
	for i := range k.c.Auth {
		a, key := &k.c.Auth[i], item("auth", i)
		k.name("auth", a.Name, join(key, "name"))
		for j := range a.Keys {
			k.key(&a.Keys[j], item(join(key, "keys"), j))
		}
	}
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
