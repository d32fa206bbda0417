package core

import (
	"context"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/core/trust"
)

// KeyReadingIn is KeyReading of a router that remembers in a data directory, from
// its start.
func KeyReadingIn(dir string, cfg *config.Config, log zerolog.Logger) (reread func() bool, inUse func() *trust.Snapshot, fault func() string, err error) {
	t := trusted{}
	if t.revoked, err = readRevoked(dir); err != nil {
		return nil, nil, nil, err
	}
	rules, err := compile(cfg, t)
	if err != nil {
		return nil, nil, nil, err
	}
	in := &lastUsed{rules}
	s := keySource(cfg, newKeyring(cfg, t, in, rules, log))
	return s.reread, func() *trust.Snapshot { return in.rules.Trust }, s.Fault, nil
}

// PassOnHints has what an authority is to tell its provider passed on to nobody,
// until ctx ends.
func PassOnHints(ctx context.Context, from *trust.Authority, log zerolog.Logger) {
	(&provider{Process: new(supervisor.Process), authority: from, log: log}).hint(ctx)
}
