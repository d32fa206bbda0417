package core

import (
	"slices"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/curve"
)

// rotator is a socket whose CURVE keys may change while it runs.
type rotator interface {
	Rotate(secrets []*curve.Secret) (changed bool, err error)
}

// curveSource is what a socket has its own CURVE keys from.
func curveSource(cfg *config.Config, name string, from *config.Curve, socket rotator, log zerolog.Logger) *source[[]*curve.Secret] {
	log = log.With().Str("socket", name).Logger()
	return &source[[]*curve.Secret]{
		name: "curve keys",
		log:  log,
		read: func() ([]*curve.Secret, []string, error) {
			secrets, err := cfg.ReadCurve(from)
			return secrets, cfg.CurveFiles(from), err
		},
		same: func(a, b []*curve.Secret) bool {
			return slices.EqualFunc(a, b, func(a, b *curve.Secret) bool { return a.Public() == b.Public() })
		},
		use: func(secrets []*curve.Secret) error {
			changed, err := socket.Rotate(secrets)
			if changed && err == nil {
				log.Info().Stringer("key", secrets[0].Public()).Int("keys", len(secrets)).Msg("curve keys changed")
			}
			return err
		},
	}
}
