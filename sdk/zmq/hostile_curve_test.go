package zmq_test

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// fortress is a PULL behind CURVE that admits one key, with an honest peer.
type fortress struct {
	*subject
	public, secret *[32]byte // of a client that speaks by hand and is admitted
}

func newFortress(t *testing.T, o zmq.Options) *fortress {
	f := &fortress{}
	f.public, f.secret = key32()
	f.subject = newSubject(t, "PULL", true, true, o, curve.Public(*f.public))
	return f
}

// dial gives a client that is admitted.
func (f *fortress) dial(t *testing.T) *hand {
	return newHand(dialRaw(t, f.endpoint), f.server.Public(), f.public, f.secret)
}

// lowOrders are points of Curve25519 that give everybody the same shared
// secret (RFC 7748, section 6.1; the list is cr.yp.to/ecdh.html's).
func lowOrders(t *testing.T) []*[32]byte {
	var all []*[32]byte
	for _, text := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, (*[32]byte)(b))
	}
	return all
}

// Whatever is wrong with a client's part of the handshake, or later with what
// it seals, it is refused or cut, and counted.
func TestHostileCurveClients(t *testing.T) {
	f := newFortress(t, tight())
	other, mallory := curve.NewSecret(), curve.NewSecret()
	theirs, hidden := key32()
	// initiated gets as far as INITIATE.
	initiated := func(h *hand) *hand { h.greets(); h.say("HELLO", h.hello()); h.welcomed(); return h }
	// after is what is written by a peer.
	after := func(write func(h *hand) []byte) func(h *hand) {
		return func(h *hand) { h.joins(); _, _ = h.Write(write(h)) }
	}
	flip := func(b []byte, at int) []byte { b[at] ^= 1; return b }
	for _, c := range []struct {
		name   string
		kind   zmq.Kind
		reason zmq.Reason
		play   func(h *hand)
	}{
		{"junk for HELLO", zmq.Refused, zmq.ReasonServerKey, func(h *hand) {
			h.greets()
			b := make([]byte, 194)
			b[0] = 1
			_, _ = rand.Read(b[2:])
			h.say("HELLO", b)
		}},
		{"HELLO a byte short", zmq.Refused, zmq.ReasonCommand, func(h *hand) { h.greets(); h.say("HELLO", h.hello()[:193]) }},
		{"HELLO a byte long", zmq.Refused, zmq.ReasonCommand, func(h *hand) { h.greets(); h.say("HELLO", append(h.hello(), 0)) }},
		{"HELLO of version 2.0", zmq.Refused, zmq.ReasonCommand, func(h *hand) { h.greets(); b := h.hello(); b[0] = 2; h.say("HELLO", b) }},
		{"HELLO of version 1.1", zmq.Refused, zmq.ReasonCommand, func(h *hand) { h.greets(); b := h.hello(); b[1] = 1; h.say("HELLO", b) }},
		{"HELLO for another server", zmq.Refused, zmq.ReasonServerKey, func(h *hand) { h.greets(); k := other.Public(); h.server = (*[32]byte)(&k); h.say("HELLO", h.hello()) }},
		{"HELLO with a changed signature", zmq.Refused, zmq.ReasonServerKey, func(h *hand) { h.greets(); h.say("HELLO", flip(h.hello(), 193)) }},
		{"HELLO with a changed key", zmq.Refused, zmq.ReasonServerKey, func(h *hand) { h.greets(); h.say("HELLO", flip(h.hello(), 80)) }},
		{"HELLO with a changed nonce", zmq.Refused, zmq.ReasonServerKey, func(h *hand) { h.greets(); h.say("HELLO", flip(h.hello(), 113)) }},
		{"INITIATE before HELLO", zmq.Refused, zmq.ReasonCommand, func(h *hand) { h.greets(); h.say("INITIATE", make([]byte, 257)) }},
		{"HELLO twice", zmq.Refused, zmq.ReasonCommand, func(h *hand) { initiated(h); h.say("HELLO", h.hello()) }},
		{"hang-up after WELCOME", zmq.Refused, zmq.ReasonEnded, func(h *hand) { initiated(h); _ = h.Close() }},
		{"READY of NULL", zmq.Refused, zmq.ReasonCommand, func(h *hand) { h.greets(); h.write(ready("PUSH")) }},
		{"changed cookie", zmq.Refused, zmq.ReasonProof, func(h *hand) { initiated(h); h.say("INITIATE", flip(h.honest(), 50)) }},
		{"changed box of INITIATE", zmq.Refused, zmq.ReasonProof, func(h *hand) { initiated(h); h.say("INITIATE", flip(h.honest(), 150)) }},
		{"changed nonce of INITIATE", zmq.Refused, zmq.ReasonProof, func(h *hand) { initiated(h); h.say("INITIATE", flip(h.honest(), 102)) }},
		{"nonce of HELLO again", zmq.Refused, zmq.ReasonNonce, func(h *hand) {
			initiated(h)
			h.say("INITIATE", h.initiate(1, h.public, h.vouch(h.transient, h.server, h.secret), ""))
		}},
		{"INITIATE without a vouch", zmq.Refused, zmq.ReasonCommand, func(h *hand) { initiated(h); h.say("INITIATE", h.initiate(2, h.public, nil, "")) }},
		{"INITIATE with endless metadata", zmq.Refused, zmq.ReasonCommand, func(h *hand) {
			initiated(h)
			h.say("INITIATE", h.initiate(2, h.public, h.vouch(h.transient, h.server, h.secret), strings.Repeat("x", 9000)))
		}},
		{"changed vouch", zmq.Refused, zmq.ReasonProof, func(h *hand) {
			initiated(h)
			h.say("INITIATE", h.initiate(2, h.public, flip(h.vouch(h.transient, h.server, h.secret), 40), ""))
		}},
		{"another's key", zmq.Refused, zmq.ReasonProof, func(h *hand) {
			initiated(h)
			h.say("INITIATE", h.initiate(2, h.public, h.vouch(h.transient, h.server, hidden), property("Socket-Type", "PUSH")))
		}},
		{"vouch for another transient key", zmq.Refused, zmq.ReasonProof, func(h *hand) {
			initiated(h)
			h.say("INITIATE", h.initiate(2, h.public, h.vouch(theirs, h.server, h.secret), property("Socket-Type", "PUSH")))
		}},
		{"vouch for another server", zmq.Refused, zmq.ReasonProof, func(h *hand) {
			initiated(h)
			k := mallory.Public()
			h.say("INITIATE", h.initiate(2, h.public, h.vouch(h.transient, (*[32]byte)(&k), h.secret), property("Socket-Type", "PUSH")))
		}},
		{"metadata that is malformed", zmq.Refused, zmq.ReasonReady, func(h *hand) {
			initiated(h)
			h.say("INITIATE", h.initiate(2, h.public, h.vouch(h.transient, h.server, h.secret), "\x05"))
		}},

		{"flipped bit of a box", zmq.Cut, zmq.ReasonForged, after(func(h *hand) []byte { return flip(h.sealed(3, 0, "x"), 30) })},
		{"flipped bit of a tag", zmq.Cut, zmq.ReasonForged, after(func(h *hand) []byte { return flip(h.sealed(3, 0, "x"), 20) })},
		{"nonce raised in passing", zmq.Cut, zmq.ReasonForged, after(func(h *hand) []byte { return flip(h.sealed(4, 0, "x"), 17) })},
		{"nonce of INITIATE again", zmq.Cut, zmq.ReasonNonce, after(func(h *hand) []byte { return h.sealed(2, 0, "x") })},
		{"nonce that goes back", zmq.Cut, zmq.ReasonNonce, after(func(h *hand) []byte { return join(h.sealed(9, 1, "x"), h.sealed(8, 0, "x")) })},
		{"frame repeated", zmq.Cut, zmq.ReasonNonce, after(func(h *hand) []byte { b := h.sealed(3, 1, "x"); return join(b, b) })},
		{"nonce of 2^64-1, then 0", zmq.Cut, zmq.ReasonNonce, after(func(h *hand) []byte { return join(h.sealed(1<<64-1, 1, "x"), h.sealed(0, 0, "x")) })},
		{"reserved payload flag", zmq.Cut, zmq.ReasonCommand, after(func(h *hand) []byte { return h.sealed(3, 8, "x") })},
		{"MORE on a sealed command", zmq.Cut, zmq.ReasonFlags, after(func(h *hand) []byte { return h.sealed(3, 3, "\x04PONG") })},
		{"frame without room for a box", zmq.Cut, zmq.ReasonCommand, after(func(*hand) []byte { return []byte("\x00\x08\x07MESSAGE") })},
		{"frame in the clear", zmq.Cut, zmq.ReasonCommand, after(func(*hand) []byte { return []byte("\x00\x05hello") })},
		{"large frame in the clear", zmq.Cut, zmq.ReasonCommand, after(func(*hand) []byte { return join(long(0, 300), make([]byte, 300)) })},
		{"INITIATE again", zmq.Cut, zmq.ReasonCommand, after(func(h *hand) []byte { return command("INITIATE", string(h.honest())) })},
		{"ERROR in the clear", zmq.Cut, zmq.ReasonCommand, after(func(*hand) []byte { return rawCommand("ERROR", "\x03400") })},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, told, memory := f.socket.Stats().Reasons[c.reason], f.tally.of(c.kind, c.reason), allocated()
			h := f.dial(t)
			c.play(h)
			if c.reason == zmq.ReasonEnded {
				_ = h.Close()
			} else {
				h.ended()
			}
			await(t, string(c.reason)+" in "+f.tally.String(), func() bool { return f.tally.of(c.kind, c.reason) > told })
			if n := f.socket.Stats().Reasons[c.reason]; n != before+1 {
				t.Errorf("%q is counted %d times", c.reason, n-before)
			}
			if grown := allocated() - memory; grown > maxPerAttack {
				t.Errorf("%d KiB allocated", grown>>10)
			}
			f.pass(1)
		})
	}
	f.survived()
}

