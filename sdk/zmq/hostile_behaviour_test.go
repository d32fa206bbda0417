package zmq_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// enter makes a peer of r, of the type that s expects.
func (s *subject) enter(r raw, more string) io.ReadWriter {
	s.t.Helper()
	s.t.Cleanup(func() { _ = r.Close() })
	peer, err := s.intrude(r, 1, property("Socket-Type", peerOf(s.kind))+more)
	if err != nil {
		s.t.Fatal(err)
	}
	return peer
}

// arrive meets s at a place of its own.
func (s *subject) arrive() raw {
	s.t.Helper()
	r, err := s.place().meet(s.t)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// PINGs without end are answered, each with its context, and neither wedge
// their connection nor another.
func TestPingsWithoutEnd(t *testing.T) {
	eachSubject(t, tight(), func(s *subject) {
		peer := s.enter(s.arrive(), "")
		for i := range 100 {
			if _, err := peer.Write(rawCommand("PING", fmt.Sprintf("\x00\x0a%02d", i))); err != nil {
				s.t.Fatal(err)
			}
			for {
				flags, body, err := frameFrom(peer)
				if err != nil {
					s.t.Fatal(err)
				}
				if flags == 4 && string(body) == fmt.Sprintf("\x04PONG%02d", i) {
					break
				}
				if string(body) != "\x09SUBSCRIBE" { // what a SUB says first
					s.t.Fatalf("%#x %q", flags, body)
				}
			}
		}
		if s.kind == "PUB" { // it still reads what its subscribers say
			if _, err := peer.Write(rawCommand("SUBSCRIBE", "t")); err != nil {
				s.t.Fatal(err)
			}
			await(s.t, "the subscription", func() bool {
				return slices.ContainsFunc(s.socket.Peers(), func(p *zmq.Peer) bool { return p.Identity() == "" && p.Facts().Topics == 1 })
			})
		}
		s.pass(100)
		s.survived()
	})
}

// A peer that asks without end and never reads an answer is cut, and costs a
// bounded amount of memory until then.
func TestPingsThatNobodyReads(t *testing.T) {
	o := tight()
	o.Limits.WriteTimeout = 100 * time.Millisecond
	eachSubject(t, o, func(s *subject) {
		if !s.listens || s.sealed && s.kind != "PUB" {
			return // no other way for those to write
		}
		peer := s.enter(s.arrive(), "")
		pings := bytes.Repeat(rawCommand("PING", "\x00\x0a0123456789abcdef"), 2000)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				if _, err := peer.Write(pings); err != nil {
					return
				}
			}
		}()
		await(s.t, "the cut", func() bool {
			s.pass(1)
			return s.tally.of(zmq.Cut, zmq.ReasonWrite) == 1
		})
		<-ended
		s.pass(100)
		s.survived()
	})
}

// A peer that is silent, though it understands PING, is cut: at once after the
// handshake, or in the middle of a frame.
func TestHalfOpenPeers(t *testing.T) {
	o := tight()
	o.Heartbeat = zmq.Heartbeat{Interval: 20 * time.Millisecond, Timeout: time.Second}
	eachSubject(t, o, func(s *subject) {
		s.t.Parallel()
		friend := s.friend()
		s.enter(s.arrive(), "")
		r := s.arrive()
		s.enter(r, "")
		r.write([]byte{2, 0}) // the start of a long header
		await(s.t, "two cuts", func() bool { return s.tally.of(zmq.Cut, zmq.ReasonSilent) >= 2 })
		if s.friend() != friend {
			s.t.Error("the honest peer was cut as well")
		}
		s.pass(100)
		s.survived()
	})
}

// Whoever claims a taken identity is refused, or with a key of its own is
// somebody else: it gets no copy of what is meant for another.
func TestClaimedIdentity(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		for _, listens := range []bool{false, true} {
			t.Run(fmt.Sprint("CURVE ", sealed, ", listens ", listens), func(t *testing.T) {
				thief := curve.NewSecret()
				s := newSubject(t, "ROUTER", listens, sealed, tight(), thief.Public())
				claim := property("Socket-Type", "DEALER") + property("Identity", "honest")
				for i := range 3 {
					if err := s.strike(s.place(), attack{name: "claim", metadata: claim}); err != nil {
						t.Fatal(err)
					}
					await(t, "the refusal", func() bool { return s.tally.of(zmq.Refused, zmq.ReasonIdentity) > i })
					s.pass(20)
				}
				if !sealed || !listens {
					s.survived()
					return
				}
				friend := s.friend()
				own := s.client
				s.client = thief // another key, admitted as well
				peer := s.enter(s.arrive(), property("Identity", "honest"))
				s.client = own
				await(t, "the other one of that name", func() bool { return len(s.socket.Peers()) == 2 })
				d := s.honest.(*zmq.Dealer)
				s.carry(100, friend.Send, d.Recv)
				for _, p := range s.socket.Peers() {
					if p != friend && !p.Send(message("end")) {
						t.Error("no room")
					}
				}
				if flags, body, err := frameFrom(peer); err != nil || flags != 0 || string(body) != "end" {
					t.Errorf("it got %#x %q, %v", flags, body, err)
				}
			})
		}
	}
}

// subscriptions are n of them, as commands of ZMTP 3.1 or messages of 3.0.
func subscriptions(minor byte, n int, prefix func(i int) string) []byte {
	var all []byte
	for i := range n {
		if minor == 0 {
			p := prefix(i)
			all = append(all, 0, byte(1+len(p)), 1)
			all = append(all, p...)
		} else {
			all = append(all, rawCommand("SUBSCRIBE", prefix(i))...)
		}
	}
	return all
}

// Subscriptions without end are cut at their limit, by number or bytes, in the
// words of either version, and nothing of them stays.
func TestSubscriptionFloods(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 200)
	for name, c := range map[string]struct {
		n      int
		prefix func(i int) string
	}{
		"100000 short ones": {100_000, func(i int) string { return fmt.Sprint(i) }},
		"many long ones":    {1000, func(i int) string { return fmt.Sprint(i) + string(long) }},
		"each in the other": {100_000, func(i int) string { return string(long[:i%200]) + fmt.Sprint(i) }},
	} {
		for _, minor := range []byte{0, 1} {
			flood := subscriptions(minor, c.n, c.prefix)
			for _, sealed := range []bool{false, true} {
				for _, listens := range []bool{false, true} {
					t.Run(fmt.Sprint(name, ", 3.", minor, ", CURVE ", sealed, ", listens ", listens), func(t *testing.T) {
						s := newSubject(t, "PUB", listens, sealed, zmq.Options{})
						pub := s.socket.(*zmq.Pub)
						const held = 1 // the honest peer, who wants everything
						await(t, "what is left of settling", func() bool { return pub.Branches() == held })
						memory := allocated()
						peer := s.enter(s.arrive(), "")
						ended := make(chan struct{})
						go func() {
							defer close(ended)
							_, _ = peer.Write(flood) // it is cut before it has written all
						}()
						await(t, "the cut", func() bool { return s.tally.of(zmq.Cut, zmq.ReasonSubscriptions) > 0 })
						<-ended
						if grown := allocated() - memory; grown > 8<<20+uint64(3*len(flood)) { // the attacker seals all of it
							t.Errorf("%d KiB allocated", grown>>10)
						}
						await(t, "nothing to be left", func() bool { return len(pub.Peers()) == 1 })
						if now := pub.Branches(); now != held {
							t.Errorf("%d branches, before it came %d", now, held)
						}
						s.pass(300)
						s.survived()
					})
				}
			}
		}
	}
}
