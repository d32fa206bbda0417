package trust

import "github.com/headgate-io/headgate/core/signature/jwt"

// Fitting names the grants of an auth that a token of it fits, as in grants[3]. It
// is for explaining: nothing here says that the token is proven.
func (s *Snapshot) Fitting(auth string, t *jwt.Token) (names []string) {
	claims, _ := plain(t.Claims).(map[string]any)
	for _, g := range s.grants[auth] {
		fits := g.lists(t)
		if fits && g.when != nil {
			held, err := g.when.holds(claims)
			fits = held && err == nil
		}
		if fits {
			names = append(names, g.name)
		}
	}
	return names
}
