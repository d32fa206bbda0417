package core

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/topology"
)

var _ admin.Router = (*Core)(nil)

// Top implements admin.Router.
func (c *Core) Top(context.Context) (admin.Top, error) {
	st := c.store.Stats()
	at := c.at.Load()
	taken, bad := c.desk.Counts()
	top := admin.Top{Version: c.o.Version, Started: c.started, Dev: c.o.Dev, Keys: c.signing.JWKS(), Intake: c.intake.Counts(), Outbox: st,
		Replies:   admin.Replies{Address: at.replies.Bound(), Told: at.replyTo(), Taken: taken, Bad: bad, Socket: socketOf(at.replies)},
		Doors:     make([]admin.Door, len(at.doors)),
		Commands:  make([]admin.Command, len(at.commands)),
		Telemetry: make([]admin.Telemetry, len(at.telemetry)), Plugins: c.Plugins()}
	for _, a := range at.authorities() {
		top.Trust = append(top.Trust, a.Fact(time.Now()))
	}
	for i, d := range at.doors {
		top.Doors[i] = admin.Door{Name: d.name, Address: d.at()}
		if d.zmq != nil {
			counts, socket := d.zmq.Counts(), socketOf(d.requests)
			top.Doors[i].ZMQ, top.Doors[i].Socket = &counts, &socket
		}
	}
	for i, ch := range at.commands {
		held := st.Channels[ch.name]
		top.Commands[i] = admin.Command{Facts: ch.Facts(), Address: ch.socket.Bound(), Pending: held.Pending, Held: held.Held, Dead: held.Dead, Bytes: held.Bytes,
			Socket: socketOf(ch.socket), Oldest: c.oldest(ch.name)}
	}
	for i, t := range at.telemetry {
		published, dropped := t.Counts()
		counts, socket := t.socket.Published(), socketOf(t.socket)
		top.Telemetry[i] = admin.Telemetry{Name: t.name, Address: t.socket.Bound(), Subscribers: len(socket.Connections), Published: published,
			RingDropped: dropped, Sent: counts.Sent, Dropped: counts.Dropped, Queued: counts.Queued, Socket: socket}
	}
	c.operating(&top)
	return top, nil
}

// oldest is since when the oldest of a channel's events waits, as far as it can be
// read: what is damaged is named when its turn comes.
func (c *Core) oldest(channel string) time.Time {
	aging, tells := c.store.(outbox.Aging)
	if !tells {
		return time.Time{}
	}
	at, _ := aging.Oldest(channel)
	return at
}

func socketOf(s interface {
	Counts() topology.Counts
	Connections() []topology.Connection
}) admin.Socket {
	return admin.Socket{Counts: s.Counts(), Connections: s.Connections()}
}

// Events implements admin.Router.
func (c *Core) Events(ctx context.Context, f outbox.Filter) ([]admin.Event, error) {
	if _, known := c.store.Stats().Channels[f.Channel]; f.Channel != "" && !known {
		return nil, c.noChannel(f.Channel)
	}
	list, err := c.store.List(ctx, f)
	if err != nil {
		return nil, err
	}
	out := make([]admin.Event, len(list))
	for i, st := range list {
		out[i] = view(st)
	}
	return out, nil
}

// Event implements admin.Router.
func (c *Core) Event(ctx context.Context, key outbox.Key) (admin.Event, error) {
	st, err := c.lookup(ctx, key)
	if err != nil {
		return admin.Event{}, err
	}
	e := view(st)
	if st.Entry != nil {
		e.Event, e.Raw = st.Entry.Event.Raw, st.Entry.Event.Raw
	}
	return e, nil
}

func (c *Core) lookup(ctx context.Context, key outbox.Key) (outbox.Status, error) {
	st, err := c.store.Lookup(ctx, key)
	if errors.Is(err, outbox.ErrNotFound) {
		return st, fmt.Errorf("event %s of %s: %w: it never came, went to telemetry alone, or its end is no longer kept", key.ID, key.Source, admin.ErrNotFound)
	}
	return st, err
}