// What package curve calls honest, this test's own words get through as well:
// otherwise every refusal above would prove nothing.
func TestHandMadeClientIsServed(t *testing.T) {
	f := newFortress(t, tight())
	h := f.dial(t)
	h.joins()
	h.write(join(h.sealed(3, 1, "by"), h.sealed(7, 0, "hand")))
	got, err := f.socket.(*zmq.Pull).Recv(soon(t))
	if err != nil || text(got.Frames) != `["by" "hand"]` || got.Peer.Key() != curve.Public(*f.public) {
		t.Fatal(got, err)
	}
	f.survived()
}

// A key that is not listed is refused, and its owner is told.
func TestUnlistedKeyIsTold(t *testing.T) {
	f := newFortress(t, tight())
	h := f.dial(t)
	h.public, h.secret = key32()
	h.greets()
	h.say("HELLO", h.hello())
	h.welcomed()
	h.say("INITIATE", h.honest())
	if flags, body := h.frame(); flags != 4 || string(body) != "\x05ERROR\x03400" {
		t.Errorf("%#x %q", flags, body)
	}
	h.ended()
	await(t, "the refusal", func() bool { return f.socket.Stats().Reasons[zmq.ReasonKey] == 1 })
	f.pass(1)
}

// Points of low order give a shared secret that everybody knows. As a client's
// long-term key they prove nothing, whoever is admitted; as its transient key
// they help nobody who has no key that is admitted.
func TestKeysOfLowOrder(t *testing.T) {
	server := curve.NewSecret()
	pull := zmq.NewPull(zmq.Options{Security: curveServer(zmq.AdmitAny, server)})
	endpoint := listen(t, pull)
	run(t, pull)
	refused := uint64(0)
	for _, low := range lowOrders(t) {
		known := new([32]byte)
		box.Precompute(known, low, new([32]byte)) // with any secret

		h := newHand(dialRaw(t, endpoint), server.Public(), low, nil)
		h.greets()
		h.say("HELLO", h.hello())
		h.welcomed()
		n := random16()
		vouch := box.SealAfterPrecomputation(n, slices.Concat(h.transient[:], h.server[:]), nonce24("VOUCH---", n), known)
		h.say("INITIATE", h.initiate(2, low, vouch, property("Socket-Type", "PUSH")))
		h.ended()
		refused++
		await(t, "the refusal of a long-term key", func() bool { return pull.Stats().Reasons[zmq.ReasonProof] == refused })

		// This one does not even know the server's key, and claims another's.
		h = newHand(dialRaw(t, endpoint), server.Public(), nil, nil)
		h.transient, h.hidden = low, new([32]byte)
		h.server = low
		h.greets()
		h.say("HELLO", h.hello())
		if flags, body := h.frame(); flags == 4 && len(body) == 168 {
			plain, ok := box.OpenAfterPrecomputation(nil, body[24:], nonce24("WELCOME-", body[8:24]), known)
			if !ok {
				t.Fatal("WELCOME does not open")
			}
			h.theirs, h.cookie, h.session = (*[32]byte)(plain[:32]), plain[32:], known
			victim := curve.NewSecret().Public()
			_, secret := key32()
			h.say("INITIATE", h.initiate(2, (*[32]byte)(&victim), h.vouch(low, (*[32]byte)(new(server.Public())), secret), property("Socket-Type", "PUSH")))
		}
		h.ended()
		refused++
		await(t, "the refusal of a transient key", func() bool { return pull.Stats().Reasons[zmq.ReasonProof] == refused })
	}
	if s := pull.Stats(); s.Accepted != 0 || s.Panics != 0 {
		t.Errorf("%+v", s)
	}
}

