package supervisor

import (
	"context"
	"errors"

	"github.com/headgate-io/headgate/sdk"
)

// Provider is what a Process of an identity provider has beside its Setting. Its
// plugin is watched from when it is ready until it ends.
type Provider struct {
	Policy sdk.ProviderPolicy
	// Take is given each bundle, with the number of the generation that sent it:
	// they rise within a Process. The plugin is told the error with which it is
	// refused, and goes on. Take is not called by two at a time for one generation.
	Take func(generation int, b sdk.TrustBundle) error
}

// listen takes what a generation of a provider publishes, until it ends. One that
// publishes nothing any more has failed.
func (p *Process) listen(g *generation) {
	err := g.process.WatchTrust(p.ending, g.kind.Name, func(b sdk.TrustBundle) error {
		err := g.edition.Provider.Take(g.number, b)
		line := p.log.Debug()
		if err != nil {
			line = p.log.Error().AnErr("reason", err)
			p.tell(Refused, g.number, g, err.Error())
		}
		line.Int("generation", g.number).Uint64("bundle", b.Version).Bool("taken", err == nil).Msg("trust bundle")
		return err
	})
	if p.ending.Err() != nil || p.current() != g || g.gone() {
		return // it is over anyhow
	}
	if err == nil {
		err = errors.New("without a word")
	}
	g.condemn("it ended its watch: " + err.Error())
}

// Hint tells the provider of a key id that nobody knows. It is lost where the
// plugin cannot be called now: who comes with such a key comes again.
func (p *Process) Hint(ctx context.Context, issuer, kid string) {
	g := p.current()
	if g == nil {
		return
	}
	if err := g.process.Hint(ctx, g.kind.Name, issuer, kid); err != nil {
		p.log.Warn().AnErr("reason", err).Int("generation", g.number).Str("issuer", issuer).Msg("provider took no hint of an unknown key")
	}
}
