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
)

const (
	// readMany is the read buffer of a socket that receives: it makes system
	// calls rare. readFew is enough for the commands that the others receive.
	readMany = 32 << 10
	readFew  = 2 << 10
	// readBatch is how many messages are handed over at a time at most.
	readBatch = 64
)

// serve makes a peer of conn and stays with it to its end. It reports whether
// the peer became ready. g is nil for a dialled connection.
func (s *socket) serve(ctx context.Context, conn net.Conn, name string, g *guest) bool {
	guard, codec, err := s.handshake(ctx, conn, g)
	if err != nil {
		s.refuse(conn, name, err)
		return false
	}
	p := newPeer(conn, addrOf(conn, name), guard.hello, s.opt)
	p.freed = s.hooks.freed
	guard.peer = p
	if s.opt.Up != nil {
		s.opt.Up(p)
	}
	s.join(p)
	s.observe(Event{Kind: Connected, Endpoint: name, Addr: p.addr, Peer: p})
	written := make(chan struct{})
	go func() {
		defer close(written)
		w := writer{peer: p, timeout: s.opt.Limits.WriteTimeout, buffers: &s.buffers}
		if err := w.run(); err != nil {
			p.cut(err)
		}
	}()
	p.cut(s.read(p, guard, codec))
	<-written
	s.leave(p, name)
	return true
}

// handshake runs greeting and READY through the codec, within the deadline.
func (s *socket) handshake(ctx context.Context, conn net.Conn, g *guest) (*guard, *zmq4.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(s.opt.Limits.HandshakeTimeout)); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ReasonFailed, err)
	}
	buffer := readFew
	if !s.sends() {
		buffer = readMany
	}
	guard := newGuard(conn, s.opt.Limits, buffer, func(kind string) error { return checkPair(s.kind, kind) })
	guard.mute, guard.topics = s.hooks.mute, s.kind == "PUB"
	if guard.topics {
		guard.limits.Frame = min(guard.limits.Frame, 1+guard.limits.SubscriptionBytes)
	}
	var codec *zmq4.Conn
	err := s.contain(func() (err error) {
		codec, err = zmq4.Open(guard, null.Security(), zmq4.SocketType(s.kind), nil, g != nil, nil)
		return err
	})
	switch {
	case ctx.Err() != nil:
		err = ReasonClosed
	case g != nil && s.admission.evicted(g):
		err = fmt.Errorf("%w: limit %d", ReasonHandshakes, s.opt.Limits.Handshakes)
	case err == nil && g != nil:
		err = s.admission.pass(g)
	case guard.fault != nil:
		err = guard.fault
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	return guard, codec, err
}

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
func (s *socket) leave(p *Peer, name string) {
	s.mu.Lock()
	back, cause := p.end()
	s.peers = slices.DeleteFunc(s.peers, func(other *Peer) bool { return other == p })
	s.past.Counts.add(p.Facts().Counts)
	s.past.Received += p.received.Load()
	kind := Cut
	switch ReasonOf(cause) {
	case ReasonEnded, ReasonFailed, ReasonRejected, ReasonClosed:
		kind = Gone
	default:
		s.past.Cut++
	}
	if s.hooks.left != nil {
		s.hooks.left(back)
	}
	s.mu.Unlock()
	if s.opt.Down != nil {
		s.opt.Down(p, cause)
	}
	s.observe(Event{Kind: kind, Endpoint: name, Addr: p.addr, Peer: p, Err: cause})
}

// refuse ends a connection that did not become a peer.
func (s *socket) refuse(conn net.Conn, name string, err error) {
	_ = conn.Close() // it is of no use, whatever Close says
	if errors.Is(err, ReasonClosed) {
		return
	}
	s.mu.Lock()
	s.past.Refused++
	s.mu.Unlock()
	s.observe(Event{Kind: Refused, Endpoint: name, Addr: addrOf(conn, name), Err: err})
}

// addrOf names the other end; an ipc peer has no name of its own.
func addrOf(conn net.Conn, endpoint string) string {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.String()
	}
	return endpoint
}
