package trust

import (
	"errors"
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk/dsse"
)

// Grant is what principals of tokens may send. It is for those of its auth that
// fit every list that is not empty, by any of its elements, and When; for all of
// them where nothing is said. Without a grant nobody has a right, and the rights
// of two grants are two rights: no source of one goes with a type of the other.
type Grant struct {
	Auth     string
	Issuers  []string // of the auth's: a client of one is nobody to another
	Clients  []string
	Subjects []string // as in sdk.Principal
	Groups   []string
	When     string // CEL that gives bool, over token: the verified claims. No answer is no

	Sources []string // globs over "/"
	Types   []string // globs over "."
	// Scopes the grant gives. Where the issuer's tokens carry scopes, a sender has
	// those alone that its token carries too.
	Scopes []string
}

// grant is a Grant ready for use.
type grant struct {
	name string // grants[3]
	Grant
	when   *condition // nil for none
	rights *rights
}

// addGrant compiles g, the i-th.
func (s *Snapshot) addGrant(env *cel.Env, cost uint64, i int, g Grant) error {
	name := fmt.Sprintf("grants[%d]", i)
	fault := func(field string, err error) error { return &CompileError{Key: name + field, Err: err} }
	at := slices.IndexFunc(s.authorities, func(a *Authority) bool { return a.settings.Name == g.Auth })
	if at < 0 {
		return fault(".auth", fmt.Errorf("auth %q is none of tokens: keys have rights of their own", g.Auth))
	}
	if other := outside(g.Issuers, s.authorities[at].settings.Issuers); other >= 0 {
		return fault(".match.issuer", fmt.Errorf("issuer %q is not one of auth %q", g.Issuers[other], g.Auth))
	}
	if len(g.Sources) == 0 || len(g.Types) == 0 {
		return fault("", errors.New("sources and types are both needed: without them it grants nothing"))
	}
	if slices.Contains(slices.Concat(g.Clients, g.Subjects, g.Groups), "") {
		return fault(".match", errors.New("a client, subject or group is empty"))
	}
	r, err := newRights(g.Sources, g.Types, g.Scopes)
	if err != nil {
		return fault("", err)
	}
	out := &grant{name: name, Grant: g, rights: r}
	out.Issuers, out.Clients, out.Subjects, out.Groups = slices.Clone(g.Issuers), slices.Clone(g.Clients), slices.Clone(g.Subjects), slices.Clone(g.Groups)
	if g.When != "" {
		if out.when, err = compileCondition(env, cost, name+".match.when", g.When); err != nil {
			return err
		}
	}
	s.grants[g.Auth] = append(s.grants[g.Auth], out)
	return nil
}

// bearer is what a token of a is worth in this snapshot: its grants are found
// once for a request, however many events that has.
func (s *Snapshot) bearer(a *Authority, t *jwt.Token, bound *dsse.Key) *bearer {
	b := &bearer{token: t, bound: bound, snapshot: s}
	var claims map[string]any // made for the first condition
	for _, g := range s.grants[a.settings.Name] {
		if !g.lists(t) {
			continue
		}
		if g.when != nil {
			if claims == nil {
				claims, _ = plain(t.Claims).(map[string]any)
			}
			held, err := g.when.holds(claims)
			if err != nil {
				b.faults = addVerdict(b.faults, Verdict{g.name, ReasonConditionFailed})
			}
			if err != nil || !held {
				continue
			}
		}
		b.rights = append(b.rights, g.rights)
	}
	return b
}

// lists tells that the token fits the grant's lists.
func (g *grant) lists(t *jwt.Token) bool {
	return (len(g.Issuers) == 0 || slices.Contains(g.Issuers, t.Issuer)) &&
		(len(g.Clients) == 0 || slices.Contains(g.Clients, t.Client)) &&
		(len(g.Subjects) == 0 || slices.Contains(g.Subjects, t.Subject)) &&
		(len(g.Groups) == 0 || slices.ContainsFunc(g.Groups, func(group string) bool { return slices.Contains(t.Groups, group) }))
}
