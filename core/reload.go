package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/outbox"
)

// arrange makes what a configuration wants, beside what is in place. Nothing of
// that changes before settle and swap.
func (c *Core) arrange(ctx context.Context, cfg *config.Config, was *arrangement, grave func(error) bool) (_ *making, err error) {
	m := &making{arrangement: &arrangement{number: was.number + 1, cfg: cfg, texts: lookAt(c.texts(cfg)), referred: lookAt(referred(cfg))}, c: c, was: was, diff: config.Diff(was.cfg, cfg)}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.giveUp())
		}
	}()
	if err := m.bringPlugins(ctx, grave); err != nil {
		return nil, err
	}
	m.trusted = trusted{authorities: m.authorities(), cache: c.tokens, uses: c.uses, revoked: c.revoked}
	if err := m.openReplies(); err != nil {
		return nil, err
	}
	if err := m.openChannels(ctx); err != nil {
		return nil, err
	}
	if err := m.openDoors(); err != nil {
		return nil, err
	}
	m.withdraw()
	m.deliveryKeys = signingSource(cfg, c.signing, c.part("keys"))
	if err := m.operated(); err != nil {
		return nil, err
	}
	return m, m.rule()
}

// rule makes the rules of an arrangement, as the keys are now: one that was
// revoked since stays so.
func (m *making) rule() error {
	present := m.was.cfg
	if m.was.keyring != nil {
		present = m.was.keyring.cfg
	}
	log := m.c.part("keys")
	cfg, back := m.c.revoked.hold(m.withKeysOf(present), present)
	for _, p := range back {
		log.Error().Msg(p.Error())
	}
	rules, err := compile(cfg, m.trusted)
	if err != nil {
		return err
	}
	rules.Number, rules.Telemetry, rules.MaxPending = m.number, m.publishers(), maxPending(cfg, &m.c.cfg.Journal)
	m.keyring = newKeyring(cfg, m.trusted, m.c.intake, rules, log)
	m.keyring.audit = m.c.audit
	m.senderKeys = keySource(cfg, m.keyring)
	return nil
}

// withKeysOf is the configuration with the senders' keys as they were read last,
// where it names the same: its own reading is older.
func (m *making) withKeysOf(now *config.Config) *config.Config {
	out := *m.cfg
	out.Auth = slices.Clone(out.Auth)
	for i := range out.Auth {
		a := &out.Auth[i]
		j := slices.IndexFunc(now.Auth, func(was config.Auth) bool { return was.Name == a.Name && was.Kind == a.Kind && was.KeyDir == a.KeyDir })
		if j < 0 || m.c.stage == nil || a.KeyDir == "" && m.changed(config.KeyOf("auth", a.Name)) {
			continue
		}
		a.Keys = now.Auth[j].Keys
	}
	return &out
}

// changed tells whether the configuration differs at, or below, any of keys.
func (m *making) changed(keys ...string) bool {
	return slices.ContainsFunc(m.diff, func(d config.Change) bool {
		return slices.ContainsFunc(keys, func(key string) bool {
			rest, under := strings.CutPrefix(d.Key, key)
			return under && (rest == "" || rest[0] == '.' || rest[0] == '[')
		})
	})
}

// swap puts the arrangement in place, when all that can fail has succeeded: from
// here on there is one generation, for acceptances and for attempts. An error is of
// an address that somebody else took in the instant between one part and another.
func (m *making) swap() error {
	c := m.c
	err := m.enter()
	if store, ok := c.store.(outbox.Limiting); ok {
		store.Limit(maxPending(m.cfg, &c.cfg.Journal))
	}
	c.ending = slices.Concat(c.ending, m.gone.commands)
	c.desk.Use(m.channels(c.ending))
	c.steps.Set(m.steps())
	for _, swap := range m.swaps {
		swap()
	}
	c.intake.Use(m.keyring.rules.Load())
	c.at.Store(m.arrangement)
	return err
}

