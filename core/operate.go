package core

import (
	"context"
	"encoding/json"
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
	keys, err := json.Marshal(c.keys)
	if err != nil {
		return admin.Top{}, err
	}
	taken, bad := c.desk.Counts()
	top := admin.Top{Version: c.o.Version, Started: c.started, Dev: c.o.Dev, Keys: keys, Intake: c.intake.Counts(), Outbox: st,
		Replies:   admin.Replies{Address: c.replies.Bound(), Told: c.replyTo(), Taken: taken, Bad: bad, Socket: socketOf(c.replies)},
		Doors:     make([]admin.Door, len(c.doors)),
		Commands:  make([]admin.Command, len(c.commands)),
		Telemetry: make([]admin.Telemetry, len(c.telemetry))}
	for i, d := range c.doors {
		top.Doors[i] = admin.Door{Name: d.name, Address: d.address}
		if d.zmq != nil {
			counts, socket := d.zmq.Counts(), socketOf(d.requests)
			top.Doors[i].ZMQ, top.Doors[i].Socket = &counts, &socket
		}
	}
	for i, ch := range c.commands {
		held := st.Channels[ch.name]
		top.Commands[i] = admin.Command{Facts: ch.Facts(), Address: ch.socket.Bound(), Pending: held.Pending, Dead: held.Dead, Bytes: held.Bytes,
			Socket: socketOf(ch.socket)}
	}
	for i, t := range c.telemetry {
		published, dropped := t.Counts()
		counts, socket := t.socket.Published(), socketOf(t.socket)
		top.Telemetry[i] = admin.Telemetry{Name: t.name, Address: t.socket.Bound(), Subscribers: len(socket.Connections), Published: published,
			RingDropped: dropped, Sent: counts.Sent, Dropped: counts.Dropped, Queued: counts.Queued, Socket: socket}
	}
	return top, nil
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
	e := admin.Event{ID: st.ID, Source: st.Source, Type: st.Type, Seq: st.Seq, State: st.State(), Principal: st.Principal, Accepted: st.Accepted,
		Channels: make([]admin.ChannelState, len(st.Channels))}
	for i, ch := range st.Channels {
		e.Channels[i] = admin.ChannelState{ChannelStatus: ch, Result: ch.Result}
	}
	return e
}

// Act implements admin.Router.
func (c *Core) Act(ctx context.Context, a admin.Act) (admin.Done, error) {
	switch a.Verb {
	case admin.Pause, admin.Resume, admin.Drain:
		return c.actOnChannel(ctx, a)
	case admin.Cancel, admin.Redrive, admin.Drop:
		return c.actOnEvents(ctx, a)
	}
	return admin.Done{}, fmt.Errorf("%w: no verb %q", admin.ErrBad, a.Verb)
}

func (c *Core) actOnChannel(ctx context.Context, a admin.Act) (admin.Done, error) {
	for _, ch := range c.commands {
		if ch.name != a.Channel {
			continue
		}
		ch.Pause(a.Verb != admin.Resume)
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
	for _, t := range c.telemetry {
		if t.name == name {
			return fmt.Errorf("%w: %s is a telemetry channel, which keeps nothing", admin.ErrBad, name)
		}
	}
	return fmt.Errorf("command channel %q: %w: headgate channel list names them", name, admin.ErrNotFound)
}

// actions tell what a verb does, and to events in which state.
var actions = map[admin.Verb]struct {
	action outbox.Action
	state  outbox.State
	what   string
}{
	admin.Cancel:  {outbox.Dropped, outbox.StatePending, "cancelled"},
	admin.Redrive: {outbox.Redrive, outbox.StateFailed, "redriven"},
	admin.Drop:    {outbox.Dropped, outbox.StateFailed, "thrown away"},
}

func (c *Core) actOnEvents(ctx context.Context, a admin.Act) (admin.Done, error) {
	x := actions[a.Verb]
	if !a.All {
		st, err := c.lookup(ctx, a.Key)
		if err != nil {
			return admin.Done{}, err
		}
		outcomes := c.outcomes(st, a)
		if len(outcomes) == 0 {
			return admin.Done{}, fmt.Errorf("%w: event %s is not %s on any such channel", admin.ErrBad, a.Key.ID, x.state)
		}
		return admin.Done{Changed: 1}, c.store.Settle(ctx, outcomes)
	}
	if a.Verb == admin.Cancel {
		return admin.Done{}, fmt.Errorf("%w: cancel takes one event", admin.ErrBad)
	}
	var done admin.Done
	f := outbox.Filter{Channel: a.Channel, State: x.state, Type: a.Type, Limit: 1000}
	for {
		page, err := c.store.List(ctx, f)
		if err != nil || len(page) == 0 {
			return done, err
		}
		var outcomes []outbox.Outcome
		for _, st := range page {
			outcomes = append(outcomes, c.outcomes(st, a)...)
			f.After = st.Seq
		}
		if err := c.store.Settle(ctx, outcomes); err != nil {
			return done, err
		}
		done.Changed += len(page)
	}
}

// outcomes are what an act means for the channels of an event.
func (c *Core) outcomes(st outbox.Status, a admin.Act) []outbox.Outcome {
	x := actions[a.Verb]
	var out []outbox.Outcome
	for _, ch := range st.Channels {
		if ch.State == x.state && (a.Channel == "" || a.Channel == ch.Channel) {
			out = append(out, outbox.Outcome{Seq: st.Seq, Channel: ch.Channel, Action: x.action, At: time.Now(), What: x.what, Reason: a.Why})
		}
	}
	return out
}
