package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// plugins are all that the configuration has, in its order.
type plugins struct {
	transforms []*transform
	providers  []*provider
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

// starting are plugins that come up side by side.
type starting struct {
	ctx   context.Context
	cfg   *config.Config
	grave func(error) bool // what is not goes on in the log: such a plugin is started again when it is due, and nothing passes it until then

	starts []func() config.Problems
	closes []func()
}

func (s *starting) transform(i int, t *transform) {
	s.closes = append(s.closes, t.Close)
	s.starts = append(s.starts, func() config.Problems {
		faults := begin(s.ctx, s.cfg, t.Process, fmt.Sprintf("transforms[%d]", i), &s.cfg.Transforms[i].Plugin, s.grave)
		if faults == nil && t.Facts().Redacts {
			faults = s.cfg.Redacts(t.name)
		}
		return faults
	})
}

func (s *starting) provider(i int, p *provider) {
	s.closes = append(s.closes, p.Close)
	s.starts = append(s.starts, func() config.Problems {
		return begin(s.ctx, s.cfg, p.Process, fmt.Sprintf("auth[%d]", i), &s.cfg.Auth[i].Plugin, s.grave)
	})
}

// wait brings up all of them, or tells all that is grave and leaves none running.
func (s *starting) wait() error {
	faults := make([]config.Problems, len(s.starts))
	var g errgroup.Group
	for i, start := range s.starts {
		g.Go(func() error { faults[i] = start(); return nil })
	}
	_ = g.Wait() // faults has the errors
	err := s.ctx.Err()
	if found := slices.Concat(faults...); err == nil && len(found) > 0 {
		err = found
	}
	if err != nil {
		s.close()
	}
	return err
}

// close ends them all at once, so that it takes as long as the slowest.
func (s *starting) close() { end(s.closes, func(one func()) { one() }) }

// begin starts the plugin of the table at key. What is grave gets its place in the
// file.
func begin(ctx context.Context, cfg *config.Config, p *supervisor.Process, key string, of *config.Plugin, grave func(error) bool) config.Problems {
	err := p.Start(ctx)
	if err == nil || !grave(err) {
		return nil // it has said so in the log
	}
	return placing(err, cfg, key, of)
}

// placing gives what is wrong with the plugin of a table its place in the file.
func placing(err error, cfg *config.Config, key string, of *config.Plugin) config.Problems {
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

// CheckPlugins starts every plugin of the configuration, has it check its own, and
// ends it again. It errs with all that New would refuse, and with what New would
// wait for.
func CheckPlugins(ctx context.Context, cfg *config.Config, o Options) error {
	running := supervisor.Options{Version: o.Version, Log: o.Log}
	s := &starting{ctx: ctx, cfg: cfg, grave: anything}
	for i := range cfg.Transforms {
		s.transform(i, newTransform(cfg, &cfg.Transforms[i], running))
	}
	for i := range cfg.Auth {
		a := &cfg.Auth[i]
		if !a.OfTokens() {
			continue
		}
		to, err := newAuthority(cfg, i)
		if err != nil {
			return err
		}
		s.provider(i, newProvider(cfg, a, to, running))
	}
	err := s.wait()
	if err == nil {
		s.close()
	}
	return err
}

func anything(error) bool { return true }

// Plugins gives the state of every plugin.
func (c *Core) Plugins() []admin.Plugin {
	var facts []admin.Plugin
	for _, p := range c.at.Load().plugins.processes() {
		facts = append(facts, p.Facts())
	}
	return facts
}

// bringPlugins has what the configuration wants of plugins: those that stay, those
// that are replaced, and new ones.
func (m *making) bringPlugins(ctx context.Context, grave func(error) bool) error {
	cfg := m.cfg
	s := &starting{ctx: ctx, cfg: cfg, grave: grave}
	for i := range cfg.Transforms {
		of := &cfg.Transforms[i]
		t := named(m.was.plugins.transforms, of.Name)
		switch {
		case t == nil:
			t = newTransform(cfg, of, m.c.supervising)
			s.transform(i, t)
			m.begins = append(m.begins, func(s *stage) { s.transform(t) })
		default:
			table := table{fmt.Sprintf("transforms[%d]", i), of.Name, &of.Plugin, m.changed(config.KeyOf("transforms", of.Name))}
			if err := m.renew(ctx, t.Process, transformSetting(cfg, of), table); err != nil {
				return err
			}
		}
		m.plugins.transforms = append(m.plugins.transforms, t)
	}
	var fresh []*provider
	for i := range cfg.Auth {
		of := &cfg.Auth[i]
		if !of.OfTokens() {
			continue
		}
		p := named(m.was.plugins.providers, of.Name)
		if p == nil || m.changed(config.KeyOf("auth", of.Name)) { // other keys, for others: nothing of the old trust is left
			to, err := newAuthority(cfg, i)
			if err != nil {
				return err
			}
			p = newProvider(cfg, of, to, m.c.supervising)
			s.provider(i, p)
			fresh = append(fresh, p)
			m.begins = append(m.begins, func(s *stage) { s.provider(p) })
		} else if err := m.renew(ctx, p.Process, providerSetting(cfg, of, p.authority), table{fmt.Sprintf("auth[%d]", i), of.Name, &of.Plugin, false}); err != nil {
			return err
		}
		m.plugins.providers = append(m.plugins.providers, p)
	}
	if err := s.wait(); err != nil {
		return err
	}
	m.undo = append(m.undo, func() error { s.close(); return nil })
	if m.number > 1 { // a router that starts answers 503 meanwhile; one that runs goes on as it was
		for _, p := range fresh {
			if err := p.vouched(ctx); err != nil {
				return err
			}
		}
	}
	m.gone.transforms = missing(m.was.plugins.transforms, m.plugins.transforms)
	m.gone.providers = missing(m.was.plugins.providers, m.plugins.providers)
	return nil
}

// table is one of the configuration that has a plugin.
type table struct {
	key     string // as in transforms[0]
	name    string
	of      *config.Plugin
	changed bool
}

// renew gets a plugin ready anew beside the one at work, where its table or a secret
// that stands in a file is another.
func (m *making) renew(ctx context.Context, p *supervisor.Process, to supervisor.Setting, at table) error {
	if !at.changed {
		outdated, err := p.Outdated(to)
		if err != nil {
			return placing(err, m.cfg, at.key, at.of)
		}
		if !outdated {
			return nil
		}
		log := m.c.part("plugin")
		log.Info().Str("plugin", at.name).Msg("a secret of its configuration has changed: it is given the new one")
	}
	r, err := p.Prepare(ctx, to)
	if err != nil {
		return placing(err, m.cfg, at.key, at.of)
	}
	used := false
	m.undo = append(m.undo, func() error {
		if !used {
			r.Drop()
		}
		return nil
	})
	if to.Provider == nil && r.Redacts() {
		if faults := m.cfg.Redacts(at.name); faults != nil {
			return faults
		}
	}
	m.uses = append(m.uses, func() error { used = true; return r.Use(context.WithoutCancel(ctx)) }) // only the end of the router is in its way
	return nil
}

// missing are the parts of old that now has not.
func missing[P comparable](old, now []P) []P {
	return slices.DeleteFunc(slices.Clone(old), func(p P) bool { return slices.Contains(now, p) })
}
