package zmq_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// attack is what a hostile peer does, and what becomes of it.
type attack struct {
	name string

	// One of them is said, the first that is set.
	greeting []byte // in place of a greeting
	hello    []byte // in place of a READY or of CURVE's first command
	metadata string // in place of one's own Socket-Type
	frames   []byte // as a peer, whole frames, which CURVE seals
	claim    []byte // as a peer, a header of which the rest never comes

	mute   bool // it hangs up instead of waiting
	kind   zmq.Kind
	reason zmq.Reason
	sealed zmq.Reason // where CURVE sees it first; empty for the same
}

// tight has limits that are reached quickly.
func tight() zmq.Options {
	return zmq.Options{Limits: zmq.Limits{Frame: 1000, Message: 2000, FramesPerMessage: 50}}
}

// corpus has every row that a peer of any type can try.
func corpus() []attack {
	old, tail, server := rawGreeting(0), rawGreeting(0), rawGreeting(0)
	old[10], tail[9], server[32] = 1, 'x', 7
	other := rawGreeting(0)
	copy(other[12:], "PLAIN\x00")
	kind := property("Socket-Type", "PUSH")
	thousand := join(long(1, 1000), make([]byte, 1000))
	return []attack{
		{name: "junk", greeting: bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 8), kind: zmq.Refused, reason: zmq.ReasonGreeting},
		{name: "junk signature", greeting: tail, kind: zmq.Refused, reason: zmq.ReasonGreeting},
		{name: "as-server 7", greeting: server, kind: zmq.Refused, reason: zmq.ReasonGreeting, sealed: zmq.ReasonMechanism},
		{name: "old version, cut short", greeting: old[:11], kind: zmq.Refused, reason: zmq.ReasonVersion},
		{name: "other mechanism", greeting: other, kind: zmq.Refused, reason: zmq.ReasonMechanism},
		{name: "hang-up", greeting: rawGreeting(0)[:20], mute: true, kind: zmq.Refused, reason: zmq.ReasonEnded},

		{name: "message instead of READY", hello: []byte{0, 1, 'x'}, kind: zmq.Refused, reason: zmq.ReasonReady, sealed: zmq.ReasonCommand},
		{name: "other command", hello: rawCommand("HULLO", ""), kind: zmq.Refused, reason: zmq.ReasonReady, sealed: zmq.ReasonCommand},
		{name: "empty command", hello: []byte{4, 0}, kind: zmq.Refused, reason: zmq.ReasonReady, sealed: zmq.ReasonCommand},
		{name: "name longer than command", hello: []byte{4, 2, 9, 'R'}, kind: zmq.Refused, reason: zmq.ReasonReady, sealed: zmq.ReasonCommand},
		{name: "READY of 2^62 bytes", hello: long(4, 1<<62), kind: zmq.Refused, reason: zmq.ReasonReady, sealed: zmq.ReasonCommand},
		{name: "READY of 2^64-1 bytes", hello: long(4, 1<<64-1), kind: zmq.Refused, reason: zmq.ReasonReady, sealed: zmq.ReasonCommand},
		{name: "READY with MORE", hello: []byte{5, 6, 5, 'R', 'E', 'A', 'D', 'Y'}, kind: zmq.Refused, reason: zmq.ReasonReady, sealed: zmq.ReasonCommand},
		{name: "ERROR", hello: rawCommand("ERROR", "\x03bad"), kind: zmq.Refused, reason: zmq.ReasonRejected},
		{name: "ERROR cut short", hello: rawCommand("ERROR", "\xFFbad"), kind: zmq.Refused, reason: zmq.ReasonRejected, sealed: zmq.ReasonCommand},

		{name: "truncated property", metadata: kind[:14], kind: zmq.Refused, reason: zmq.ReasonReady},
		{name: "property value cut short", metadata: kind[:18], kind: zmq.Refused, reason: zmq.ReasonReady},
		{name: "property of one byte", metadata: "\x05", kind: zmq.Refused, reason: zmq.ReasonReady},
		{name: "property of 2^32-1 bytes", metadata: "\x01x\xFF\xFF\xFF\xFF", kind: zmq.Refused, reason: zmq.ReasonReady},
		{name: "property without name", metadata: property("", "x"), kind: zmq.Refused, reason: zmq.ReasonReady},
		{name: "property with a strange name", metadata: property("a b", "x"), kind: zmq.Refused, reason: zmq.ReasonReady},
		{name: "property twice", metadata: kind + property("socket-type", "PUB"), kind: zmq.Refused, reason: zmq.ReasonReady},
		{name: "long identity", metadata: property("Identity", strings.Repeat("i", 256)), kind: zmq.Refused, reason: zmq.ReasonReady},
		{name: "no Socket-Type", metadata: property("X-Nothing", ""), kind: zmq.Refused, reason: zmq.ReasonReady},
		{name: "empty Socket-Type", metadata: property("Socket-Type", ""), kind: zmq.Refused, reason: zmq.ReasonSocketType},
		{name: "unknown Socket-Type", metadata: property("Socket-Type", "SCATTER"), kind: zmq.Refused, reason: zmq.ReasonSocketType},
		{name: "incompatible", metadata: property("Socket-Type", "PAIR"), kind: zmq.Refused, reason: zmq.ReasonIncompatible},

		{name: "frame of 2^62 bytes", claim: long(0, 1<<62), kind: zmq.Cut, reason: zmq.ReasonFrame},
		{name: "frame of 2^63 bytes", claim: long(0, 1<<63), kind: zmq.Cut, reason: zmq.ReasonFrame},
		{name: "frame of 2^64-1 bytes", claim: long(0, 1<<64-1), kind: zmq.Cut, reason: zmq.ReasonFrame},
		{name: "frame of 8 GiB", claim: long(0, 8<<30), kind: zmq.Cut, reason: zmq.ReasonFrame},
		{name: "command of 2^62 bytes", claim: long(4, 1<<62), kind: zmq.Cut, reason: zmq.ReasonCommand, sealed: zmq.ReasonFrame},
		{name: "command of 2^64-1 bytes", claim: long(4, 1<<64-1), kind: zmq.Cut, reason: zmq.ReasonCommand, sealed: zmq.ReasonFrame},
		{name: "reserved flag", claim: []byte{8, 0}, kind: zmq.Cut, reason: zmq.ReasonFlags, sealed: zmq.ReasonCommand},
		{name: "all flags", claim: []byte{0xFF, 0, 0, 0, 0, 0, 0, 0, 0}, kind: zmq.Cut, reason: zmq.ReasonFlags, sealed: zmq.ReasonCommand},
		{name: "frame over the limit", frames: join(long(0, 1001), make([]byte, 1001)), kind: zmq.Cut, reason: zmq.ReasonFrame},
		{name: "message over the limit", frames: join(thousand, thousand, thousand), kind: zmq.Cut, reason: zmq.ReasonMessage},
		{name: "endless MORE", frames: bytes.Repeat([]byte{1, 0}, 10_000), kind: zmq.Cut, reason: zmq.ReasonFrames},
		{name: "MORE on a command", frames: []byte{5, 5, 4, 'P', 'O', 'N', 'G'}, kind: zmq.Cut, reason: zmq.ReasonFlags},
		{name: "large command", frames: command("NOVEL", strings.Repeat("x", 4000)), kind: zmq.Cut, reason: zmq.ReasonCommand, sealed: zmq.ReasonFrame},
		{name: "command without name", frames: []byte{4, 0}, kind: zmq.Cut, reason: zmq.ReasonCommand},
		{name: "command with a long name", frames: []byte{4, 2, 9, 'x'}, kind: zmq.Cut, reason: zmq.ReasonCommand},
		{name: "PING without TTL", frames: rawCommand("PING", ""), kind: zmq.Cut, reason: zmq.ReasonCommand},
		{name: "PING with a long context", frames: rawCommand("PING", strings.Repeat("c", 19)), kind: zmq.Cut, reason: zmq.ReasonCommand},
		{name: "ERROR later", frames: rawCommand("ERROR", "\x03bad"), kind: zmq.Gone, reason: zmq.ReasonRejected},
	}
}

