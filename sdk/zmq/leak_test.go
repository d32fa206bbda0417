package zmq_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Connections that come and go, ended by either side, leave nothing behind:
// no goroutine, no memory of who they were, no subscription.
func TestComingAndGoingLeavesNothing(t *testing.T) {
	const plain, sealed = 500, 100 // for each side that connects
	eachSubject(t, tight(), func(s *subject) {
		cycles := plain
		if s.sealed {
			cycles = sealed
		}
		if testing.Short() {
			cycles /= 20
		}
		guests, before := guestsOf(s.socket), runtime.NumGoroutine()
		accepted := s.socket.Stats().Accepted
		p := s.place()
		metadata := property("Socket-Type", peerOf(s.kind)) + property("Identity", "guest")
		for i := range cycles {
			r, err := p.meet(s.t)
			if err != nil {
				s.t.Fatal(err)
			}
			peer, err := s.intrude(r, 1, metadata)
			if err != nil {
				s.t.Fatal(err)
			}
			if s.kind == "PUB" {
				if _, err := peer.Write(rawCommand("SUBSCRIBE", "guest")); err != nil {
					s.t.Fatal(err)
				}
			}
			if i%2 == 0 { // the others hang up themselves
				await(s.t, "the guest", func() bool { return cut(s.socket, "guest") })
				r.ended()
			}
			_ = r.Close()
			await(s.t, "the guest to be gone", func() bool {
				return len(s.socket.Peers()) == 1 && s.socket.Stats().Accepted >= accepted+uint64(i)+1
			})
		}
		if p.listener != nil {
			s.socket.(interface{ Remove(string) bool }).Remove(p.endpoint)
		}
		await(s.t, "all guests to be gone", func() bool { return len(s.socket.Peers()) == 1 && guests == guestsOf(s.socket) })
		if pub, ok := s.socket.(*zmq.Pub); ok && pub.Branches() != 1 {
			s.t.Errorf("%d branches", pub.Branches())
		}
		await(s.t, fmt.Sprint("the goroutines to end, to no more than ", before), func() bool { return runtime.NumGoroutine() <= before })
		stats := s.socket.Stats()
		if got := int(stats.Accepted + stats.Refused); got < cycles {
			s.t.Errorf("%d of %d guests were counted", got, cycles)
		}
		s.pass(100)
		s.survived()
	})
}

func guestsOf(s anySocket) int { return s.(interface{ Guests() int }).Guests() }

// cut ends the peer of that identity and reports whether there was one.
func cut(s anySocket, identity string) bool {
	found := false
	for _, p := range s.Peers() {
		if p.Identity() == identity {
			p.Cut(errors.New("enough"))
			found = true
		}
	}
	return found
}