func view(st outbox.Status) admin.Event {
	e := admin.Event{ID: st.ID, Source: st.Source, Type: st.Type, Seq: st.Seq, State: st.State(), Principal: st.Principal, Key: st.KeyID, Proof: st.Proof, Accepted: st.Accepted,
		Channels: make([]admin.ChannelState, len(st.Channels))}
	for i, ch := range st.Channels {
		e.Channels[i] = admin.ChannelState{ChannelStatus: ch, Result: ch.Result}
	}
	return e
}

// Act implements admin.Router.
func (c *Core) Act(ctx context.Context, a admin.Act) (admin.Done, error) {
	switch {
	case a.Verb.OfEvents():
		return c.actOnEvents(ctx, a)
	case a.Verb == admin.Pause, a.Verb == admin.Resume, a.Verb == admin.Drain:
		return c.actOnChannel(ctx, a)
	}
	return admin.Done{}, fmt.Errorf("%w: no verb %q", admin.ErrBad, a.Verb)
}

func (c *Core) actOnChannel(ctx context.Context, a admin.Act) (admin.Done, error) {
	for _, ch := range c.at.Load().commands {
		if ch.name != a.Channel {
			continue
		}
		pause := a.Verb != admin.Resume
		ch.Pause(pause)
		if err := c.pauses.set(a.Channel, pause); err != nil {
			return admin.Done{}, fmt.Errorf("channel %s: %s is done, and a restart forgets it: %w", a.Channel, a.Verb, err)
		}
		if a.Verb == admin.Drain {
			if err := ch.Quiet(ctx, false); err != nil {
				return admin.Done{}, fmt.Errorf("channel %s: paused, and not yet drained: %w", a.Channel, err)
			}
		}
		return admin.Done{Changed: 1}, nil
	}
	return admin.Done{}, c.noChannel(a.Channel)
}

// noChannel tells why a name is no command channel's.
func (c *Core) noChannel(name string) error {
	for _, t := range c.at.Load().telemetry {
		if t.name == name {
			return fmt.Errorf("%w: %s is a telemetry channel, which keeps nothing", admin.ErrBad, name)
		}
	}
	return fmt.Errorf("command channel %q: %w: headgate channel list names them", name, admin.ErrNotFound)
}

// actOnEvents does an act on all the events it names at once.
func (c *Core) actOnEvents(ctx context.Context, a admin.Act) (done admin.Done, _ error) {
	if len(a.Events) == 0 || len(a.Events) > admin.MaxPicks {
		return done, fmt.Errorf("%w: %s takes 1 to %d events, not %d", admin.ErrBad, a.Verb, admin.MaxPicks, len(a.Events))
	}
	var outcomes []outbox.Outcome
	for _, pick := range a.Events {
		of, err := c.outcomes(ctx, a, pick)
		if pick.Seq != 0 && (errors.Is(err, admin.ErrBad) || errors.Is(err, admin.ErrNotFound)) {
			continue // it has changed since it was picked
		}
		if err != nil {
			return admin.Done{}, err
		}
		outcomes = append(outcomes, of...)
		done.Changed++
	}
	if err := c.store.Settle(ctx, outcomes); err != nil {
		return admin.Done{}, err
	}
	for _, o := range outcomes {
		if o.Action == outbox.Dropped {
			c.forget(o.Channel, o.Seq)
		}
	}
	return done, nil
}

// forget has a channel let go of an event that is at a transform.
func (c *Core) forget(channel string, seq uint64) {
	for _, ch := range c.at.Load().commands {
		if ch.name == channel {
			ch.Forget(seq)
		}
	}
}

// outcomes are what an act means for the channels of one event.
func (c *Core) outcomes(ctx context.Context, a admin.Act, pick admin.Pick) ([]outbox.Outcome, error) {
	st, err := c.lookup(ctx, pick.Key)
	if err != nil {
		return nil, err
	}
	action, what := a.Verb.Action()
	var out []outbox.Outcome
	for _, ch := range st.Channels {
		if (pick.Seq == 0 || pick.Seq == st.Seq) && (a.Channel == "" || a.Channel == ch.Channel) && a.Verb.Fits(&ch) {
			out = append(out, outbox.Outcome{Seq: st.Seq, Channel: ch.Channel, Action: action, At: c.clock.Now(), What: what, Reason: a.Why})
		}
	}
	if len(out) == 0 {
		return nil, a.Verb.Unfit(pick.Key)
	}
	return out, nil
}
