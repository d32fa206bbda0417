package zmq

import (
	"bufio"
	"cmp"
	"context"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"

	"github.com/headgate-io/headgate/sdk/curve"
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

// Reading is the guarded codec of a socket of type Kind, with nothing around it
// that would contain a panic.
type Reading struct {
	Kind     string
	Limits   Limits
	Security Security
	Server   bool           // of CURVE
	Session  *curve.Session // the handshake is done, and this came of it,
	Peer     string         // with a socket of this type
	Buffer   int            // bytes; 0 means that of a socket that receives
}

// All reads conn to its end. It returns the messages that came through and why
// they ended.
func (r Reading) All(conn net.Conn) ([]Frames, error) {
	limits := Options{Limits: r.Limits}.withDefaults().Limits
	g := newGuard(conn, &r.Security, limits, cmp.Or(r.Buffer, readMany))
	g.server = r.Server
	g.accept = func(theirs string) error { return checkPair(r.Kind, theirs) }
	g.mute, g.topics = r.Kind == "PUSH", r.Kind == "PUB"
	if g.topics {
		g.limits.Frame = min(g.limits.Frame, 1+g.limits.SubscriptionBytes)
	}
	if r.Session != nil {
		g.Conn = &sealed{conn, r.Session}
		g.in = bufio.NewReaderSize(wire{g, g.Conn}, cmp.Or(r.Buffer, readMany))
		g.stage = traffic
		g.replay = appendCommand(greeting(0, mechanismNull), "READY", append([]byte{11}, "Socket-Type\x00\x00\x00"+string(rune(len(r.Peer)))+r.Peer...))
	}
	codec, err := zmq4.Open(g, null.Security(), zmq4.SocketType(r.Kind), nil, true, nil)
	if g.fault != nil {
		return nil, g.fault
	}
	if err != nil {
		return nil, err
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

// Subscriber is one peer of a Pub that has no connection.
type Subscriber struct {
	pub  *Pub
	peer *Peer
}

// NewSubscriber makes one.
func NewSubscriber(l Limits) *Subscriber {
	return &Subscriber{NewPub(Options{Limits: l}), &Peer{}}
}

// Take takes in what it says.
func (s *Subscriber) Take(batch []Frames) error { return s.pub.take(s.peer, batch) }

// Leave ends it and tells how many branches of the trie are left.
func (s *Subscriber) Leave() int {
	s.pub.left(s.peer, nil)
	return s.pub.Branches()
}

// Branches counts what the trie holds: branches, and subscribers in them.
func (s *Pub) Branches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topics.root.count()
}

func (b *branch) count() int {
	n := len(b.peers)
	for _, below := range b.branches {
		n += 1 + below.count()
	}
	return n
}

// Trie opens trie to tests; its subscribers are numbers.
type Trie struct {
	trie
	peers map[int]*Peer
}

func (t *Trie) Add(prefix string, n int) {
	if t.peers == nil {
		t.peers = map[int]*Peer{}
	}
	if t.peers[n] == nil {
		t.peers[n] = &Peer{id: uint64(n)}
	}
	t.trie.add([]byte(prefix), t.peers[n])
}

func (t *Trie) Remove(prefix string, n int) { t.trie.remove([]byte(prefix), t.peers[n]) }

// Match gives how often each subscriber is visited.
func (t *Trie) Match(topic string) map[int]int {
	visits := map[int]int{}
	t.trie.match([]byte(topic), func(p *Peer) { visits[int(p.id)]++ })
	return visits
}

func (t *Trie) Count() int { return t.root.count() }

// Guests counts what admission remembers of connections.
func (s *socket) Guests() int {
	a := s.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting) + a.ready + len(a.hosts)
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

// HeldAfterClose tells how much a queue of limit holds after n messages were put
// behind its end, or, waited, were waiting in batches when it came.
func HeldAfterClose(limit, n int, waited bool) int {
	b := newInbox(limit)
	p := &Peer{}
	full := make([]Frames, limit)
	if waited {
		b.put(p, full)
		ended := make(chan struct{})
		go func() { b.put(p, full); close(ended) }()
		for !p.paused.Load() {
			time.Sleep(time.Millisecond)
		}
		b.close()
		<-ended
	} else {
		b.close()
	}
	for range n {
		b.put(p, full[:1])
	}
	return b.held()
}

// Drain lets the writer of a peer end, and tells when it has.
func Drain(conn net.Conn) (*Peer, <-chan struct{}) {
	p := &Peer{conn: conn, raw: conn}
	p.work.L = &p.mu
	p.drain(ReasonClosed)
	written := make(chan struct{})
	go func() {
		defer close(written)
		w := writer{peer: p}
		_ = w.run()
	}()
	return p, written
}
