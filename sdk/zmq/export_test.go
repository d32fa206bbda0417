package zmq

import (
	"context"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
)

// Filter opens filter to tests.
type Filter struct{ filter }

func (f *Filter) Add(prefix []byte) bool    { return f.filter.add(prefix) }
func (f *Filter) Remove(prefix []byte) bool { return f.filter.remove(prefix) }
func (f *Filter) Match(topic []byte) bool   { return f.filter.match(topic) }
func (f *Filter) Bytes() int                { return f.filter.bytes }

// ParseEndpoint returns what package net is given for an endpoint.
func ParseEndpoint(text string, listen bool) (network, address string, err error) {
	e, err := parseEndpoint(text, listen)
	return e.network, e.address, err
}

// Accept runs the accept loop of s on l.
func (s *Pull) Accept(ctx context.Context, l net.Listener) { s.accept(ctx, l, "test") }

// ReadAll runs the guarded codec of a socket of the given type over conn,
// with nothing around it that would contain a panic. It returns the messages
// that came through and why they ended.
func ReadAll(conn net.Conn, kind string, limits Limits) ([]Frames, error) {
	g := newGuard(conn, &Security{}, Options{Limits: limits}.withDefaults().Limits, readMany)
	g.accept = func(theirs string) error { return checkPair(kind, theirs) }
	g.topics = kind == "PUB"
	codec, err := zmq4.Open(g, null.Security(), zmq4.SocketType(kind), nil, true, nil)
	if err != nil {
		if g.fault == nil {
			return nil, err
		}
		return nil, g.fault
	}
	g.peer = &Peer{conn: conn}
	g.peer.work.L = &g.peer.mu
	var all []Frames
	for {
		m, err := codec.RecvMsg()
		if err != nil {
			return all, g.fault
		}
		all = append(all, m.Frames)
	}
}

// BreakTake makes s panic on every message, as a broken codec would.
func (s *Pull) BreakTake() { s.hooks.take = func(*Peer, []Frames) error { panic("broken") } }

// Hand writes parts to conn as a writer does.
func Hand(conn net.Conn, timeout time.Duration, parts ...[]byte) (int64, error) {
	w := writer{peer: &Peer{conn: &steady{conn, timeout}}}
	return w.hand(parts)
}

// Whole counts the messages of a batch that n bytes hold completely.
func Whole(batch []Frames, n int64) int {
	var items []item
	for _, frames := range batch {
		items = append(items, item{frames: frames})
	}
	return whole(items, n)
}

// MessageSize is the length of a message on the wire.
func MessageSize(frames Frames) int { return messageSize(frames) }

// Encode is a message on the wire.
func Encode(frames Frames) []byte { return appendMessage(nil, frames) }
