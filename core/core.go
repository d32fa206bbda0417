// Package core wires a router: [New] builds every part from a configuration in
// one straight function, [Core.Run] lets them work until its context ends.
package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/core/topology"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Options are what a router has besides its configuration.
type Options struct {
	Version string
	Dev     bool
	Log     zerolog.Logger
}

// Core is a router that is built and bound.
type Core struct {
	cfg     *config.Config
	o       Options
	started time.Time

	store     outbox.Engine
	clock     *clock
	pauses    *pauses
	plugins   plugins
	trusted   trusted
	intake    *intake.Intake
	desk      *dispatch.Desk
	replies   *topology.Replies
	commands  []command
	telemetry []telemetry
	doors     []door
	admin     *admin.Server
	signing   *signing
	keyring   *keyring

	senderKeys   *source[*config.Config]
	deliveryKeys *source[[]datadir.SigningKey]
	curveKeys    []rereader

	bound    []func() error // gives addresses back when Run never comes
	teardown []func() error // what outlives Run; last in, first out
}

type command struct {
	*dispatch.Channel
	name   string
	socket *topology.Commands
}

type telemetry struct {
	*dispatch.Telemetry
	name   string
	socket *topology.Publications
}

// New builds a router and binds its addresses. It is long because it is one
// story: each part is made from values, in the order in which later ones need
// it. After an error nothing is left bound. ctx bounds the start of the plugins,
// all that may take long here: when it ends meanwhile, the error is its own.
func New(ctx context.Context, cfg *config.Config, o Options) (_ *Core, err error) {
	c := &Core{cfg: cfg, o: o, started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()

	c.trusted = trusted{cache: jwt.NewCache(tokensCached), uses: new(trust.Uses)}
	if c.trusted.authorities, err = newAuthorities(cfg); err != nil {
		return nil, err
	}
	rules, err := compile(cfg, c.trusted)
	if err != nil {
		return nil, err
	}

	dir, err := datadir.Open(cfg.Path(cfg.Data.Dir))
	if err != nil {
		return nil, err
	}
	c.teardown = append(c.teardown, dir.Close)
	signingKeys, err := DeliveryKeys(cfg)
	if err != nil {
		return nil, err
	}
	if c.signing, err = newSigning(signingKeys); err != nil {
		return nil, err
	}
	c.deliveryKeys = signingSource(cfg, c.signing, part(o.Log, "keys"))

	if c.store, err = openOutbox(cfg, dir.Path, part(o.Log, "journal")); err != nil {
		return nil, err
	}
	c.teardown = append(c.teardown, c.store.Close)
	c.clock = newClock(c.store)
	if c.pauses, err = readPauses(dir.Path); err != nil {
		return nil, err
	}

	running := supervisor.Options{Version: o.Version, Log: part(o.Log, "plugin")}
	if len(cfg.Transforms)+len(c.trusted.authorities) > 0 {
		sockets, err := openSocketDir(dir.Path)
		if err != nil {
			return nil, err
		}
		c.teardown = append(c.teardown, sockets.Close)
		running.TempDir = sockets.path
	}
	if c.plugins, err = startPlugins(ctx, cfg, c.trusted.authorities, running, supervisor.Hopeless); err != nil {
		return nil, err
	}
	c.bound = append(c.bound, func() error { c.plugins.Close(); return nil })
	steps := steps(cfg, c.plugins.transforms)

	channels, unknown := make(map[string]*dispatch.Channel), new(dispatch.Unknown)
	c.desk = &dispatch.Desk{Asking: c.store, Leases: delivery.NewLeases(dir.Lease), Channels: channels, Log: part(o.Log, "replies")}
	setting, err := replySetting(cfg)
	if err != nil {
		return nil, fmt.Errorf("replies: %w", err)
	}
	socket := socketOptions(cfg, "replies", cfg.Replies.IPCMode, setting)
	socket.Log = part(o.Log, "replies")
	c.replies, err = topology.NewReplies(socket, c.desk)
	if err != nil {
		return nil, err
	}
	c.bound = append(c.bound, release(c.replies))
	c.rotates("replies", cfg.Replies.Curve, c.replies)

	publishers := make(map[string]intake.Publisher)
	for _, ch := range cfg.Channels {
		log := part(o.Log, "channel").With().Str("channel", ch.Name).Logger()
		setting, err := channelSetting(cfg, &ch)
		if err != nil {
			return nil, fmt.Errorf("channel %s: %w", ch.Name, err)
		}
		socket := socketOptions(cfg, "channel "+ch.Name, ch.IPCMode, setting)
		socket.Log = log
		if ch.Class == "telemetry" {
			pub, err := topology.NewPublications(socket, ch.HighWaterMark)
			if err != nil {
				return nil, err
			}
			c.bound = append(c.bound, release(pub))
			c.rotates(socket.Name, ch.Curve, pub)
			t := dispatch.NewTelemetry(dispatch.TelemetryOptions{Name: ch.Name, Ring: cfg.Limits.TelemetryRing, Transforms: steps, Signer: c.signing.Signer, To: pub, Log: log})
			publishers[ch.Name] = t
			c.telemetry = append(c.telemetry, telemetry{Telemetry: t, name: ch.Name, socket: pub})
			continue
		}
		channels[ch.Name] = dispatch.NewChannel(dispatch.Options{Settings: settings(ch), Store: c.store, Transforms: steps, Unknown: unknown, Signer: c.signing.Signer,
			LeaseKey: dir.Lease, Reply: c.replyTo(), Log: log, Now: c.clock.Now})
		channels[ch.Name].Pause(c.pauses.has(ch.Name))
		push, err := topology.NewCommands(socket, ch.Prefetch, channels[ch.Name])
		if err != nil {
			return nil, err
		}
		c.bound = append(c.bound, release(push))
		c.rotates(socket.Name, ch.Curve, push)
		c.commands = append(c.commands, command{Channel: channels[ch.Name], name: ch.Name, socket: push})
	}

	c.intake = intake.New(intake.Options{Store: c.store, Telemetry: publishers, Rates: cfg.Limits.Rates, Waiters: cfg.Limits.Waiters,
		Batch: cfg.Limits.Batch, Log: part(o.Log, "intake"), Now: c.clock.Now, Wall: time.Now}, rules)
	c.keyring = newKeyring(cfg, c.trusted, c.intake, rules, part(o.Log, "keys"))
	c.senderKeys = keySource(cfg, c.keyring)

	for i := range cfg.Ingress {
		if in := &cfg.Ingress[i]; isHTTP(in) {
			err = c.openHTTP(in)
		} else {
			err = c.openZMQ(in)
		}
		if err != nil {
			return nil, err
		}
	}

	c.admin, err = admin.NewServer(datadir.Socket(dir.Path), c, part(o.Log, "admin"))
	if err != nil {
		return nil, err
	}
	c.bound = append(c.bound, c.admin.Close)
	return c, nil
}

// rotates notes a socket whose CURVE keys may change while it runs.
func (c *Core) rotates(name string, from *config.Curve, s rotator) {
	if from != nil {
		c.curveKeys = append(c.curveKeys, curveSource(c.cfg, name, from, s, part(c.o.Log, "keys")))
	}
}

// replyTo is the address that consumers are told to reply to.
func (c *Core) replyTo() string {
	if c.cfg.Replies.Advertise != "" {
		return c.cfg.Replies.Advertise
	}
	return c.replies.Bound()
}

// close takes down what New has acquired.
func (c *Core) close() error {
	var errs []error
	for _, undo := range slices.Backward(append(c.teardown, c.bound...)) {
		errs = append(errs, undo())
	}
	c.bound, c.teardown = nil, nil
	return errors.Join(errs...)
}

// tidier is a store that looks after itself while it is used.
type tidier interface {
	Run(ctx context.Context) error
}

// release gives back what a socket that may never have run has bound.
func release(s interface{ Run(context.Context) error }) func() error {
	return func() error {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		return s.Run(ended)
	}
}

// Run lets the router work until ctx ends, and then within [limits] drain:
// refuses new events, answers requests under way, sees what is out to its end.
func (c *Core) Run(ctx context.Context) error {
	c.bound = nil // who runs gives back
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, work := errgroup.WithContext(work)
	// Channels outlive the reply socket, so that its last replies are settled.
	replying, replied := context.WithCancel(context.WithoutCancel(work))
	g.Go(func() error { defer replied(); return c.replies.Run(work) })
	// The store and the plugins outlive the channels, so that their last outcomes
	// are kept, and what is at a transform comes back from it.
	keeping, kept := context.WithCancel(context.WithoutCancel(work))
	var settling sync.WaitGroup
	for _, ch := range c.commands {
		settling.Add(1)
		g.Go(func() error { defer settling.Done(); return ch.Run(replying, ch.socket) })
		g.Go(func() error { return ch.socket.Run(work) })
	}
	if store, ok := c.store.(tidier); ok {
		g.Go(func() error { return store.Run(keeping) })
	}
	for _, t := range c.plugins.transforms {
		g.Go(func() error { return t.Run(keeping) })
	}
	for _, p := range c.plugins.providers {
		g.Go(func() error { return p.Run(keeping) })
	}
	for _, t := range c.telemetry {
		// The socket outlives the ring, so that the ring's last events go out.
		sockets, closeSocket := context.WithCancel(context.WithoutCancel(work))
		settling.Add(1)
		g.Go(func() error { defer settling.Done(); defer closeSocket(); return t.Run(work) })
		g.Go(func() error { return t.socket.Run(sockets) })
	}
	g.Go(func() error { <-work.Done(); settling.Wait(); kept(); return nil })
	g.Go(func() error { return c.admin.Run(work) })
	g.Go(func() error { return rotate(work, append([]rereader{c.senderKeys, c.deliveryKeys}, c.curveKeys...)) })
	doors, closeDoors := context.WithCancel(work)
	defer closeDoors()
	shut := make(chan struct{})
	var open sync.WaitGroup
	for _, d := range c.doors {
		open.Add(1)
		g.Go(func() error { defer open.Done(); return d.Run(doors, time.Duration(c.cfg.Limits.Drain)) })
	}
	g.Go(func() error { open.Wait(); close(shut); return nil })
	c.ready()

	select {
	case <-ctx.Done():
		c.drain(ctx, closeDoors, shut)
	case <-work.Done(): // something failed; Wait tells what
		c.intake.Drain()
	}
	stop()
	err := errors.Join(g.Wait(), c.close())
	c.o.Log.Info().Msg("stopped")
	return err
}

// ready says where everything is.
func (c *Core) ready() {
	for _, d := range c.doors {
		c.o.Log.Info().Str("ingress", d.name).Str("address", d.address).Msg("listening")
	}
	for _, ch := range c.commands {
		c.o.Log.Info().Str("channel", ch.name).Str("address", ch.socket.Bound()).Msg("listening")
		if c.pauses.has(ch.name) {
			c.o.Log.Warn().Str("channel", ch.name).Msg("paused by an operator before this start: headgate channel resume hands out again")
		}
	}
	for _, t := range c.telemetry {
		c.o.Log.Info().Str("channel", t.name).Str("address", t.socket.Bound()).Msg("listening")
	}
	st := c.store.Stats()
	if !st.Durable && len(c.commands) > 0 {
		c.o.Log.Warn().Str("engine", st.Engine).Msg("accepted commands are kept in memory alone: what is pending ends with the process")
	}
	c.nameTheStranded(st)
	if lead := c.clock.Lead(); lead > clockLead {
		c.o.Log.Warn().Stringer("by", lead.Truncate(time.Second)).Msg("the clock is behind what is in the store: time goes on from there, and what expires does so early")
	}
	c.o.Log.Info().Str("replies", c.replies.Bound()).Str("kid", c.signing.Signer().KeyID()).Str("version", c.o.Version).Msg("ready")
}

// clockLead is how far the wall clock may lie behind the store unmentioned.
const clockLead = time.Minute

// nameTheStranded says which channels hold events and are not configured any more.
func (c *Core) nameTheStranded(st outbox.Stats) {
	known := make(map[string]bool)
	for _, ch := range c.commands {
		known[ch.name] = true
	}
	for name, of := range st.Channels {
		if n := of.Pending + of.Dead; n > 0 && !known[name] {
			c.o.Log.Warn().Str("channel", name).Int("pending", of.Pending).Int("dead", of.Dead).
				Msg("this channel holds events and is not configured: they wait for it to come back")
		}
	}
}

// drain ends the two halves in their order, within [limits] drain.
func (c *Core) drain(ctx context.Context, closeDoors func(), shut <-chan struct{}) {
	c.o.Log.Info().Stringer("within", c.cfg.Limits.Drain).Msg("draining")
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(c.cfg.Limits.Drain))
	defer cancel()
	c.intake.Drain()
	closeDoors()
	select {
	case <-shut:
	case <-limit.Done():
	}
	all := !c.store.Stats().Durable // what is not durable gets its last chance now
	for _, ch := range c.commands {
		if !all {
			ch.Pause(true) // the rest waits for the next router
		}
	}
	for _, ch := range c.commands {
		_ = ch.Quiet(limit, all) // errs when the time is up, and then the rest is told below
	}
	st := c.store.Stats()
	for name, ch := range st.Channels {
		if ch.Pending > 0 && !st.Durable {
			c.o.Log.Warn().Str("channel", name).Int("pending", ch.Pending).Msg("pending events end with the process: the outbox is in memory")
		}
	}
	c.nameTheLost(context.WithoutCancel(ctx), st)
}

// lostNamed is how many events that end with the process are named in the log.
const lostNamed = 100

// nameTheLost says which events end with a process that keeps them in memory.
func (c *Core) nameTheLost(ctx context.Context, st outbox.Stats) {
	if st.Durable {
		return
	}
	lost, err := c.store.List(ctx, outbox.Filter{State: outbox.StatePending, Limit: lostNamed})
	if err != nil {
		return // counted above all the same
	}
	for _, e := range lost {
		c.o.Log.Warn().Str("id", e.ID).Str("source", e.Source).Str("type", e.Type).Msg("ends with the process")
	}
}
