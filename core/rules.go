package core

import (
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/trust"
)

// Rules compiles keys, grants and routes. The error is config.Problems: every
// fault with its place in the file. It is what `headgate check` asks.
func Rules(cfg *config.Config) (*intake.Generation, error) {
	authorities, err := newAuthorities(cfg)
	if err != nil {
		return nil, err
	}
	return compile(cfg, trusted{authorities: authorities})
}

// trusted is what outlives one generation of rules: the authorities with what
// their plugins brought, which tokens verified, when keys were used, and which were
// ever revoked.
type trusted struct {
	authorities []*trust.Authority
	cache       *jwt.Cache
	uses        *trust.Uses
	revoked     *revoked
}

// tokensCached is how many bytes of verified tokens are remembered, so that they are
// not verified again for each request: about 2 KiB each. Half of them stay for certain.
const tokensCached = 64 << 20

// newAuthorities gives one for each [[auth]] of tokens, in their order.
func newAuthorities(cfg *config.Config) (out []*trust.Authority, err error) {
	for i := range cfg.Auth {
		if !cfg.Auth[i].OfTokens() {
			continue
		}
		a, err := newAuthority(cfg, i)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func newAuthority(cfg *config.Config, i int) (*trust.Authority, error) {
	a := &cfg.Auth[i]
	out, err := trust.NewAuthority(trust.AuthoritySettings{Name: a.Name, Issuers: a.Issuers, Audiences: a.Audiences, Algs: a.Algs,
		UsableFor: time.Duration(a.UsableFor), MaxLifetime: time.Duration(a.MaxToken)})
	if err != nil {
		return nil, config.Problems{cfg.Problem(fmt.Sprintf("auth[%d]", i), err.Error())}
	}
	return out, nil
}

func compile(cfg *config.Config, t trusted) (*intake.Generation, error) {
	snapshot, err := trust.New(trustRules(cfg, t))
	if err != nil {
		return nil, problems(cfg, err)
	}
	table, err := newTable(cfg)
	if err != nil {
		return nil, err
	}
	return &intake.Generation{Trust: snapshot, Table: table, Batch: cfg.Limits.Batch, Rates: ingressRates(cfg), MaxPending: maxPending(cfg, &cfg.Journal),
		Admission: intake.Admission{PerSecond: float64(cfg.Limits.Admission), Bytes: int64(cfg.Limits.WorkBytes)}}, nil
}

func ingressRates(cfg *config.Config) map[string]route.Rate {
	out := make(map[string]route.Rate)
	for _, in := range cfg.Ingress {
		out[in.Name] = rate(in.Rate)
	}
	return out
}

func rate(r config.Rate) route.Rate {
	return route.Rate{PerSecond: float64(r.PerPrincipal), Burst: r.Burst}
}

func trustRules(cfg *config.Config, t trusted) trust.Rules {
	r := trust.Rules{Authorities: t.authorities, Cache: t.cache, Uses: t.uses, ConditionCost: uint64(cfg.Limits.ConditionCost)}
	for _, a := range cfg.Auth {
		if a.OfTokens() {
			continue
		}
		auth := trust.Auth{Name: a.Name, Kind: a.Kind, Keys: make([]trust.Key, len(a.Keys))}
		for j, k := range a.Keys {
			if t.revoked.has(k.ID) {
				k.State, k.Material = config.StateRevoked, nil
			}
			auth.Keys[j] = trust.Key{ID: k.ID, Principal: k.Principal, State: k.State, Material: k.Material.Reveal(),
				Sources: k.Sources, Types: k.Types, Scopes: k.Scopes}
		}
		r.Auths = append(r.Auths, auth)
	}
	for _, g := range cfg.Grants {
		r.Grants = append(r.Grants, trust.Grant{Auth: g.Auth, Issuers: g.Match.Issuer, Clients: g.Match.Client, Subjects: g.Match.Subject, Groups: g.Match.Groups, When: g.Match.When,
			Sources: g.Sources, Types: g.Types, Scopes: g.Scopes})
	}
	r.EventKeys = eventKeys(cfg)
	return r
}

func eventKeys(cfg *config.Config) []trust.EventKey {
	out := make([]trust.EventKey, len(cfg.EventKeys))
	for i, k := range cfg.EventKeys {
		out[i] = trust.EventKey{ID: k.ID, Source: k.Source, State: k.State, Public: k.Key}
	}
	return out
}

func newTable(cfg *config.Config) (*route.Table, error) {
	rules := make([]route.Rule, len(cfg.Routes))
	for i, r := range cfg.Routes {
		rules[i] = route.Rule{Name: r.Name, Types: r.Type, Sources: r.Source, When: r.When, Auth: r.Auth,
			RequireAuth: r.Require.Auth, Scopes: r.Require.Scopes, EventSignature: r.Require.EventSignature, Schema: r.SchemaJSON, Transforms: r.Transforms, Channels: r.Channels,
			Rate: rate(r.Rate)}
	}
	channels := make([]route.Channel, len(cfg.Channels))
	for i, c := range cfg.Channels {
		channels[i] = route.Channel{Name: c.Name, Command: c.Class == "command", OrderBy: c.OrderBy, Park: c.OnDead == "park",
			Auth: c.Require.Auth, Scopes: c.Require.Scopes, EventSignature: c.Require.EventSignature, Transforms: c.Require.Transforms}
	}
	table, err := route.New(rules, channels, route.Options{ConditionCost: uint64(cfg.Limits.ConditionCost)})
	if err != nil {
		return nil, problems(cfg, err)
	}
	return table, nil
}

// problems gives compile errors their places in the file.
func problems(cfg *config.Config, err error) error {
	var joined interface{ Unwrap() []error }
	list := []error{err}
	if errors.As(err, &joined) {
		list = joined.Unwrap()
	}
	out := make(config.Problems, len(list))
	for i, e := range list {
		ofRoute, isRoute := errors.AsType[*route.CompileError](e)
		ofTrust, isTrust := errors.AsType[*trust.CompileError](e)
		switch {
		case isRoute:
			out[i] = cfg.Problem(ofRoute.Key, placed(ofRoute.Err, ofRoute.Line, ofRoute.Column))
		case isTrust:
			out[i] = cfg.Problem(ofTrust.Key, placed(ofTrust.Err, ofTrust.Line, ofTrust.Column))
		default:
			return err
		}
	}
	return out
}

// placed says where in an expression a fault is.
func placed(err error, line, column int) string {
	if line == 0 {
		return err.Error()
	}
	return fmt.Sprintf("line %d, column %d of the expression: %v", line, column, err)
}

// Warnings lists what is allowed and yet deserves a second look, one line each:
// what the configuration says by itself, senders whose sources overlap, and scopes
// that a route requires and nobody can have.
func Warnings(cfg *config.Config) []string {
	out := cfg.Warnings()
	floors := make(map[string]trust.Requirement)
	for _, c := range cfg.Channels {
		floors[c.Name] = requirement(&c.Require.Require)
	}
	needs := make([]trust.RouteNeeds, len(cfg.Routes))
	for i, r := range cfg.Routes {
		needs[i] = trust.RouteNeeds{Name: r.Name, Types: r.Type, Sources: r.Source, Requirements: []trust.Requirement{{Auth: r.Auth}, requirement(&r.Require)}}
		for _, channel := range r.Channels {
			needs[i].Requirements = append(needs[i].Requirements, floors[channel])
		}
	}
	for _, w := range trustRules(cfg, trusted{}).Warnings(needs) {
		out = append(out, w.String())
	}
	return out
}

func requirement(q *config.Require) trust.Requirement {
	return trust.Requirement{Auth: q.Auth, Scopes: q.Scopes, EventSignature: q.EventSignature}
}