// A whole handshake that was recorded opens nothing later, nor does it while
// the first is still going on.
func TestReplayedHandshake(t *testing.T) {
	f := newFortress(t, tight())
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	recorded := make(chan []byte, 1)
	go func() { // a tap on the way of one client
		client, err := server.Accept()
		if err != nil {
			return
		}
		defer func() { _ = client.Close() }()
		through, err := net.Dial("tcp", strings.TrimPrefix(f.endpoint, "tcp://"))
		if err != nil {
			return
		}
		defer func() { _ = through.Close() }()
		go func() { _, _ = io.Copy(client, through) }()
		var all []byte
		b := make([]byte, 4096)
		for !strings.Contains(string(all), "MESSAGE") {
			n, err := client.Read(b)
			if err != nil {
				break
			}
			all = append(all, b[:n]...)
			_, _ = through.Write(b[:n])
		}
		recorded <- all
		_, _ = client.Read(b) // until the test ends
	}()
	push := zmq.NewPush(zmq.Options{Security: curveClient(f.client, f.server.Public()), Heartbeat: zmq.Heartbeat{Interval: -1}})
	connect(t, push, "tcp://"+server.Addr().String())
	run(t, push)
	if err := push.Send(soon(t), message("pay", "100")); err != nil {
		t.Fatal(err)
	}
	pull := f.socket.(*zmq.Pull)
	if got, err := pull.Recv(soon(t)); err != nil || text(got.Frames) != `["pay" "100"]` {
		t.Fatal(got, err)
	}
	tape := <-recorded
	for i := range uint64(3) {
		r := dialRaw(t, f.endpoint)
		_, _ = r.Write(tape)
		r.ended()
		await(t, "the refusal", func() bool { return pull.Stats().Reasons[zmq.ReasonProof] == i+1 })
	}
	f.pass(1) // and nothing came before it
	f.survived()
}

