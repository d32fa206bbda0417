package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// routerConfig is the quickstart on free ports, with bounds that a benchmark
// does not reach.
const routerConfig = `
[data]
dir = "data"
[[ingress]]
name = "edge"
listen = "http://127.0.0.1:0"
[replies]
listen = "tcp://127.0.0.1:0"
[[auth]]
name = "edge-keys"
kind = "hmac"
keys = "dir:keys"
[[channels]]
name = "commands"
class = "command"
listen = "tcp://127.0.0.1:0"
max_pending = "100%%"
[[channels]]
name = "telemetry"
class = "telemetry"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
transforms = [%s]
channels = ["commands"]
[[routes]]
name = "readings"
type = ["com.example.reading.**"]
channels = ["telemetry"]
[journal]
engine = %q
max_ids = 100_000_000
capacity = "8GiB"
[limits]
peers_per_address = 4096
handshakes = 4096
`

// maskConfig has this program run as its own plugin, as shipped ones are. The
// memory of that process is as good as unbounded: a race detector reserves a lot.
const maskConfig = `
[[transforms]]
name = "mask"
plugin = "mask"
kind = "mask"
config = { fields = ["/data/note"] }
limits = { memory = "1TiB" }
`

const keyID = "bench"

// engine is a router's outbox, as its configuration names it.
type engine string

const (
	durable  engine = "embedded"
	volatile engine = "memory"
)

// outbox is what rows call it.
func (e engine) outbox() string {
	if e == durable {
		return "durable"
	}
	return "memory outbox, not durable"
}

// setup is what routers differ in.
type setup struct {
	engine
	masked  bool    // commands go through a plugin
	bare    bool    // nothing for operators and auditors
	watched bool    // all there is for them
	issuer  *issuer // of tokens that are taken besides keys; nil for none
}

// config is the router's.
func (s setup) config() ([]byte, error) {
	transforms, plugins := "", ""
	if s.masked {
		transforms, plugins = `"mask"`, maskConfig
	}
	if s.issuer != nil {
		tokens, err := s.issuer.config()
		if err != nil {
			return nil, err
		}
		plugins += tokens
	}
	text := fmt.Appendf(nil, routerConfig, transforms, s.engine)
	switch {
	case s.bare:
		text = append(text, bareConfig...)
	case s.watched:
		text = append(append(text, watchedLimits...), watchedConfig...)
	}
	return append(text, plugins...), nil
}

// playRouter is the router itself, with the configuration of its one argument.
func playRouter(ctx context.Context, args []string, say func(string)) error {
	if len(args) != 1 {
		return errors.New("router: a configuration is needed")
	}
	cfg, err := config.Load(args, config.Options{Env: []string{}})
	if err != nil {
		return err
	}
	c, err := core.New(ctx, cfg, core.Options{Version: "bench", Log: zerolog.New(os.Stderr).Level(zerolog.ErrorLevel)})
	if err != nil {
		return err
	}
	top, err := c.Top(ctx)
	if err != nil {
		return err
	}
	say(strings.Join([]string{top.Doors[0].Address, top.Commands[0].Address, top.Telemetry[0].Address}, " "))
	return c.Run(ctx)
}

// router is a running router in a process of its own.
type router struct {
	*child
	dir                 string
	config              string // path
	profile             string // file; empty for none
	address             string // of its door, host:port
	commands, telemetry string // endpoints
	secret              string
	signer              *webhook.Signer
	ask                 *admin.Client
}

// newRouter starts a router called name.
func (b *bench) newRouter(ctx context.Context, name string, of setup) (*router, error) {
	dir := filepath.Join(b.dir, name)
	secret := webhook.NewSecret()
	r := &router{dir: dir, config: filepath.Join(dir, "headgate.toml"), profile: b.profile(name), secret: webhook.FormatSecret(secret),
		ask: admin.NewClient(datadir.Socket(filepath.Join(dir, "data")))}
	err := config.WriteKey(filepath.Join(dir, "keys"), config.Key{ID: keyID, Principal: "edge", State: "active", Sources: []string{"//bench/**"}, Types: []string{"**"}}, r.secret)
	if err != nil {
		return nil, err
	}
	if r.signer, err = webhook.NewHMACSigner(secret); err != nil {
		return nil, err
	}
	text, err := of.config()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(r.config, text, 0o600); err != nil {
		return nil, err
	}
	if err := r.start(ctx, b); err != nil {
		return nil, err
	}
	return r, nil
}

// start runs it until its addresses are bound.
func (r *router) start(ctx context.Context, b *bench) error {
	c, addresses, err := b.role(ctx, r.profile, "router", r.config)
	if err != nil {
		return err
	}
	var door string
	if _, err := fmt.Sscan(addresses, &door, &r.commands, &r.telemetry); err != nil {
		c.kill()
		return fmt.Errorf("router: its addresses: %w", err)
	}
	r.child, r.address = c, strings.TrimPrefix(door, "http://")
	return nil
}

// routerPatience bounds every wait for a router to come to a state, as long as
// it may take to deliver a million events.
const routerPatience = 3 * time.Minute

// until waits for the router to be as wanted and returns what it then shows.
func (r *router) until(ctx context.Context, what string, wanted func(*admin.Top) bool) (admin.Top, error) {
	ctx, cancel := context.WithTimeout(ctx, routerPatience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		top, err := r.ask.Top(ctx)
		if err == nil && wanted(&top) {
			return top, nil
		}
		if err != nil && ctx.Err() == nil {
			return top, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return top, fmt.Errorf("router: waited in vain until %s: %w", what, ctx.Err())
		}
	}
}

// cpu gives what the router and its plugins have used so far, zero without /proc.
func (r *router) cpu(top *admin.Top) (used time.Duration, err error) {
	pids := []int{r.cmd.Process.Pid}
	for _, p := range top.Plugins {
		pids = append(pids, p.PID)
	}
	for _, pid := range pids {
		one, err := cpuSince(pid, 0)
		if err != nil {
			return 0, err
		}
		used += one
	}
	return used, nil
}

// connected waits for so many consumers and subscribers.
func (r *router) connected(ctx context.Context, consumers, subscribers int) error {
	_, err := r.until(ctx, "consumers are connected", func(t *admin.Top) bool {
		return len(t.Commands[0].Conns) == consumers && t.Telemetry[0].Subscribers == subscribers
	})
	return err
}

// quiet waits until everything accepted has been delivered, and commands done.
func (r *router) quiet(ctx context.Context) (admin.Top, error) {
	return r.until(ctx, "everything is delivered", func(t *admin.Top) bool {
		c, tm := t.Commands[0], t.Telemetry[0]
		handed := tm.Published + tm.RingDropped + uint64(c.Counts.Done)
		return handed == t.Intake.Accepted && c.Pending == 0 && tm.Queued == 0
	})
}
