package core

import (
	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/curve"
)

// Rereading gives one tick of rotate for a socket.
func Rereading(cfg *config.Config, from *config.Curve, socket interface {
	Rotate([]*curve.Secret) (bool, error)
}, log zerolog.Logger) func() {
	k := &keyed{name: "socket", from: from, socket: socket}
	return func() { k.reread(cfg, log) }
}
