package core

import (
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/curve"
)

// rereadEvery is how soon a changed key file counts. Files are read, not
// watched: links that are swapped, as Kubernetes does, are followed that way.
const rereadEvery = time.Second

// keyed is a socket with CURVE keys of its own.
type keyed struct {
	name   string
	from   *config.Curve
	socket rotator
	last   []*curve.Secret // as read before; a file may be in the midst of being written
	fault  string          // that was told last; empty while the file is good
}

type rotator interface {
	Rotate(secrets []*curve.Secret) (changed bool, err error)
}

// rotate gives sockets the keys that stand in their files, once two readings in
// a row agree, until ctx ends. A file that is bad or gone changes nothing and is
// told of once.
func rotate(ctx context.Context, cfg *config.Config, sockets []*keyed, log zerolog.Logger) error {
	tick := time.NewTicker(rereadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, k := range sockets {
			k.reread(cfg, log)
		}
	}
}

func (k *keyed) reread(cfg *config.Config, log zerolog.Logger) {
	secrets, err := cfg.ReadCurve(k.from)
	changed := false
	if err == nil && slices.EqualFunc(secrets, k.last, func(a, b *curve.Secret) bool { return a.Public() == b.Public() }) {
		changed, err = k.socket.Rotate(secrets)
	}
	k.last = secrets
	if err != nil {
		if k.fault != err.Error() {
			log.Error().Str("socket", k.name).Err(err).Msg("curve keys: the file is not good, the keys stay as they are")
		}
		k.fault = err.Error()
		return
	}
	if k.fault != "" {
		log.Info().Str("socket", k.name).Msg("curve keys: the file is good again")
	}
	k.fault = ""
	if changed {
		log.Info().Str("socket", k.name).Stringer("key", secrets[0].Public()).Int("keys", len(secrets)).Msg("curve keys changed")
	}
}
