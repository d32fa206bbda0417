package trust

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
)

// AuthoritySettings are what the router's own configuration says of one [[auth]]
// of a plugin. No bundle reaches beyond them.
type AuthoritySettings struct {
	Name        string
	Issuers     []string // each belongs to one authority of a snapshot
	Audiences   []string
	Algs        []string      // asymmetric ones: with any other no bundle is taken
	UsableFor   time.Duration // longest time keys serve after they were fetched, and after they were taken
	MaxLifetime time.Duration // of a token, as far as the bundle's is not shorter; 0 for jwt.MaxTokenLifetime
}

// Authority is one [[auth]] of a plugin: what its provider vouches for, as far as
// the gate took it. It outlives snapshots, which share it. Safe for concurrent
// use; who authenticates takes no lock.
type Authority struct {
	settings AuthoritySettings
	bundle   atomic.Pointer[bundle] // the last good one; nil before the first
	hints    *hints

	gate    sync.Mutex     // one bundle at a time
	refused *RefusedBundle // the newest bundle, if it was not taken
}

// NewAuthority checks settings. Until the first bundle is taken, the answer to
// each of its issuers' tokens is trust_unavailable.
func NewAuthority(s AuthoritySettings) (*Authority, error) {
	var problems []error
	for _, list := range []struct {
		name   string
		values []string
	}{{"issuers", s.Issuers}, {"audiences", s.Audiences}, {"algs", s.Algs}} {
		if err := checkList(list.values); err != nil {
			problems = append(problems, fmt.Errorf("auth %q: %s: %w", s.Name, list.name, err))
		}
	}
	switch {
	case s.Name == "":
		problems = append(problems, errors.New("auth has no name"))
	case s.UsableFor <= 0:
		problems = append(problems, fmt.Errorf("auth %q: usable_for is %v: say how long keys serve while the provider is silent", s.Name, s.UsableFor))
	case s.MaxLifetime < 0 || s.MaxLifetime > jwt.MaxTokenLifetime:
		problems = append(problems, fmt.Errorf("auth %q: lifetime of tokens is %v: at most %v", s.Name, s.MaxLifetime, jwt.MaxTokenLifetime))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	s.Issuers, s.Audiences, s.Algs = slices.Clone(s.Issuers), slices.Clone(s.Audiences), slices.Clone(s.Algs)
	if s.MaxLifetime == 0 {
		s.MaxLifetime = jwt.MaxTokenLifetime
	}
	return &Authority{settings: s, hints: newHints(s.Issuers)}, nil
}

func checkList(values []string) error {
	switch {
	case len(values) == 0:
		return errors.New("there is none")
	case slices.Contains(values, ""):
		return errors.New("one is empty")
	}
	sorted := slices.Sorted(slices.Values(values))
	if len(slices.Compact(sorted)) < len(values) {
		return errors.New("one stands there twice")
	}
	return nil
}

// trusted gives what the tokens of one of its issuers are checked with at now, or
// the reason why there is nothing. There is no failing open.
func (a *Authority) trusted(issuer string, now time.Time) (*trusted, string) {
	b := a.bundle.Load()
	if b == nil || b.issuers[issuer] == nil {
		return nil, ReasonTrustNone
	}
	t := b.issuers[issuer]
	if t.state(now) == TrustDead {
		return nil, ReasonTrustDead
	}
	return t, ""
}
