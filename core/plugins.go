package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// plugin is one [[transforms]] at work.
type plugin struct {
	*supervisor.Process
	name      string
	redacting func() // to be called when it redacts
}

// shippedMemory bounds a shipped plugin that the configuration does not: one
// step of a jq filter may ask for any amount.
const shippedMemory = 1 << 30

// pluginCommand is how a plugin of the configuration is started. A shipped one
// is this very binary.
func pluginCommand(cfg *config.Config, p *config.Plugin) host.Command {
	c := host.Command{Env: p.Env, User: p.User, Limits: host.Limits{Memory: uint64(p.Limits.Memory), Files: uint64(p.Limits.Files),
		Processes: uint64(p.Limits.Processes), CPU: uint64(time.Duration(p.Limits.CPU) / time.Second)}}
	if !p.External() {
		c.Self = []string{"plugin", "serve", p.Name}
		if c.Limits.Memory == 0 {
			c.Limits.Memory = shippedMemory
		}
		return c
	}
	c.Path, c.SHA256, c.Interpreter = cfg.Path(p.Path), p.SHA256, p.Command
	return c
}

func pluginSetting(cfg *config.Config, t *config.Transform) supervisor.Setting {
	return supervisor.Setting{Command: pluginCommand(cfg, &t.Plugin), Plugin: t.Plugin.Name, Kind: t.Kind, Timeout: time.Duration(t.Timeout),
		Resolve: func(schema json.RawMessage) (json.RawMessage, error) { return t.Resolve(schema) }}
}

// startPlugins brings up every transform of the configuration at once, or tells
// all that is grave and leaves none running. What is not goes on in the log: such
// a plugin is started again when it is due, and nothing passes it until then. o is
// what they share.
func startPlugins(ctx context.Context, cfg *config.Config, o supervisor.Options, grave func(error) bool) ([]plugin, error) {
	plugins := make([]plugin, len(cfg.Transforms))
	faults := make([]config.Problems, len(plugins))
	log := o.Log
	var g errgroup.Group
	for i := range cfg.Transforms {
		t := &cfg.Transforms[i]
		o.Name, o.Setting = t.Name, pluginSetting(cfg, t)
		plugins[i] = plugin{name: t.Name, Process: supervisor.New(o), redacting: sync.OnceFunc(func() { warnOfOriginals(cfg, t.Name, log) })}
		g.Go(func() error { faults[i] = plugins[i].begin(ctx, cfg, i, grave); return nil })
	}
	_ = g.Wait() // faults has the errors
	err := ctx.Err()
	if all := slices.Concat(faults...); err == nil && len(all) > 0 {
		err = all
	}
	if err != nil {
		closePlugins(plugins)
		return nil, err
	}
	return plugins, nil
}

// begin starts the i-th. What is grave gets its place in the file.
func (p plugin) begin(ctx context.Context, cfg *config.Config, i int, grave func(error) bool) config.Problems {
	t := &cfg.Transforms[i]
	err := p.Start(ctx)
	if err == nil {
		if p.Facts().Redacts {
			return cfg.Redacts(t.Name)
		}
		return nil
	}
	if !grave(err) {
		return nil // it has said so in the log
	}
	if faults, ok := errors.AsType[sdk.Diagnostics](err); ok {
		return t.Problems(faults)
	}
	if placed, ok := errors.AsType[config.Problems](err); ok {
		return placed
	}
	return config.Problems{cfg.Problem(fmt.Sprintf("transforms[%d]", i), err.Error())}
}

// warnOfOriginals tells where the configuration wants originals beside what a
// transform has redacted, which only came out while the router worked. Dispatch
// leaves them out.
func warnOfOriginals(cfg *config.Config, transform string, log zerolog.Logger) {
	for _, p := range cfg.Redacts(transform) {
		log.Error().Str("plugin", transform).Err(p).Msg("originals are left out, and the next start of the router is refused")
	}
}

// closePlugins ends them all at once, so that it takes as long as the slowest.
func closePlugins(plugins []plugin) {
	var closing sync.WaitGroup
	for _, p := range plugins {
		closing.Go(p.Close)
	}
	closing.Wait()
}

// CheckPlugins starts every transform of the configuration, has it check its
// own, and ends it again. It errs with all that New would refuse, and with what
// New would wait for.
func CheckPlugins(ctx context.Context, cfg *config.Config, o Options) error {
	plugins, err := startPlugins(ctx, cfg, supervisor.Options{Version: o.Version, Log: o.Log}, func(error) bool { return true })
	closePlugins(plugins)
	return err
}

// transforms are the plugins as dispatch knows them, by name.
func transforms(cfg *config.Config, plugins []plugin) map[string]dispatch.Transform {
	out := make(map[string]dispatch.Transform, len(plugins))
	always := make(chan struct{})
	close(always)
	for i, p := range plugins {
		out[p.name] = p
		if cfg.Transforms[i].OnUnavailable == "dead_letter" {
			out[p.name] = impatient{p, always}
		}
	}
	return out
}

// Apply is the process's, in the words of dispatch.
func (p plugin) Apply(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, dispatch.Plugin, error) {
	outcomes, by, err := p.Process.Apply(ctx, events)
	if by.Redacts {
		p.redacting()
	}
	return outcomes, dispatch.Plugin(by), err
}

// impatient gives events up while its plugin is away, as on_unavailable =
// "dead_letter" asks.
type impatient struct {
	plugin
	always chan struct{}
}

func (t impatient) Apply(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, dispatch.Plugin, error) {
	outcomes, by, err := t.plugin.Apply(ctx, events)
	if err == nil || ctx.Err() != nil {
		return outcomes, by, err
	}
	outcomes = make([]sdk.Outcome, len(events))
	for i := range outcomes {
		outcomes[i] = sdk.Outcome{Verdict: sdk.Fail, Reason: err.Error()}
	}
	return outcomes, by, nil
}

// Available is always so: who does not wait is not shelved.
func (t impatient) Available() <-chan struct{} { return t.always }

// ReplacePlugin puts another setting of a transform in place without a gap. The
// one at work goes on when the new one does not come up; the error says why.
func (c *Core) ReplacePlugin(ctx context.Context, cfg *config.Config, t *config.Transform) error {
	for _, p := range c.plugins {
		if p.name == t.Name {
			return p.Replace(ctx, pluginSetting(cfg, t))
		}
	}
	return fmt.Errorf("no transform %q", t.Name)
}

// Plugins gives the state of every transform.
func (c *Core) Plugins() []admin.Plugin {
	facts := make([]admin.Plugin, len(c.plugins))
	for i, p := range c.plugins {
		facts[i] = p.Facts()
	}
	return facts
}
