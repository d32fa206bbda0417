package zmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"

	"github.com/headgate-io/headgate/sdk/curve"
)

const (
	// readMany is the read buffer of a socket that receives: it makes system
	// calls rare. readFew is enough for the commands that the others receive.
	readMany = 32 << 10
	readFew  = 2 << 10
	// readBatch is how many messages are handed over at a time at most.
	readBatch = 64
)

// link is a connection that has begun, and how.
type link struct {
	net.Conn
	name  string // the endpoint it came by
	host  string // dialled; empty for an accepted one
	guest *guest // nil for a dialled one
}

// serve makes a peer of l and stays with it to its end. It reports whether the
// peer became ready.
func (s *socket) serve(ctx context.Context, l link) bool {
	guard, codec, err := s.handshake(ctx, l)
	if err != nil {
		s.refuse(l, err)
		return false
	}
	p := newPeer(l, guard, s.opt)
	p.takes, p.freed = s.answers(), s.hooks.freed
	if err := s.claim(p); err != nil {
		s.refuse(l, err)
		return false
	}
	guard.peer = p
	if s.opt.Up != nil {
		s.opt.Up(p)
	}
	s.join(p)
	s.observe(Event{Kind: Connected, Endpoint: l.name, Addr: p.addr, Peer: p})
	written := make(chan struct{})
	go func() {
		defer close(written)
		w := writer{peer: p, buffers: &s.buffers}
		if err := w.run(); err != nil {
			p.cut(err)
		}
	}()
	p.cut(s.read(p, guard, codec))
	<-written
	s.leave(p)
	return true
}

// handshake runs TLS, greeting, CURVE and READY through the codec, within the
// deadline.
func (s *socket) handshake(ctx context.Context, l link) (*guard, *zmq4.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	base := &steady{Conn: l.Conn}
	guard, codec, err := s.open(ctx, l, base)
	switch {
	case ctx.Err() != nil:
		err = ReasonClosed
	case l.guest != nil && s.admission.evicted(l.guest):
		err = fmt.Errorf("%w: limit %d", ReasonHandshakes, s.opt.Limits.Handshakes)
	case err == nil && l.guest != nil:
		err = s.admission.pass(l.guest)
	}
	if err == nil {
		err = l.SetDeadline(time.Time{})
	}
	base.timeout = s.opt.Limits.WriteTimeout
	return guard, codec, err
}

func (s *socket) open(ctx context.Context, l link, base *steady) (_ *guard, codec *zmq4.Conn, err error) {
	if err := l.SetDeadline(time.Now().Add(s.opt.Limits.HandshakeTimeout)); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ReasonFailed, err)
	}
	security := s.security.Load()
	server := l.guest != nil
	conn, proven, err := security.tunnel(ctx, base, l.host, server)
	if err != nil {
		return nil, nil, err
	}
	buffer := readFew
	if s.hooks.take != nil && s.kind != "PUB" {
		buffer = readMany
	}
	g := newGuard(conn, security, s.opt.Limits, buffer)
	g.server, g.proof, g.buffers = server, proven, &s.buffers
	g.accept = func(kind string) error { return checkPair(s.kind, kind) }
	g.mute, g.topics = s.hooks.mute, s.kind == "PUB"
	if g.topics {
		g.limits.Frame = min(g.limits.Frame, 1+g.limits.SubscriptionBytes)
	}
	err = s.contain(func() (err error) {
		codec, err = zmq4.Open(g, null.Security(), zmq4.SocketType(s.kind), zmq4.SocketIdentity(s.opt.Identity), server, nil)
		return err
	})
	if g.fault != nil {
		err = g.fault
	}
	return g, codec, err
}

// claim gives a peer the identity it asks for, unless another has it. Who has
// proven a key or certificate has names of its own, which no other can take;
// among those who proved nothing the first one has it.
func (s *socket) claim(p *Peer) error {
	if s.kind != "ROUTER" || p.identity == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := p.owned()
	if s.identities[id] {
		return fmt.Errorf("%w: %.64q", ReasonIdentity, p.identity)
	}
	if s.identities == nil {
		s.identities = make(map[identity]bool)
	}
	s.identities[id] = true
	return nil
}

