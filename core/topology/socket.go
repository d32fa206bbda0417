package topology

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// Setting is what may change while a socket runs.
type Setting struct {
	Listen   string   // tcp://host:port or ipc://path; empty where it connects
	Connect  []string // addresses of consumers
	Security zmq.Security
	Guests   Guests // whom CURVE admits, in place of Security.Curve.Admit
}

// Guests are the CURVE keys that a socket admits.
type Guests map[curve.Public]zmq.Admitted

// Options are what every socket has.
type Options struct {
	Name    string // for errors: "channel commands", "replies"
	Setting Setting
	ZMQ     zmq.Options // limits and heartbeats
	Log     zerolog.Logger
}

// wire is what this package needs of any socket.
type wire interface {
	Listen(endpoint string) (string, error)
	Connect(endpoint string) error
	Remove(endpoint string) bool
	Secure(zmq.Security) error
	Peers() []*zmq.Peer
	Stats() zmq.Stats
	Run(ctx context.Context) error
}

// socket is what all sockets share: their setting, and what it admits.
type socket struct {
	wire
	name   string
	mode   fs.FileMode // of the file of an ipc address
	guests atomic.Pointer[Guests]

	mu    sync.Mutex
	now   Setting
	bound string
}

// prepare gives what a socket is made with: Admit asks the guests of now.
func (s *socket) prepare(o Options) zmq.Options {
	s.name, s.mode = o.Name, o.ZMQ.Mode
	s.guests.Store(&o.Setting.Guests)
	s.now = o.Setting
	zo := o.ZMQ
	zo.Security = s.admitting(o.Setting.Security)
	tell := observe(o.Log)
	zo.Observe = func(e zmq.Event) {
		if e.Kind == zmq.Connected {
			s.judge(e.Peer)
		}
		tell(e)
	}
	return zo
}

// judge ends a connection that was let in by a setting that was changed before
// it was ready.
func (s *socket) judge(p *zmq.Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why := misfit(p, s.now); why != nil {
		p.Cut(why)
	}
}

func (s *socket) admitting(security zmq.Security) zmq.Security {
	if security.Curve != nil {
		c := *security.Curve
		c.Admit = s.admit
		security.Curve = &c
	}
	return security
}

var errStranger = errors.New("its key is not that of any admitted [[peers]] entry for this socket")

func (s *socket) admit(key curve.Public) (zmq.Admitted, error) {
	guest, known := (*s.guests.Load())[key]
	if !known {
		return zmq.Admitted{}, fmt.Errorf("%w: %s", errStranger, key)
	}
	return guest, nil
}

// begin binds and connects.
func (s *socket) begin(w wire) error {
	s.wire = w
	return s.open(Setting{})
}

// open connects and listens where was has not.
func (s *socket) open(was Setting) error {
	for _, address := range s.now.Connect {
		if slices.Contains(was.Connect, address) {
			continue
		}
		if err := s.Connect(address); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if s.now.Listen == "" || s.bound != "" {
		return nil
	}
	return s.listen(s.now.Listen)
}

func (s *socket) listen(address string) error {
	bound, err := s.Listen(address)
	if err != nil {
		return s.unopened(err)
	}
	s.bound = bound
	return nil
}

// unopened says why an address cannot be listened on.
func (s *socket) unopened(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: stop what listens there, or set another listen", err)
	}
	return fmt.Errorf("%s: %w", s.name, err)
}

// Bound is the endpoint it listens on, with the real port; empty when it connects.
func (s *socket) Bound() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bound
}

// Setting is the one that it has.
func (s *socket) Setting() Setting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// sweep ends the connections that the setting has no room for.
func (s *socket) sweep() {
	for _, p := range s.Peers() {
		if why := misfit(p, s.now); why != nil {
			p.Cut(why)
		}
	}
}

// Rotate replaces the socket's own CURVE keys, newest first, and reports
// whether they differ from those it has. Connections go on: each has keys of
// its own.
func (s *socket) Rotate(secrets []*curve.Secret) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.now
	if to.Security.Curve == nil {
		return false, fmt.Errorf("%s: has no CURVE keys to replace", s.name)
	}
	c := *to.Security.Curve
	if slices.EqualFunc(c.Secrets, secrets, func(a, b *curve.Secret) bool { return a.Public() == b.Public() }) {
		return false, nil
	}
	c.Secrets = secrets
	to.Security.Curve = &c
	if err := s.Secure(s.admitting(to.Security)); err != nil {
		return false, fmt.Errorf("%s: %w", s.name, err)
	}
	s.now = to
	return true, nil
}

var (
	errGuest  = errors.New("its [[peers]] entry was changed, revoked or removed")
	errPinned = errors.New("another server_key is pinned")
	errSecure = errors.New("the socket's security was changed")
)

// misfit tells why a connection cannot go on under a setting. One to an address
// that is gone ends by itself. Certificates are judged when a connection begins.
func misfit(p *zmq.Peer, now Setting) error {
	mechanism := p.Facts().Mechanism
	switch {
	case (mechanism == "CURVE") != (now.Security.Curve != nil) || (mechanism == "TLS") != (now.Security.TLS != nil):
		return errSecure
	case now.Security.Curve == nil:
		return nil
	case p.Dialled():
		if slices.Contains(now.Connect, p.Endpoint()) && p.Key() != now.Security.Curve.Server {
			return errPinned
		}
		return nil
	}
	guest, admitted := now.Guests[p.Key()]
	if was := p.Admitted(); !admitted || was.Name != guest.Name || !slices.Equal(was.Topics, guest.Topics) {
		return errGuest
	}
	return nil
}

// observe logs what happens to connections.
func observe(log zerolog.Logger) func(zmq.Event) {
	return func(e zmq.Event) {
		line := log.Debug()
		switch e.Kind {
		case zmq.Refused, zmq.Cut, zmq.Unaccepted, zmq.Slow:
			line = log.Warn()
		}
		line = line.Str("addr", e.Addr).Str("endpoint", e.Endpoint)
		if e.Peer != nil && e.Peer.Name() != "" {
			line = line.Str("peer", e.Peer.Name())
		}
		if e.Err != nil {
			line = line.Str("reason", string(zmq.ReasonOf(e.Err))).AnErr("why", e.Err)
		}
		line.Msg(e.Kind.String())
	}
}
