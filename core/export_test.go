package core

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/curve"
)

// Rereading gives one tick of rotate for a socket.
func Rereading(cfg *config.Config, from *config.Curve, socket interface {
	Rotate([]*curve.Secret) (bool, error)
}, log zerolog.Logger) func() {
	k := &keyed{name: "socket", from: from, socket: socket}
	return func() { k.reread(cfg, log) }
}

// ReadPauses reads what is paused in a data directory.
func ReadPauses(dir string) (has func(string) bool, set func(string, bool) error, err error) {
	p, err := readPauses(dir)
	if err != nil {
		return nil, nil, err
	}
	return p.has, p.set, nil
}

// NameTheStranded does so for a router with those command channels.
func NameTheStranded(log zerolog.Logger, st outbox.Stats, channels ...string) {
	c := &Core{o: Options{Log: log}}
	for _, name := range channels {
		c.commands = append(c.commands, command{name: name})
	}
	c.nameTheStranded(st)
}

// Clock gives the Now of a clock that begins at base.
func Clock(base time.Time, wall func() time.Time, passed func() time.Duration) func() time.Time {
	return (&clock{wall: wall, passed: passed, base: base}).Now
}
