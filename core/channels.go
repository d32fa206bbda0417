package core

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/topology"
)

// maxPrefetch is the most that a configuration may ask for: the socket's own bound
// must not be lower when it is raised.
const maxPrefetch = 4096

// openReplies has the reply socket.
func (m *making) openReplies() error {
	to, err := replySetting(m.cfg)
	if err != nil {
		return fmt.Errorf("replies: %w", err)
	}
	if m.replies = m.was.replies; m.replies != nil { // what is out names its address: it stays until the next start
		to.Listen = m.replies.Setting().Listen
	} else {
		o := socketOptions(m.cfg, "replies", m.cfg.Replies.IPCMode)
		o.Log = m.c.part("replies")
		if m.replies, err = topology.NewReplies(o, m.c.desk); err != nil {
			return err
		}
		m.undo = append(m.undo, release(m.replies))
	}
	m.move(m.replies, to, "replies.curve.secret")
	m.rotates("replies", m.cfg.Replies.Curve, m.replies)
	return nil
}

// openChannels has every [[channels]]: as it was, changed, or new.
func (m *making) openChannels(ctx context.Context) error {
	for i := range m.cfg.Channels {
		ch := &m.cfg.Channels[i]
		to, err := channelSetting(m.cfg, ch)
		if err != nil {
			return fmt.Errorf("channel %s: %w", ch.Name, err)
		}
		if ch.Class == "command" {
			err = m.openCommand(ctx, ch, to)
		} else {
			err = m.openTelemetry(ch, to)
		}
		if err != nil {
			return err
		}
	}
	m.gone.commands = missing(m.was.commands, m.commands)
	m.gone.telemetry = missing(m.was.telemetry, m.telemetry)
	return nil
}

func (m *making) openCommand(ctx context.Context, ch *config.Channel, to topology.Setting) error {
	c := named(m.was.commands, ch.Name)
	if c == nil {
		if err := m.c.relieve(ctx, ch.Name); err != nil {
			return err
		}
		o := m.channelOptions(ch)
		c = &command{name: ch.Name, Channel: dispatch.NewChannel(dispatch.Options{Settings: settings(ch), Store: m.c.store, Transforms: m.c.steps,
			Signer: m.c.signing.Signer, LeaseKey: m.c.leaseKey, Log: o.Log, Now: m.c.clock.Now,
			Observe: m.c.outgoing(ch.Name, true), Trace: m.c.traceParent()}), gone: make(chan struct{})}
		c.wanted, c.want = context.WithCancel(context.Background())
		c.Pause(m.c.pauses.has(ch.Name))
		var err error
		if c.socket, err = topology.NewCommands(o, maxPrefetch, c.Channel); err != nil {
			return err
		}
		m.undo = append(m.undo, release(c.socket))
		m.begins = append(m.begins, func(s *stage) { s.command(c) })
	}
	m.commands = append(m.commands, c)
	m.move(c.socket, to, config.KeyOf("channels", ch.Name, "curve", "secret"))
	m.rotates("channel "+ch.Name, ch.Curve, c.socket)
	m.swaps = append(m.swaps, func() { c.Change(settings(ch), m.replyTo()) })
	return nil
}

// relieve has a channel that was taken out and hands out its last end at once:
// it is back, and goes on with what the other leaves.
func (c *Core) relieve(ctx context.Context, name string) error {
	c.changing.Lock()
	ending := slices.Clone(c.ending)
	c.changing.Unlock()
	for _, ch := range ending {
		if ch.name != name {
			continue
		}
		ch.want()
		select {
		case <-ch.gone:
		case <-ctx.Done():
			return fmt.Errorf("channel %s was taken out and has not ended yet: reload again in a while: %w", name, ctx.Err())
		}
	}
	return nil
}

func (m *making) openTelemetry(ch *config.Channel, to topology.Setting) error {
	t := named(m.was.telemetry, ch.Name)
	if t == nil {
		o := m.channelOptions(ch)
		pub, err := topology.NewPublications(o, ch.HighWaterMark)
		if err != nil {
			return err
		}
		m.undo = append(m.undo, release(pub))
		t = &telemetry{name: ch.Name, socket: pub, Telemetry: dispatch.NewTelemetry(dispatch.TelemetryOptions{Name: ch.Name, Ring: m.cfg.Limits.TelemetryRing,
			Transforms: m.c.steps, Signer: m.c.signing.Signer, To: pub, Log: o.Log,
			Observe: m.c.outgoing(ch.Name, false), Trace: m.c.traceParent()})}
		m.begins = append(m.begins, func(s *stage) { s.telemetry(t) })
	}
	m.telemetry = append(m.telemetry, t)
	m.move(t.socket, to, config.KeyOf("channels", ch.Name, "curve", "secret"))
	m.rotates("channel "+ch.Name, ch.Curve, t.socket)
	return nil
}

func (m *making) channelOptions(ch *config.Channel) topology.Options {
	o := socketOptions(m.cfg, "channel "+ch.Name, ch.IPCMode)
	o.Log = m.c.part("channel").With().Str("channel", ch.Name).Logger()
	return o
}

// withdraw has what goes leave the addresses that others want. Channels hand out
// nothing more before that.
func (m *making) withdraw() {
	wanted := make(map[string]bool)
	for _, ch := range m.cfg.Channels {
		wanted[ch.Listen] = ch.Listen != ""
	}
	for _, in := range m.cfg.Ingress {
		wanted[in.Listen] = true
	}
	leave := func(s changing, stay topology.Guests) (leaves bool) {
		now := s.Setting()
		if leaves = wanted[now.Listen]; leaves {
			m.move(s, topology.Setting{Security: now.Security, Guests: stay}, "")
		}
		return leaves
	}
	for _, d := range m.gone.doors {
		if d.requests != nil {
			leave(d.requests, d.requests.Setting().Guests) // they get the answers that wait for them
		}
	}
	for _, t := range m.gone.telemetry {
		leave(t.socket, nil)
	}
	for _, c := range m.gone.commands {
		if leave(c.socket, nil) {
			m.moves = append(m.moves, m.quiet(c))
		}
	}
}

// quiet has a channel hand out nothing more.
func (m *making) quiet(c *command) move {
	return move{do: func() error {
		c.Pause(true)
		ctx, cancel := context.WithTimeout(m.c.leaving, time.Duration(m.cfg.Limits.Drain))
		defer cancel()
		_ = c.Quiet(ctx, false) // what is still out then keeps its lease in the store
		return nil
	}, back: func() error { c.Pause(m.c.pauses.has(c.name)); return nil }}
}

// replyTo is the address that consumers are told to reply to.
func (a *arrangement) replyTo() string {
	if a.cfg.Replies.Advertise != "" {
		return a.cfg.Replies.Advertise
	}
	return a.replies.Bound()
}

// rotates notes a socket whose CURVE keys may change while it runs.
func (m *making) rotates(name string, from *config.Curve, s rotator) {
	if from != nil {
		m.sources = append(m.sources, curveSource(m.cfg, name, from, s, m.c.part("keys")))
	}
}