// Run ends whatever its peers are doing: with a Linger of none at once, else
// when it is over.
func TestRunEnds(t *testing.T) {
	server := newAuthority(t)
	_, _, certificate := server.issue("server", []net.IP{net.IPv4(127, 0, 0, 1)})
	tlsServer := zmq.Security{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	tlsClient := zmq.Security{TLS: &tls.Config{InsecureSkipVerify: true}}
	sealed := newFortress(t, zmq.Options{})
	big := zmq.Frames{bytes.Repeat([]byte("x"), 1<<20)}

	// dials gives a connection to a socket of that type that runs.
	dials := func(t *testing.T, s anySocket) raw { return dialRaw(t, listen(t, s)) }
	for name, c := range map[string]struct {
		kind     string
		security zmq.Security
		set      func(t *testing.T, s anySocket)
	}{
		"with nobody":             {"PULL", zmq.Security{}, func(t *testing.T, s anySocket) { listen(t, s) }},
		"while it cannot connect": {"PUSH", zmq.Security{}, func(t *testing.T, s anySocket) { connect(t, s, "tcp://127.0.0.1:1") }},
		"with a silent client":    {"PULL", zmq.Security{}, func(t *testing.T, s anySocket) { dials(t, s).read(64) }},
		"with a silent server":    {"PUSH", zmq.Security{}, func(t *testing.T, s anySocket) { serves(t, s).read(64) }},
		"within CURVE, as server": {"PULL", curveServer(zmq.AdmitAny, sealed.server), func(t *testing.T, s anySocket) {
			h := newHand(dials(t, s), sealed.server.Public(), nil, nil)
			h.greets()
			h.say("HELLO", h.hello())
			h.welcomed()
		}},
		"within CURVE, as client": {"PUSH", curveClient(sealed.client, sealed.server.Public()), func(t *testing.T, s anySocket) {
			r := serves(t, s)
			g := rawGreeting(1)
			copy(g[12:], "CURVE")
			r.write(g)
			r.read(64)
			r.frame()
		}},
		"before TLS, as server":  {"PULL", tlsServer, func(t *testing.T, s anySocket) { r := dials(t, s); r.write([]byte{22, 3, 1}) }},
		"before TLS, as client":  {"PUSH", tlsClient, func(t *testing.T, s anySocket) { serves(t, s).read(5) }},
		"after TLS, before ZMTP": {"PULL", tlsServer, func(t *testing.T, s anySocket) { shakeTLS(t, dials(t, s)) }},
		"TLS that reads nothing": {"PUSH", tlsServer, func(t *testing.T, s anySocket) {
			r := raw{t, shakeTLS(t, dials(t, s))}
			r.handshake(1, "PULL")
			fill(t, s, big)
		}},
		"a PULL that reads nothing": {"PUSH", zmq.Security{}, func(t *testing.T, s anySocket) { dials(t, s).handshake(1, "PULL"); fill(t, s, big) }},
		"a SUB that reads nothing": {"PUB", zmq.Security{}, func(t *testing.T, s anySocket) {
			r := dials(t, s)
			r.handshake(0, "SUB")
			r.write([]byte{0, 1, 1})
			fill(t, s, big)
		}},
		"a REQ that reads nothing": {"ROUTER", zmq.Security{}, func(t *testing.T, s anySocket) { dials(t, s).handshake(1, "REQ"); fill(t, s, big) }},
		"a REP that reads nothing": {"DEALER", zmq.Security{}, func(t *testing.T, s anySocket) { dials(t, s).handshake(1, "REP"); fill(t, s, big) }},
		"with messages that nobody takes": {"PULL", zmq.Security{}, func(t *testing.T, s anySocket) {
			r := dials(t, s)
			r.handshake(1, "PUSH")
			go func() { _, _ = r.Write(bytes.Repeat([]byte{0, 1, 'x'}, 100_000)) }()
			await(t, "a reader that waits", func() bool { return len(s.Peers()) == 1 && s.Peers()[0].Facts().Paused })
		}},
	} {
		for _, linger := range []time.Duration{-1, 50 * time.Millisecond} {
			t.Run(fmt.Sprint(name, ", linger ", linger), func(t *testing.T) {
				before := runtime.NumGoroutine()
				s := newSocket(c.kind, zmq.Options{
					Security: c.security, Linger: linger, Queue: 20,
					Heartbeat: zmq.Heartbeat{Interval: -1},
					Limits:    zmq.Limits{HandshakeTimeout: time.Hour, WriteTimeout: time.Hour},
					Backoff:   zmq.Backoff{Min: time.Hour},
				})
				stop := run(t, s)
				c.set(t, s)
				stop()
				await(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
				stats := s.Stats()
				balanced(t, stats.Counts)
				if stats.Queued != 0 || stats.Peers != 0 || guestsOf(s) != 0 {
					t.Errorf("%+v, %d guests", stats, guestsOf(s))
				}
			})
		}
	}
}

// serves gives the connection that s makes.
func serves(t *testing.T, s anySocket) raw {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	connect(t, s, "tcp://"+l.Addr().String())
	r, err := place{listener: l}.meet(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func shakeTLS(t *testing.T, r raw) *tls.Conn {
	t.Helper()
	conn := tls.Client(r.Conn, &tls.Config{InsecureSkipVerify: true})
	if err := conn.HandshakeContext(soon(t)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// fill sends to a peer that does not read until its queue is full.
func fill(t *testing.T, s anySocket, frames zmq.Frames) {
	t.Helper()
	await(t, "the peer", func() bool { return len(s.Peers()) == 1 })
	p := s.Peers()[0]
	if pub, ok := s.(*zmq.Pub); ok {
		await(t, "a full queue", func() bool { return pub.Send(frames) == nil && p.Facts().Dropped > 0 })
		return
	}
	full := 0
	await(t, "a full queue", func() bool {
		if p.Send(frames) {
			full = 0
		} else {
			full++
		}
		return full > 50
	})
}

// A Linger of none drops what a Linger of some would have sent.
func TestNoLinger(t *testing.T) {
	for linger, sent := range map[time.Duration]bool{-1: false, time.Hour: true} {
		t.Run(fmt.Sprint(linger), func(t *testing.T) {
			push := zmq.NewPush(zmq.Options{Linger: linger, Queue: 100})
			r := dialRaw(t, listen(t, push))
			stop := run(t, push)
			r.handshake(0, "PULL")
			var going atomic.Bool
			fill(t, push, zmq.Frames{make([]byte, 1<<20)})
			queued := push.Stats().Queued
			go func() { // reads, but only once the end has begun
				for !errors.Is(push.Send(canceled(), nil), zmq.ErrClosed) {
					time.Sleep(time.Millisecond)
				}
				going.Store(true)
				if sent {
					for {
						if _, err := r.Conn.Read(make([]byte, 1<<20)); err != nil {
							_ = r.Close()
							return
						}
					}
				}
			}()
			stop()
			await(t, "the reader", going.Load)
			s := push.Stats()
			if sent && s.Dropped != 0 || !sent && s.Dropped != queued {
				t.Errorf("%d were queued: %+v", queued, s)
			}
			_ = r.Close()
		})
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
