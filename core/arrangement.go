package core

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/topology"
	"github.com/headgate-io/headgate/core/trust"
)

// arrangement is what one configuration has made of a router: one generation of
// it. It does not change once it is in place. The next one takes over the parts
// that stay.
type arrangement struct {
	number    int // of the generation, from 1
	cfg       *config.Config
	trusted   trusted
	plugins   plugins
	replies   *topology.Replies
	commands  []*command
	telemetry []*telemetry
	doors     []*door
	keyring   *keyring

	texts, referred look // how its files were before they were read

	senderKeys   *source[*config.Config]
	deliveryKeys *source[[]datadir.SigningKey]
	sources      []rereader // CURVE keys, and tokens of operators
}

// command is one command channel.
type command struct {
	*dispatch.Channel
	life
	name   string
	socket *topology.Commands

	wanted context.Context    // of one that ends: until another is to take its place
	want   context.CancelFunc // ends it
	gone   chan struct{}      // closed when it has ended
}

// telemetry is one telemetry channel.
type telemetry struct {
	*dispatch.Telemetry
	life
	name   string
	socket *topology.Publications
}

// named gives the part of that name, nil for none.
func named[P interface{ called() string }](parts []P, name string) (none P) {
	if i := slices.IndexFunc(parts, func(p P) bool { return p.called() == name }); i >= 0 {
		return parts[i]
	}
	return none
}

func (c *command) called() string   { return c.name }
func (t *telemetry) called() string { return t.name }
func (d *door) called() string      { return d.name }
func (t *transform) called() string { return t.name }
func (p *provider) called() string  { return p.name }

// rereaders are all that may change in files, between two configurations.
func (a *arrangement) rereaders() []rereader {
	return append([]rereader{a.senderKeys, a.deliveryKeys}, a.sources...)
}

// channels are the command channels by name, and those of another arrangement
// that have not come to their end.
func (a *arrangement) channels(ending []*command) map[string]*dispatch.Channel {
	out := make(map[string]*dispatch.Channel)
	for _, ch := range slices.Concat(ending, a.commands) {
		out[ch.name] = ch.Channel
	}
	return out
}

func (a *arrangement) publishers() map[string]intake.Publisher {
	out := make(map[string]intake.Publisher)
	for _, t := range a.telemetry {
		out[t.name] = t
	}
	return out
}

func (a *arrangement) authorities() []*trust.Authority {
	out := make([]*trust.Authority, len(a.plugins.providers))
	for i, p := range a.plugins.providers {
		out[i] = p.authority
	}
	return out
}

// making is an arrangement that is being made beside the one that is in place.
type making struct {
	*arrangement
	c   *Core
	was *arrangement // an empty one at the start

	diff []config.Change

	undo    []func() error // gives back what was made, last in first out
	sockets []*successor   // those of all parts, and of what makes room for them
	moves   []move         // what comes before they change, and can be taken back
	made    []move         // of moves
	uses    []func() error // plugins that take the place of others, when nothing else can fail
	swaps   []func()       // put the rest in place
	begins  []func(*stage) // what is new
	gone    gone
}

// gone are the parts of the arrangement before that are in this one no more.
type gone struct {
	doors      []*door
	commands   []*command
	telemetry  []*telemetry
	transforms []*transform
	providers  []*provider
}

// move is one step that may fail, and the way back.
type move struct {
	do   func() error
	back func() error
}

// settle does all that may fail. After an error giveUp takes back what it has done.
func (m *making) settle() error {
	for _, s := range m.sockets {
		s.to.Given = m.given(s)
		var err error
		if s.change, err = s.changing.Prepare(s.to); err != nil {
			return err
		}
	}
	for _, step := range m.moves {
		if err := step.do(); err != nil {
			return err
		}
		m.made = append(m.made, step)
	}
	return nil
}

// given tells that the address a socket is to listen at is that of another, which
// gets another one.
func (m *making) given(s *successor) bool {
	return !anyPort(s.to.Listen) && slices.ContainsFunc(m.sockets, func(from *successor) bool {
		return from != s && from.changing.Setting().Listen == s.to.Listen && from.to.Listen != s.to.Listen
	})
}

func anyPort(listen string) bool { return strings.HasSuffix(listen, ":0") }

// back undoes what settle has done.
func (m *making) back() error {
	var errs []error
	for _, step := range slices.Backward(m.made) {
		errs = append(errs, step.back())
	}
	for _, s := range m.sockets {
		if s.change != nil {
			s.change.Drop()
		}
	}
	m.made, m.sockets = nil, nil
	return errors.Join(errs...)
}

// giveUp leaves nothing of what was made.
func (m *making) giveUp() error {
	errs := []error{m.back()}
	for _, undo := range slices.Backward(m.undo) {
		errs = append(errs, undo())
	}
	m.undo = nil
	return errors.Join(errs...)
}

// changing is a socket whose setting may change.
type changing interface {
	Setting() topology.Setting
	Prepare(topology.Next) (*topology.Change, error)
}

// successor is a socket, and the setting that it is to have.
type successor struct {
	changing
	to     topology.Next
	change *topology.Change // nil before settle
}

// move has a socket change to another setting. Where the configuration names the
// same CURVE keys as before, at key, those count that the socket has now: they may
// have been read again since.
func (m *making) move(s changing, to topology.Setting, key string) {
	m.sockets = append(m.sockets, &successor{changing: s, to: topology.Next{Setting: to, SameKeys: !m.changed(key)}})
}

// enter puts the settings of all sockets in place: addresses are left first, so that
// one can take another's.
func (m *making) enter() error {
	for _, s := range m.sockets {
		s.change.Leave()
	}
	var errs []error
	for _, s := range m.sockets {
		errs = append(errs, s.change.Enter())
	}
	m.made, m.sockets = nil, nil
	return errors.Join(errs...)
}
