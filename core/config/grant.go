package config

import (
	"slices"

	"github.com/headgate-io/headgate/sdk"
)

// grant checks one [[grants]]. That its condition can be decided is for trust to
// find out.
func (k *checker) grant(g *Grant, key string) {
	at := join(key, "auth")
	i := slices.IndexFunc(k.c.Auth, func(a Auth) bool { return a.Name == g.Auth })
	switch {
	case g.Auth == "": // required says so
	case i < 0:
		k.hint(at, didYouMean(g.Auth, k.authNames()), "unknown auth %q", g.Auth)
	case !k.c.Auth[i].OfTokens():
		k.hint(at, "write sources, types and scopes with the key", "auth %q has keys, which have rights of their own", g.Auth)
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"client", g.Match.Client}, {"subject", g.Match.Subject}, {"groups", g.Match.Groups}} {
		for j, v := range list.values {
			if v == "" {
				k.bad(item(join(join(key, "match"), list.name), j), "must not be empty")
			}
		}
	}
	k.globs(g.Sources, sdk.SourceSeparator, join(key, "sources"))
	k.globs(g.Types, sdk.TypeSeparator, join(key, "types"))
	k.scopes(g.Scopes, join(key, "scopes"))
}