// identity is a name, and who alone may have it: a key, or a name in a
// certificate.
type identity struct {
	key       curve.Public
	certified string
	name      string
}

func (p *Peer) owned() identity { return identity{p.proof.key, p.proof.Name, p.identity} }

// join makes p one of the socket's peers.
func (s *socket) join(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers = append(s.peers, p)
	s.past.Accepted++
	if s.closed {
		p.cut(ReasonClosed)
	} else if s.hooks.joined != nil {
		s.hooks.joined(p)
	}
	if !s.has(p.endpoint) {
		s.retire(p)
	}
}

// read hands over what the peer sends until the connection ends, and returns
// why it did. Messages are gathered for as long as reading needs not wait for
// the network.
func (s *socket) read(p *Peer, g *guard, codec *zmq4.Conn) error {
	batch := make([]Frames, 0, readBatch)
	g.idle = func() error {
		if len(batch) == 0 {
			return nil
		}
		p.received.Add(uint64(len(batch)))
		err := s.hooks.take(p, batch)
		clear(batch)
		batch = batch[:0]
		return err
	}
	err := s.contain(func() error {
		for {
			m, err := codec.RecvMsg()
			if err != nil {
				return err
			}
			batch = append(batch, m.Frames)
			if len(batch) < readBatch {
				continue
			}
			if err := g.idle(); err != nil {
				return g.fail(err)
			}
		}
	})
	if g.fault == nil {
		return err
	}
	if err := g.idle(); err != nil {
		return err
	}
	return g.fault
}

// contain turns a panic of the codec into an error.
func (s *socket) contain(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.mu.Lock()
			s.past.Panics++
			s.mu.Unlock()
			err = fmt.Errorf("%w: %v", ReasonCodec, r)
		}
	}()
	return f()
}

// leave ends p's time as a peer.
func (s *socket) leave(p *Peer) {
	s.mu.Lock()
	back, cause := p.end()
	s.peers = slices.DeleteFunc(s.peers, func(other *Peer) bool { return other == p })
	delete(s.identities, p.owned())
	s.past.Counts.add(p.Facts().Counts)
	s.past.Received += p.received.Load()
	s.past.Ignored += p.ignored.Load()
	kind := Cut
	switch reason := ReasonOf(cause); reason {
	case ReasonEnded, ReasonFailed, ReasonRejected, ReasonClosed, ReasonRemoved:
		kind = Gone
	default:
		s.past.Cut++
		s.count(reason)
	}
	if s.hooks.left != nil {
		s.hooks.left(p, back)
	}
	s.mu.Unlock()
	if s.opt.Down != nil {
		s.opt.Down(p, cause)
	}
	s.observe(Event{Kind: kind, Endpoint: p.endpoint, Addr: p.addr, Peer: p, Err: cause})
}

// count notes why a connection was refused or cut. The caller holds mu.
func (s *socket) count(reason Reason) {
	if s.past.Reasons == nil {
		s.past.Reasons = make(map[Reason]uint64)
	}
	s.past.Reasons[reason]++
}

// refuse ends a connection that did not become a peer.
func (s *socket) refuse(l link, err error) {
	_ = l.Close() // it is of no use, whatever Close says
	if errors.Is(err, ReasonClosed) {
		return
	}
	s.mu.Lock()
	s.past.Refused++
	s.count(ReasonOf(err))
	s.mu.Unlock()
	s.observe(Event{Kind: Refused, Endpoint: l.name, Addr: addrOf(l.Conn, l.name), Err: err})
}

// addrOf names the other end; an ipc peer has no name of its own.
func addrOf(conn net.Conn, endpoint string) string {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.String()
	}
	return endpoint
}