// Silence at any point of the handshake is refused after its time.
func TestSilenceDuringCurve(t *testing.T) {
	f := newFortress(t, zmq.Options{Limits: zmq.Limits{HandshakeTimeout: 200 * time.Millisecond}})
	for i, play := range []func(*hand){
		func(*hand) {},
		func(h *hand) { h.greets() },
		func(h *hand) { h.greets(); h.write(command("HELLO", string(h.hello()))[:100]) },
		func(h *hand) { h.greets(); h.say("HELLO", h.hello()); h.welcomed() },
		func(h *hand) {
			h.greets()
			h.say("HELLO", h.hello())
			h.welcomed()
			h.write(command("INITIATE", string(h.honest()))[:200])
		},
	} {
		h := f.dial(t)
		play(h)
		h.ended()
		await(t, "the refusal", func() bool { return f.socket.Stats().Reasons[zmq.ReasonHandshake] == uint64(i)+1 })
	}
	f.pass(1)
}

// A server that does not hold the pinned key, or breaks the handshake, is
// refused by the client, which goes on to serve its other connections.
func TestHostileCurveServers(t *testing.T) {
	public, secret := key32()
	_, wrong := key32()
	reads := func(r raw) []byte { // the client's HELLO, as it is on the wire
		g := rawGreeting(1)
		copy(g[12:], "CURVE")
		g[32] = 1
		r.write(g)
		r.read(64)
		_, body := r.frame()
		return body
	}
	for _, c := range []struct {
		name   string
		reason zmq.Reason
		play   func(r raw)
	}{
		{"greeting of NULL", zmq.ReasonMechanism, func(r raw) { r.write(rawGreeting(1)) }},
		{"junk for WELCOME", zmq.ReasonServerKey, func(r raw) { reads(r); r.write(command("WELCOME", string(make([]byte, 160)))) }},
		{"WELCOME by another key", zmq.ReasonServerKey, func(r raw) { b, _, _ := welcome(reads(r), wrong); r.write(command("WELCOME", string(b))) }},
		{"WELCOME a byte short", zmq.ReasonCommand, func(r raw) { b, _, _ := welcome(reads(r), secret); r.write(command("WELCOME", string(b[:159]))) }},
		{"READY for WELCOME", zmq.ReasonCommand, func(r raw) { reads(r); r.write(ready("PULL")) }},
		{"ERROR for WELCOME", zmq.ReasonRejected, func(r raw) { reads(r); r.write(rawCommand("ERROR", "\x03400")) }},
		{"WELCOME of 2^62 bytes", zmq.ReasonCommand, func(r raw) { reads(r); r.write(long(4, 1<<62)) }},
		{"junk for READY", zmq.ReasonProof, func(r raw) {
			b, _, _ := welcome(reads(r), secret)
			r.write(command("WELCOME", string(b)))
			r.frame()
			r.write(command("READY", string(make([]byte, 60))))
		}},
		{"READY without a box", zmq.ReasonCommand, func(r raw) {
			b, _, _ := welcome(reads(r), secret)
			r.write(command("WELCOME", string(b)))
			r.frame()
			r.write(command("READY", "short"))
		}},
		{"ERROR for READY", zmq.ReasonRejected, func(r raw) {
			b, _, _ := welcome(reads(r), secret)
			r.write(command("WELCOME", string(b)))
			r.frame()
			r.write(rawCommand("ERROR", "\x03400"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var events tally
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			push := zmq.NewPush(zmq.Options{Security: curveClient(curve.NewSecret(), curve.Public(*public)), Observe: events.add, Backoff: zmq.Backoff{Min: time.Hour, Max: time.Hour}})
			connect(t, push, "tcp://"+l.Addr().String())
			run(t, push)
			r, err := place{listener: l}.meet(t)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			c.play(r)
			r.ended()
			await(t, string(c.reason)+" in "+events.String(), func() bool { return events.of(zmq.Refused, c.reason) == 1 })
			if s := push.Stats(); s.Reasons[c.reason] != 1 || s.Panics != 0 || s.Accepted != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}
