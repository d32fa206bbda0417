package zmq_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// anySocket is a socket of any type.
type anySocket interface {
	runner
	Listen(string) (string, error)
	Connect(string) error
	Stats() zmq.Stats
	Peers() []*zmq.Peer
}

func newSocket(kind string, o zmq.Options) anySocket {
	switch kind {
	case "PUSH":
		return zmq.NewPush(o)
	case "PUB":
		return zmq.NewPub(o)
	case "PULL":
		return zmq.NewPull(o)
	case "SUB":
		s := zmq.NewSub(o)
		s.Subscribe("")
		return s
	case "ROUTER":
		return zmq.NewRouter(o)
	}
	return zmq.NewDealer(o)
}

// peerOf gives the type of the peer that a socket expects.
func peerOf(kind string) string {
	return map[string]string{"PUSH": "PULL", "PULL": "PUSH", "PUB": "SUB", "SUB": "PUB", "ROUTER": "DEALER", "DEALER": "ROUTER"}[kind]
}

// subject is a socket under attack, which has an honest peer as well.
type subject struct {
	t       *testing.T
	kind    string
	sealed  bool // by CURVE; the attacker's key is admitted
	listens bool // else it connects to the attacker

	server, client *curve.Secret
	socket, honest anySocket
	stop           func()
	endpoint       string // where attackers find it
	tally          tally
}

// eachSubject runs f with every type of socket, either way, with and without
// CURVE.
func eachSubject(t *testing.T, o zmq.Options, f func(*subject)) {
	for _, kind := range []string{"PUSH", "PULL", "PUB", "SUB", "ROUTER", "DEALER"} {
		for _, listens := range []bool{true, false} {
			for _, sealed := range []bool{false, true} {
				way := map[bool]string{true: "listens", false: "connects"}[listens]
				mechanism := map[bool]string{true: "CURVE", false: "NULL"}[sealed]
				t.Run(strings.Join([]string{kind, way, mechanism}, " "), func(t *testing.T) {
					f(newSubject(t, kind, listens, sealed, o))
				})
			}
		}
	}
}

// newSubject admits those keys besides its honest peer's.
func newSubject(t *testing.T, kind string, listens, sealed bool, o zmq.Options, admitted ...curve.Public) *subject {
	s := &subject{t: t, kind: kind, listens: listens, sealed: sealed, server: curve.NewSecret(), client: curve.NewSecret()}
	o.Observe = s.tally.add
	o.Heartbeat.Interval = cmp.Or(o.Heartbeat.Interval, -1)
	o.Backoff = zmq.Backoff{Min: time.Millisecond, Max: time.Millisecond}
	h := zmq.Options{Identity: "honest", Backoff: o.Backoff, Heartbeat: zmq.Heartbeat{Interval: -1}}
	if sealed {
		admit := func(client curve.Public) (zmq.Admitted, error) {
			if client != s.client.Public() && !slices.Contains(admitted, client) {
				return zmq.Admitted{}, errors.New("not listed")
			}
			return zmq.Admitted{Topics: []string{""}}, nil
		}
		serves, asks := curveServer(admit, s.server), curveClient(s.client, s.server.Public())
		o.Security, h.Security = serves, asks
		if !listens {
			o.Security, h.Security = asks, serves
		}
	}
	s.socket, s.honest = newSocket(kind, o), newSocket(peerOf(kind), h)
	if listens {
		s.endpoint = listen(t, s.socket)
		connect(t, s.honest, s.endpoint)
	} else {
		connect(t, s.socket, listen(t, s.honest))
	}
	s.stop = run(t, s.socket)
	run(t, s.honest)
	await(t, "the honest peer", func() bool { return s.friend() != nil && len(s.honest.Peers()) == 1 })
	switch a := s.socket.(type) {
	case *zmq.Pub:
		settle(t, a, s.honest.(*zmq.Sub))
	case *zmq.Sub:
		settle(t, s.honest.(*zmq.Pub), a)
	}
	return s
}

// friend is the honest peer as the subject knows it.
func (s *subject) friend() *zmq.Peer {
	for _, p := range s.socket.Peers() {
		if p.Identity() == "honest" {
			return p
		}
	}
	return nil
}

// pass carries n messages between the subject and its honest peer, in the
// directions that their types have, and checks that all arrive in order.
func (s *subject) pass(n int) {
	s.t.Helper()
	switch a := s.socket.(type) {
	case *zmq.Pull:
		s.carry(n, s.tell(s.honest.(*zmq.Push).Send), a.Recv)
	case *zmq.Sub:
		s.carry(n, publish(s.honest.(*zmq.Pub)), a.Recv)
	case *zmq.Pub:
		s.carry(n, publish(a), s.honest.(*zmq.Sub).Recv)
	case *zmq.Push:
		s.carry(n, s.friend().Send, s.honest.(*zmq.Pull).Recv)
	case *zmq.Router:
		d := s.honest.(*zmq.Dealer)
		s.carry(n, s.tell(d.Send), a.Recv)
		s.carry(n, s.friend().Send, d.Recv)
	case *zmq.Dealer:
		r := s.honest.(*zmq.Router)
		s.carry(n, s.friend().Send, r.Recv)
		s.carry(n, s.honest.Peers()[0].Send, a.Recv)
	}
}