// holdOrphans, as admin.Reload.Orphans, keeps what waits for a channel or a
// transform that is gone in the store until it comes back.
const holdOrphans = "hold"

// reloadTime bounds what a reload may take: above all the start of plugins, and
// the first keys of a provider.
const reloadTime = time.Minute

// Reload reads the configuration again and puts it in place, all of it or none. An
// error says why not; then nothing has changed.
func (c *Core) Reload(ctx context.Context, o admin.Reload) (admin.Reloaded, error) {
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	defer context.AfterFunc(c.leaving, cancel)()
	select {
	case <-c.running:
	case <-ctx.Done():
		return admin.Reloaded{}, errNotRunning
	}
	done, retired, err := c.reload(ctx, o)
	log := c.part("reload")
	switch {
	case err != nil && done.Generation == 0:
		log.Error().Err(err).Int("generation", c.at.Load().number).Msg("the configuration is not taken: all stays as it is")
		return done, err
	case err != nil:
		log.Error().Err(err).Msg("an address is not there")
	}
	for _, d := range done.Changes {
		line := log.Info()
		if d.Weakens {
			line = log.Warn().Bool("weakens", true)
		}
		line.Str("key", d.Key).Str("was", d.Was).Str("now", d.Now)
		if d.Restart {
			line.Bool("restart", true)
		}
		line.Msg("changed")
	}
	log.Info().Int("generation", done.Generation).Int("changes", len(done.Changes)).Str("why", o.Why).Msg("the configuration is taken")
	if o.Wait {
		select {
		case <-retired:
		case <-ctx.Done():
			return done, errors.Join(err, fmt.Errorf("generation %d is in place; what it has no more has not ended yet: %w", done.Generation, ctx.Err()))
		}
	}
	return done, err
}

var errNotRunning = errors.New("the router is not running, or about to end")

func (c *Core) reload(ctx context.Context, o admin.Reload) (done admin.Reloaded, retired <-chan struct{}, _ error) {
	if c.o.Load == nil {
		return done, nil, errors.New("this router was started without files to read again")
	}
	c.reloading.Lock()
	defer c.reloading.Unlock()
	cfg, err := c.o.Load()
	if err != nil {
		return done, nil, err
	}
	return c.take(ctx, cfg, o)
}

