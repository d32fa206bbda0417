// Package core wires a router: [New] builds every part from a configuration in
// one straight function, [Core.Run] lets them work until its context ends.
package core

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/metrics"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/core/tracing"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Options are what a router has besides its configuration.
type Options struct {
	Version string
	Dev     bool
	Log     zerolog.Logger
	Load    func() (*config.Config, error) // reads the configuration again; nil for one that cannot be
	Files   []string                       // that it reads
}

// Core is a router that is built and bound.
type Core struct {
	cfg     *config.Config // that it was started with: [data] and [journal] are its own for ever
	o       Options
	started time.Time

	store       outbox.Engine
	clock       *clock
	pauses      *pauses
	leaseKey    []byte
	signing     *signing
	tokens      *jwt.Cache
	uses        *trust.Uses
	revoked     *revoked
	audit       *auditor        // nil for none
	tracer      *tracing.Tracer // nil for none
	supervising supervisor.Options
	steps       *dispatch.Transforms
	intake      *intake.Intake
	desk        *dispatch.Desk
	admin       *admin.Server
	logs        *logs
	metrics     *metrics.Metrics
	decisions   *admin.Decisions

	at          atomic.Pointer[arrangement]
	reloading   sync.Mutex          // held by who makes another arrangement; taken before changing
	changing    sync.Mutex          // held by who changes at, or what stands in it
	tokensInUse []config.AdminToken // of operators, as they were read last; changing
	begins      []func(*stage)      // what New has made, for Run
	stage       *stage              // while Run takes changes; changing
	ending      []*command          // of arrangements before, which have not ended; changing
	running     chan struct{}       // closed when Run has begun
	leaving     context.Context     // ends when Run takes no more changes
	leave       context.CancelFunc

	bound    []func() error // gives addresses back when Run never comes
	teardown []func() error // what outlives Run; last in, first out
}

// New builds a router and binds its addresses. It is one story: what stays for
// its life comes first, then what its configuration makes of it. After an error
// nothing is left bound. ctx bounds the start of the plugins, all that may take
// long here: when it ends meanwhile, the error is its own.
func New(ctx context.Context, cfg *config.Config, o Options) (_ *Core, err error) {
	c := &Core{cfg: cfg, o: o, started: time.Now(), logs: newLogs(cfg.Log, o.Log), metrics: metrics.New(), decisions: new(admin.Decisions), tokens: jwt.NewCache(tokensCached), uses: new(trust.Uses), steps: dispatch.NewTransforms(nil), running: make(chan struct{})}
	c.leaving, c.leave = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if _, err := Rules(cfg); err != nil { // before anything is made on the disk
		return nil, err
	}

	dir, err := datadir.Open(cfg.Path(cfg.Data.Dir))
	if err != nil {
		return nil, err
	}
	c.teardown = append(c.teardown, dir.Close)
	c.leaseKey = dir.Lease
	if c.revoked, err = readRevoked(dir.Path); err != nil {
		return nil, err
	}
	signingKeys, err := DeliveryKeys(cfg)
	if err != nil {
		return nil, err
	}
	if c.signing, err = newSigning(signingKeys); err != nil {
		return nil, err
	}

	if c.store, err = openOutbox(cfg, dir.Path, c.part("journal")); err != nil {
		return nil, err
	}
	c.teardown = append(c.teardown, c.store.Close)
	if c.audit, err = openAudit(cfg, dir, c.store, c.part("audit")); err != nil {
		return nil, err
	}
	if c.audit != nil {
		c.teardown = append(c.teardown, c.audit.Close)
	}
	if c.tracer, err = openTracer(cfg, o.Version, c.part("trace")); err != nil {
		return nil, err
	}
	c.clock = newClock(c.store)
	if c.pauses, err = readPauses(dir.Path); err != nil {
		return nil, err
	}

	c.supervising = supervisor.Options{Version: o.Version, Log: c.part("plugin")}
	if c.audit != nil {
		c.supervising.Told = c.audit.plugin
	}
	sockets, err := openSocketDir(dir.Path)
	if err != nil {
		return nil, err
	}
	c.teardown = append(c.teardown, sockets.Close)
	c.supervising.TempDir = sockets.path

	c.desk = &dispatch.Desk{Asking: c.store, Leases: delivery.NewLeases(c.leaseKey), Log: c.part("replies")}
	if c.audit != nil {
		c.desk.Refused = c.audit.reply
	}
	in := intake.Options{Store: c.store, Rates: cfg.Limits.Rates, Waiters: cfg.Limits.Waiters, Log: c.part("intake"), Now: c.clock.Now, Wall: time.Now}
	in.Receipt = c.signing.Receipt
	in.Observe = observer{c.audit, c.metrics.Intake(), c.decisions, c.tracer}
	if c.audit != nil {
		in.Gate = c.audit.gate
	}
	c.intake = intake.New(in, new(intake.Generation))

	m, err := c.arrange(ctx, cfg, &arrangement{cfg: new(config.Config)}, supervisor.Hopeless)
	if err != nil {
		return nil, err
	}
	c.bound = append(c.bound, m.giveUp)
	if err := m.settle(); err != nil {
		return nil, err
	}
	if err := c.audit.note(applied(m.number, nil, cfg, nil, "start")...); err != nil {
		return nil, err
	}
	if err := m.swap(); err != nil {
		return nil, err
	}

	if err := c.openAdmin(dir.Path); err != nil {
		return nil, err
	}
	c.begins = m.begins
	return c, nil
}

