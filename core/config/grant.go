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
	default:
		k.grantIssuers(g, k.c.Auth[i].Issuers, join(join(key, "match"), "issuer"))
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

// grantIssuers asks whose tokens a grant means, where that may be those of several:
// who names clients of one issuer must not let in its namesakes of another.
func (k *checker) grantIssuers(g *Grant, issuers []string, at string) {
	k.refer(g.Match.Issuer, "issuer of the auth", at, issuers)
	if len(issuers) > 1 && len(g.Match.Issuer) == 0 && g.Match.When == "" {
		k.hint(at, "name those that it is for, all of them if that is meant", "auth %q has %d issuers", g.Auth, len(issuers))
	}
}