// take puts a configuration in place. Callers hold reloading: what takes long keeps
// nobody from revoking a key.
func (c *Core) take(ctx context.Context, cfg *config.Config, o admin.Reload) (done admin.Reloaded, retired <-chan struct{}, _ error) {
	was := c.at.Load()
	if err := c.keep(cfg); err != nil {
		return done, nil, err
	}
	if err := c.orphans(was.cfg, cfg, o.Orphans); err != nil {
		return done, nil, err
	}
	if crowded := cfg.Crowded(was.cfg); crowded != nil {
		return done, nil, crowded
	}
	m, err := c.arrange(ctx, cfg, was, anything)
	if err != nil {
		return done, nil, err
	}
	if err = m.settle(); err == nil {
		err = c.audit.note(applied(m.number, was.cfg, cfg, m.diff, o.Why)...)
	}
	if err != nil {
		return done, nil, errors.Join(err, m.giveUp())
	}
	// From here on it is taken. Whatever waits is over when keys may not change.
	for _, use := range m.uses {
		if err := use(); err != nil {
			return done, nil, errors.Join(err, m.giveUp())
		}
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	if c.stage == nil {
		return done, nil, errors.Join(errNotRunning, m.giveUp())
	}
	log := c.part("keys")
	if err := m.rule(); err != nil { // those of before are good: the keys' files are told of when they are read
		log.Error().Err(err).Msg("keys that have changed meanwhile do not fit the configuration")
	}
	m.keyring.told.Store(was.keyring.told.Load())
	lost := m.swap()
	m.keyring.by = m.number
	if err := m.keyring.settle(); err != nil { // it counts, and is tried again
		log.Error().Err(err).Msg("a key is not revoked for good")
	}
	m.keyring.by = 0
	for _, begin := range m.begins {
		begin(c.stage)
	}
	for _, d := range m.diff {
		done.Changes = append(done.Changes, admin.Change(d))
	}
	done.Generation = m.number
	if lost != nil {
		lost = fmt.Errorf("generation %d is in place, but for its addresses: reload again: %w", m.number, lost)
	}
	return done, c.retire(c.stage, m.gone), lost
}

// keep has a configuration stay with what only a start can change. What differs is
// told as such.
func (c *Core) keep(cfg *config.Config) error {
	if cfg.Path(cfg.Data.Dir) != c.cfg.Path(c.cfg.Data.Dir) {
		return fmt.Errorf("data.dir: another one takes a restart: nothing has changed")
	}
	return nil
}

// orphans refuses what would leave entries behind that nobody has said anything
// about.
func (c *Core) orphans(was, now *config.Config, fate string) error {
	switch fate {
	case holdOrphans:
		return nil
	case "":
	default:
		return fmt.Errorf("%w: orphans can be held, not %q", admin.ErrBad, fate)
	}
	held := c.store.Stats().Channels
	var errs []error
	for _, ch := range was.Channels {
		if ch.Class != "command" || slices.ContainsFunc(now.Channels, func(n config.Channel) bool { return n.Name == ch.Name && n.Class == "command" }) {
			continue
		}
		if n := held[ch.Name]; n.Pending+n.Dead > 0 {
			errs = append(errs, fmt.Errorf("channel %s is gone, and holds events (pending: %d, dead letters: %d): wait until they have ended, cancel them, or reload with --orphans hold, which keeps them until it comes back", ch.Name, n.Pending, n.Dead))
		}
	}
	for _, t := range was.Transforms {
		if slices.ContainsFunc(now.Transforms, func(n config.Transform) bool { return n.Name == t.Name }) {
			continue
		}
		for _, ch := range was.Leading(t.Name) {
			if n := held[ch]; n.Pending > 0 {
				errs = append(errs, fmt.Errorf("transform %s is gone, and channel %s holds events that may have to go through it (pending: %d): wait until they have ended, or reload with --orphans hold, which holds them until it comes back", t.Name, ch, n.Pending))
			}
		}
	}
	return errors.Join(errs...)
}

// retire ends what a reload has taken out, in the order of the way of an event.
// What it returns is closed then.
func (c *Core) retire(s *stage, g gone) <-chan struct{} {
	ended := make(chan struct{})
	s.group.Go(func() error {
		defer close(ended)
		end(g.doors, (*door).end)
		limit, cancel := context.WithTimeout(s.work, s.drain())
		defer cancel()
		_ = c.intake.Settled(limit) // who is still at it then finds what it appends in the store
		end(g.telemetry, (*telemetry).end)
		end(g.commands, func(ch *command) { c.runDry(limit, ch); ch.end(); close(ch.gone) })
		end(g.transforms, func(t *transform) { t.end() })
		end(g.providers, func(p *provider) { p.end() })
		c.changing.Lock()
		defer c.changing.Unlock()
		c.ending = slices.DeleteFunc(c.ending, func(ch *command) bool { return slices.Contains(g.commands, ch) })
		c.desk.Use(c.at.Load().channels(c.ending))
		c.nameTheStranded(c.store.Stats())
		return nil
	})
	return ended
}

// dryPause is how often a channel that goes is asked whether anything is left.
const dryPause = 20 * time.Millisecond

// runDry lets a channel hand out the last that was accepted for it, and settle.
func (c *Core) runDry(ctx context.Context, ch *command) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ch.wanted, stop)()
	for c.left(ch.name) && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(dryPause):
		}
	}
	ch.Pause(true)
	_ = ch.Quiet(ctx, false)
}

func (c *Core) left(channel string) bool {
	n := c.store.Stats().Channels[channel]
	return n.Pending > n.Held+n.Shelved
}