// because is the reason that s gives for ending a.
func (s *subject) because(a attack) zmq.Reason {
	switch {
	case s.sealed && a.sealed != "":
		return a.sealed
	case s.kind == "PUSH" && a.kind == zmq.Cut && (a.reason == zmq.ReasonFrame && !(s.sealed && a.claim != nil) || a.reason == zmq.ReasonMessage || a.reason == zmq.ReasonFrames):
		return zmq.ReasonUnexpected // whatever message it is
	}
	return a.reason
}

// strike plays a on a connection and waits for its end.
func (s *subject) strike(p place, a attack) error {
	r, err := p.meet(s.t)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	switch {
	case a.greeting != nil:
		_, _ = r.Write(a.greeting) // here and below: it may be cut before it has written all
	case a.hello != nil:
		_, _ = r.Write(join(s.greet(1), a.hello))
	default:
		metadata := a.metadata
		if metadata == "" {
			metadata = property("Socket-Type", peerOf(s.kind))
		}
		if peer, err := s.intrude(r, 1, metadata); err == nil {
			_, _ = peer.Write(a.frames)
			_, _ = r.Write(a.claim)
		}
	}
	if a.mute {
		return nil
	}
	_, err = io.Copy(io.Discard, r)
	if timedOut(err) {
		return fmt.Errorf("%s: the connection is still there", a.name)
	}
	return nil
}