// part is the log of one part of the router.
func (c *Core) part(name string) zerolog.Logger { return c.logs.part(name) }

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
	outer, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s := newStage(outer, c.drainTime)
	replies := c.at.Load().replies
	s.group.Go(func() error { defer s.replied(); return replies.Run(s.work) })
	if store, ok := c.store.(tidier); ok {
		s.group.Go(func() error { return store.Run(s.keeping) })
	}
	c.changing.Lock()
	for _, begin := range c.begins {
		begin(s)
	}
	c.stage = s
	c.changing.Unlock()
	close(c.running)
	s.group.Go(func() error { <-s.work.Done(); c.noMoreChanges(); s.settling.Wait(); s.kept(); return nil })
	if c.audit != nil {
		s.group.Go(func() error { return c.audit.Run(s.keeping) })
	}
	s.group.Go(func() error { return c.tracer.Run(s.keeping) })
	s.group.Go(func() error { return c.admin.Run(s.work) })
	s.group.Go(func() error { return c.logs.Run(s.work) })
	s.group.Go(func() error { return c.rotate(s.work) })
	s.group.Go(func() error { return c.watch(s.work) })
	c.ready()

	select {
	case <-ctx.Done():
		c.noMoreChanges()
		c.drain(ctx, s)
	case <-s.work.Done(): // something failed; Wait tells what
		c.intake.Drain()
	}
	stop()
	err := errors.Join(s.group.Wait(), c.close())
	c.o.Log.Info().Msg("stopped")
	return err
}

// noMoreChanges has a reload that is under way give up, and lets none begin.
func (c *Core) noMoreChanges() {
	c.leave()
	c.changing.Lock()
	defer c.changing.Unlock()
	c.stage = nil
}

// ready says where everything is.
func (c *Core) ready() {
	at := c.at.Load()
	for _, d := range at.doors {
		c.o.Log.Info().Str("ingress", d.name).Str("address", d.at()).Msg("listening")
	}
	for _, ch := range at.commands {
		c.o.Log.Info().Str("channel", ch.name).Str("address", ch.socket.Bound()).Msg("listening")
		if c.pauses.has(ch.name) {
			c.o.Log.Warn().Str("channel", ch.name).Msg("paused by an operator before this start: headgate channel resume hands out again")
		}
	}
	for _, t := range at.telemetry {
		c.o.Log.Info().Str("channel", t.name).Str("address", t.socket.Bound()).Msg("listening")
	}
	st := c.store.Stats()
	if !st.Durable && len(at.commands) > 0 {
		c.o.Log.Warn().Str("engine", st.Engine).Msg("accepted commands are kept in memory alone: what is pending ends with the process")
	}
	c.nameTheStranded(st)
	if lead := c.clock.Lead(); lead > clockLead {
		c.o.Log.Warn().Stringer("by", lead.Truncate(time.Second)).Msg("the clock is behind what is in the store: time goes on from there, and what expires does so early")
	}
	c.o.Log.Info().Str("replies", at.replies.Bound()).Str("kid", c.signing.Signer().KeyID()).Str("version", c.o.Version).Msg("ready")
}

// clockLead is how far the wall clock may lie behind the store unmentioned.
const clockLead = time.Minute

// nameTheStranded says which channels hold events and are not configured any more.
func (c *Core) nameTheStranded(st outbox.Stats) {
	known := make(map[string]bool)
	for _, ch := range c.at.Load().commands {
		known[ch.name] = true
	}
	for name, of := range st.Channels {
		if n := of.Pending + of.Dead; n > 0 && !known[name] {
			c.o.Log.Warn().Str("channel", name).Int("pending", of.Pending).Int("dead", of.Dead).
				Msg("this channel holds events and is not configured: they wait for it to come back")
		}
	}
}

// drainTime is [limits] drain as it counts now.
func (c *Core) drainTime() time.Duration { return time.Duration(c.at.Load().cfg.Limits.Drain) }

// drain ends the two halves in their order, within [limits] drain.
func (c *Core) drain(ctx context.Context, s *stage) {
	within := c.at.Load().cfg.Limits.Drain
	c.o.Log.Info().Stringer("within", within).Msg("draining")
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(within))
	defer cancel()
	c.intake.Drain()
	s.closeDoors(limit)
	commands := c.at.Load().commands
	all := !c.store.Stats().Durable // what is not durable gets its last chance now
	for _, ch := range commands {
		if !all {
			ch.Pause(true) // the rest waits for the next router
		}
	}
	for _, ch := range commands {
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
