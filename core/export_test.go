package core

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/curve"
)

// LimitsInUse is what parts are made of [limits], and the keys for which doors are
// made anew by a reload.
func LimitsInUse(cfg *config.Config) (parts map[string]any, httpKeys, zmqKeys []string) {
	l := cfg.Limits
	o := peerOptions(l)
	rules, err := compile(cfg, trusted{})
	if err != nil {
		panic(err)
	}
	return map[string]any{
		"HTTP doors": httpLimits(l), "ZeroMQ doors": zmqLimits(l), "requests": requestLimits(l), "sockets": []any{o.Limits, o.Heartbeat, o.Backoff, o.Linger},
		"rules": []any{rules.Batch, rules.Admission, trustRules(cfg, trusted{}).ConditionCost},
	}, httpLimitKeys, zmqLimitKeys
}

// Rereading gives one look of rotate at the keys of a socket.
func Rereading(cfg *config.Config, from *config.Curve, socket interface {
	Rotate([]*curve.Secret) (bool, error)
}, log zerolog.Logger) func() {
	s := curveSource(cfg, "socket", from, socket, log)
	return func() { s.reread() }
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
	c, at := &Core{o: Options{Log: log}}, new(arrangement)
	for _, name := range channels {
		at.commands = append(at.commands, &command{name: name})
	}
	c.at.Store(at)
	c.nameTheStranded(st)
}

// Clock gives the Now of a clock that begins at base.
func Clock(base time.Time, wall func() time.Time, passed func() time.Duration) func() time.Time {
	return (&clock{wall: wall, passed: passed, base: base}).Now
}

// KeyReading gives one look of rotate at the keys of a configuration, what then
// counts, and how often files were read.
func KeyReading(cfg *config.Config, log zerolog.Logger) (reread func() bool, inUse func() *trust.Snapshot, reads *int, err error) {
	rules, err := Rules(cfg)
	if err != nil {
		return nil, nil, nil, err
	}
	in := &lastUsed{rules}
	s := keySource(cfg, newKeyring(cfg, trusted{}, in, rules, log))
	read, n := s.read, 0
	s.read = func() (*config.Config, []string, error) { n++; return read() }
	return s.reread, func() *trust.Snapshot { return in.rules.Trust }, &n, nil
}

// lastUsed is users that remember.
type lastUsed struct{ rules *intake.Generation }

func (l *lastUsed) Use(g *intake.Generation) { l.rules = g }