// maxPerAttack bounds what one attack makes a socket allocate: read buffers of
// two layers, the codec's and CURVE's state, and what passes in the test.
const maxPerAttack = 1 << 20

// Every hostile peer is refused or cut for its reason, and without memory.
func TestHostilePeers(t *testing.T) {
	eachSubject(t, tight(), func(s *subject) {
		p := s.place()
		for _, a := range corpus() {
			reason := s.because(a)
			before, counted := s.tally.of(a.kind, reason), s.socket.Stats().Reasons[reason]
			memory := allocated()
			if err := s.strike(p, a); err != nil {
				s.t.Fatal(err)
			}
			await(s.t, fmt.Sprintf("%s: %s: %s in %s", a.name, a.kind, reason, &s.tally), func() bool { return s.tally.of(a.kind, reason) > before })
			if grown := allocated() - memory; grown > maxPerAttack {
				s.t.Errorf("%s: %d KiB allocated", a.name, grown>>10)
			}
			if a.kind != zmq.Gone && s.socket.Stats().Reasons[reason] == counted {
				s.t.Errorf("%s: %q is not counted", a.name, reason)
			}
			s.pass(1)
		}
		s.survived()
	})
}

// While all of them attack at once, again and again, the honest peer makes all
// its progress.
func TestHonestPeerAmongHostileOnes(t *testing.T) {
	eachSubject(t, tight(), func(s *subject) {
		const rounds, messages = 2, 300
		var attackers sync.WaitGroup
		for _, a := range corpus() {
			p := s.place()
			attackers.Go(func() {
				for range rounds {
					if err := s.strike(p, a); err != nil {
						s.t.Error(err)
					}
				}
			})
		}
		for range 3 {
			s.pass(messages)
		}
		attackers.Wait()
		s.pass(messages)
		s.survived()
	})
}

// survived checks that nothing broke.
func (s *subject) survived() {
	s.t.Helper()
	if stats := s.socket.Stats(); stats.Panics != 0 {
		s.t.Errorf("%+v", stats)
	} else {
		balanced(s.t, stats.Counts)
	}
	if f := s.friend().Facts(); f.Dropped != 0 || f.Slow {
		s.t.Errorf("the honest peer lost messages: %+v", f)
	}
}

// allocated is how many bytes the process has ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
