package core

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// provider is one [[auth]] of tokens at work: its plugin, and what the router
// took from it.
type provider struct {
	*supervisor.Process
	life
	name      string
	authority *trust.Authority
	log       zerolog.Logger
}

func newProvider(cfg *config.Config, a *config.Auth, to *trust.Authority, o supervisor.Options) *provider {
	o.Name, o.Setting = a.Name, providerSetting(cfg, a, to)
	return &provider{Process: supervisor.New(o), name: a.Name, authority: to, log: o.Log.With().Str("auth", a.Name).Logger()}
}

// providerSetting has the plugin publish to the gate of the authority.
func providerSetting(cfg *config.Config, a *config.Auth, to *trust.Authority) supervisor.Setting {
	return supervisor.Setting{Command: pluginCommand(cfg, &a.Plugin), Plugin: a.Plugin.Name, Kind: a.Kind,
		Resolve: func(schema json.RawMessage) (json.RawMessage, error) { return a.Resolve(schema) },
		Provider: &supervisor.Provider{
			Policy: sdk.ProviderPolicy{Issuers: a.Issuers, Audiences: a.Audiences, Algs: a.Algs, UsableFor: time.Duration(a.UsableFor)},
			Take:   func(generation int, b sdk.TrustBundle) error { return to.Take(generation, b, time.Now()) },
		}}
}

// Run keeps the plugin at work, passes hints on to it, and says when an issuer's
// keys grow old, until ctx ends.
func (p *provider) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.Process.Run(ctx) })
	g.Go(func() error { p.hint(ctx); return nil })
	g.Go(func() error { p.watch(ctx); return nil })
	return g.Wait()
}

func (p *provider) hint(ctx context.Context) {
	for {
		h, wait, ok := p.authority.Hint(time.Now())
		if ok {
			p.log.Info().Str("issuer", h.Issuer).Msg("a token shows a key id that nobody knows: the provider is told") // which, nobody has proven
			p.Process.Hint(ctx, h.Issuer, h.KeyID)
			continue
		}
		var later <-chan time.Time
		if wait > 0 {
			later = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-p.authority.Hinted():
		case <-later:
		}
	}
}

// lookEvery is how often the age of an issuer's keys is looked at. What they may
// do does not depend on it.
const lookEvery = time.Second

// watch logs each change of an issuer's keys, and of what its tokens are worth.
func (p *provider) watch(ctx context.Context) {
	was := make(map[string]trust.IssuerFact)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for _, i := range p.authority.Fact(time.Now()).Issuers {
			before, known := was[i.Issuer]
			was[i.Issuer] = i
			switch {
			case i.State != before.State:
				p.tell(i, before.State)
			case known && !slices.Equal(i.Keys, before.Keys):
				p.log.Info().Str("issuer", i.Issuer).Strs("keys", i.Keys).Strs("were", before.Keys).Msg("the keys have changed")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *provider) tell(i trust.IssuerFact, was string) {
	switch i.State {
	case trust.TrustNone:
		p.log.Info().Str("issuer", i.Issuer).Msg("no keys yet: its tokens get 503 until the provider brings some")
	case trust.TrustFresh:
		p.log.Info().Str("issuer", i.Issuer).Strs("keys", i.Keys).Time("usable_until", i.UsableUntil).Msg("tokens are checked")
	case trust.TrustStale:
		p.log.Warn().Str("issuer", i.Issuer).Time("usable_until", i.UsableUntil).Msg("the keys grow old: issuer or provider are silent, and what is there still serves")
	case trust.TrustDead:
		p.log.Error().Str("issuer", i.Issuer).Str("was", was).Msg("the keys are too old: its tokens get 503 until the provider brings new ones")
	}
}

// trustPause is how often a new authority is asked whether it can check tokens.
const trustPause = 50 * time.Millisecond

// vouched waits until the provider has brought keys of all its issuers.
func (p *provider) vouched(ctx context.Context) error {
	for {
		without := ""
		f := p.authority.Fact(time.Now())
		for _, i := range f.Issuers {
			if i.State == trust.TrustNone || i.State == trust.TrustDead {
				without = i.Issuer
			}
		}
		if without == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			if f.Refused != nil {
				return fmt.Errorf("auth %s: what its plugin brings is refused: %s: %s", p.name, f.Refused.Reason, f.Refused.Detail)
			}
			return fmt.Errorf("auth %s: no keys of %s have come: %w", p.name, without, ctx.Err())
		case <-time.After(trustPause):
		}
	}
}
