package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// plugins are all that the configuration has, in its order.
type plugins struct {
	transforms []transform
	providers  []provider
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

// startPlugins brings up every plugin of the configuration at once, or tells all
// that is grave and leaves none running. What is not goes on in the log: such a
// plugin is started again when it is due, and nothing passes it until then. o is
// what they share; authorities are those of [[auth]], in their order.
func startPlugins(ctx context.Context, cfg *config.Config, authorities []*trust.Authority, o supervisor.Options, grave func(error) bool) (plugins, error) {
	var all plugins
	var starts []func() config.Problems
	for i := range cfg.Transforms {
		t := newTransform(cfg, &cfg.Transforms[i], o)
		all.transforms = append(all.transforms, t)
		starts = append(starts, func() config.Problems {
			faults := begin(ctx, cfg, t.Process, fmt.Sprintf("transforms[%d]", i), &cfg.Transforms[i].Plugin, grave)
			if faults == nil && t.Facts().Redacts {
				faults = cfg.Redacts(t.name)
			}
			return faults
		})
	}
	for i := range cfg.Auth {
		if !cfg.Auth[i].OfTokens() {
			continue
		}
		p := newProvider(cfg, &cfg.Auth[i], authorities[len(all.providers)], o)
		all.providers = append(all.providers, p)
		starts = append(starts, func() config.Problems {
			return begin(ctx, cfg, p.Process, fmt.Sprintf("auth[%d]", i), &cfg.Auth[i].Plugin, grave)
		})
	}
	faults := make([]config.Problems, len(starts))
	var g errgroup.Group
	for i, start := range starts {
		g.Go(func() error { faults[i] = start(); return nil })
	}
	_ = g.Wait() // faults has the errors
	err := ctx.Err()
	if found := slices.Concat(faults...); err == nil && len(found) > 0 {
		err = found
	}
	if err != nil {
		all.Close()
		return plugins{}, err
	}
	return all, nil
}

// begin starts the plugin of the table at key. What is grave gets its place in the
// file.
func begin(ctx context.Context, cfg *config.Config, p *supervisor.Process, key string, of *config.Plugin, grave func(error) bool) config.Problems {
	err := p.Start(ctx)
	if err == nil || !grave(err) {
		return nil // it has said so in the log
	}
	if faults, ok := errors.AsType[sdk.Diagnostics](err); ok {
		return of.Problems(faults)
	}
	if placed, ok := errors.AsType[config.Problems](err); ok {
		return placed
	}
	return config.Problems{cfg.Problem(key, err.Error())}
}

// processes are those of all of them.
func (p plugins) processes() []*supervisor.Process {
	var out []*supervisor.Process
	for _, t := range p.transforms {
		out = append(out, t.Process)
	}
	for _, v := range p.providers {
		out = append(out, v.Process)
	}
	return out
}

// Close ends them all at once, so that it takes as long as the slowest.
func (p plugins) Close() {
	var closing sync.WaitGroup
	for _, process := range p.processes() {
		closing.Go(process.Close)
	}
	closing.Wait()
}

// CheckPlugins starts every plugin of the configuration, has it check its own, and
// ends it again. It errs with all that New would refuse, and with what New would
// wait for.
func CheckPlugins(ctx context.Context, cfg *config.Config, o Options) error {
	authorities, err := newAuthorities(cfg)
	if err != nil {
		return err
	}
	all, err := startPlugins(ctx, cfg, authorities, supervisor.Options{Version: o.Version, Log: o.Log}, func(error) bool { return true })
	all.Close()
	return err
}

// Plugins gives the state of every plugin.
func (c *Core) Plugins() []admin.Plugin {
	var facts []admin.Plugin
	for _, p := range c.plugins.processes() {
		facts = append(facts, p.Facts())
	}
	return facts
}