func (s *subject) tell(send func(context.Context, zmq.Frames) error) func(...zmq.Frames) bool {
	return func(batch ...zmq.Frames) bool { return send(soon(s.t), batch[0]) == nil }
}

func publish(p *zmq.Pub) func(...zmq.Frames) bool {
	return func(batch ...zmq.Frames) bool { return p.Send(batch[0]) == nil }
}

func (s *subject) carry(n int, send func(...zmq.Frames) bool, recv func(context.Context) (zmq.Received, error)) {
	s.t.Helper()
	for i := range n {
		if !send(message("honest", fmt.Sprint(i))) {
			s.t.Fatalf("message %d of %d is not taken", i, n)
		}
	}
	for i := range n {
		got, err := recv(soon(s.t))
		for err == nil && strings.HasPrefix(string(got.Frames[0]), "settle") {
			got, err = recv(soon(s.t))
		}
		if want := message("honest", fmt.Sprint(i)); err != nil || text(got.Frames) != text(want) {
			s.t.Fatalf("want %s, got %s, %v", text(want), text(got.Frames), err)
		}
	}
}

// place is where a subject and an attacker meet.
type place struct {
	endpoint string
	listener net.Listener // nil where the subject listens
}

// place makes one.
func (s *subject) place() place {
	s.t.Helper()
	if s.listens {
		return place{endpoint: s.endpoint}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = l.Close() })
	p := place{"tcp://" + l.Addr().String(), l}
	connect(s.t, s.socket, p.endpoint)
	return p
}

// meet gives a connection to the subject on which nothing has been said.
func (p place) meet(t *testing.T) (raw, error) {
	if p.listener == nil {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.endpoint, "tcp://"))
		if err != nil {
			return raw{}, err
		}
		return raw{t, conn}, conn.SetDeadline(time.Now().Add(patience))
	}
	_ = p.listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := p.listener.Accept()
	if err != nil {
		return raw{}, err
	}
	return raw{t, conn}, conn.SetDeadline(time.Now().Add(patience))
}

// greet says what comes first.
func (s *subject) greet(minor byte) []byte {
	b := rawGreeting(minor)
	if s.sealed {
		copy(b[12:], "CURVE\x00")
		if !s.listens {
			b[32] = 1 // as-server
		}
	}
	return b
}

// intrude makes r a peer with the given metadata, and returns how to go on:
// frames in the clear, sealed where the subject asks for it.
func (s *subject) intrude(r raw, minor byte, metadata string) (io.ReadWriter, error) {
	if !s.sealed {
		if _, err := r.Write(join(s.greet(minor), command("READY", metadata))); err != nil {
			return nil, err
		}
		head := make([]byte, 66)
		if _, err := io.ReadFull(r, head); err != nil {
			return nil, err
		}
		_, err := io.CopyN(io.Discard, r, int64(head[65])) // its READY
		return r, err
	}
	if _, err := r.Write(s.greet(minor)); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(r, make([]byte, 64)); err != nil {
		return nil, err
	}
	wire := curve.Wire{In: bufio.NewReader(r), Out: r, Metadata: []byte(metadata), Limit: 1 << 20}
	if s.listens {
		return (&curve.Client{Secret: s.client, Server: s.server.Public()}).Handshake(wire)
	}
	return (&curve.Server{Secrets: []*curve.Secret{s.server}, Admit: func(curve.Public) error { return nil }}).Handshake(wire)
}

// command is a command of any size.
func command(name, data string) []byte {
	n := 1 + len(name) + len(data)
	if n < 256 {
		return rawCommand(name, data)
	}
	return join(long(4, uint64(n)), []byte{byte(len(name))}, []byte(name), []byte(data))
}

// tally counts the events of a socket by kind and reason.
type tally struct {
	mu     sync.Mutex
	counts map[occurrence]int
}

type occurrence struct {
	kind   zmq.Kind
	reason zmq.Reason
}

func (c *tally) add(e zmq.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[occurrence]int{}
	}
	o := occurrence{kind: e.Kind}
	if e.Err != nil {
		o.reason = zmq.ReasonOf(e.Err)
	}
	c.counts[o]++
}

func (c *tally) of(kind zmq.Kind, reason zmq.Reason) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[occurrence{kind, reason}]
}

func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.counts)
}
