package zmq_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Names of properties are case-insensitive (RFC 23): a peer that writes them in
// its own way is no hostile one, and breaks nothing.
func TestPropertyNamesInAnyCase(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{})
	endpoint := listen(t, pull)
	run(t, pull)
	for _, name := range []string{"socket-type", "SOCKET-TYPE", "SockEt-Type"} {
		r := dialRaw(t, endpoint)
		r.write(join(rawGreeting(1), rawCommand("READY", property(name, "PUSH")), []byte{0, 1, 'x'}))
		if got, err := pull.Recv(soon(t)); err != nil || text(got.Frames) != `["x"]` {
			t.Fatalf("%s: %v, %v, %+v", name, got, err, pull.Stats())
		}
	}
}

func TestSilentPeerIsRefusedAfterTheDeadline(t *testing.T) {
	for name, sent := range map[string][]byte{"nothing": nil, "half a greeting": rawGreeting(0)[:30], "no READY": rawGreeting(0)} {
		t.Run(name, func(t *testing.T) {
			var events observed
			pull := zmq.NewPull(zmq.Options{Observe: events.add, Limits: zmq.Limits{HandshakeTimeout: 20 * time.Millisecond}})
			r := dialRaw(t, listen(t, pull))
			run(t, pull)
			r.write(sent)
			r.ended()
			await(t, "the refusal", func() bool { return events.has(zmq.Refused, zmq.ReasonHandshake) })
		})
	}
}

func TestAdmissionLimits(t *testing.T) {
	var events observed
	pull := zmq.NewPull(zmq.Options{Observe: events.add, Limits: zmq.Limits{Peers: 3, PeersPerAddress: 5, Handshakes: 2, HandshakeTimeout: time.Hour}})
	endpoint := listen(t, pull)
	run(t, pull)
	oldest, second := dialRaw(t, endpoint), dialRaw(t, endpoint)
	oldest.read(64)
	second.read(64)
	// The third handshake takes the place of the oldest one.
	for i := range 3 {
		r := dialRaw(t, endpoint)
		r.handshake(0, "PUSH")
		await(t, "the peer", func() bool { return pull.Stats().Peers == i+1 })
		if i == 0 {
			oldest.ended()
			await(t, "the eviction", func() bool { return events.has(zmq.Refused, zmq.ReasonHandshakes) })
		}
	}
	dialRaw(t, endpoint).ended()
	await(t, "the refusal", func() bool { return events.has(zmq.Refused, zmq.ReasonPeers) })

	one := zmq.NewPull(zmq.Options{Observe: events.add, Limits: zmq.Limits{PeersPerAddress: 1}})
	endpoint = listen(t, one)
	run(t, one)
	first := dialRaw(t, endpoint)
	first.handshake(0, "PUSH")
	dialRaw(t, endpoint).ended()
	await(t, "the refusal", func() bool { return events.has(zmq.Refused, zmq.ReasonAddress) })
	_ = first.Close()
	await(t, "the place to be free", func() bool { return one.Stats().Peers == 0 })
	await(t, "the next peer", func() bool {
		r := dialRaw(t, endpoint)
		_, _ = r.Write(join(rawGreeting(0), ready("PUSH")))
		return one.Stats().Peers == 1
	})
}

func TestPingIsEchoedBetweenMessages(t *testing.T) {
	push := zmq.NewPush(zmq.Options{})
	endpoint := listen(t, push)
	run(t, push)
	r := dialRaw(t, endpoint)
	r.handshake(0, "PULL")
	r.write(join(rawCommand("PING", "\x00\x0actx-1"), rawCommand("NEWCOMMAND", "to be ignored"), rawCommand("PING", "\x00\x0a")))
	for _, want := range []string{"\x04PONGctx-1", "\x04PONG"} {
		if flags, body := r.frame(); flags != 4 || string(body) != want {
			t.Fatalf("want %q, got %#x %q", want, flags, body)
		}
	}
	// Under load a PONG never splits a message.
	go func() {
		for push.Send(soon(t), message("a", "b", "c")) == nil {
		}
	}()
	pings := 0
	for range 50 {
		r.write(rawCommand("PING", "\x00\x0aunder load"))
	}
	for within := 0; pings < 50; {
		flags, body := r.frame()
		switch {
		case flags == 4 && within == 0 && string(body) == "\x04PONGunder load":
			pings++
		case flags == 4:
			t.Fatalf("command %q after %d frames", body, within)
		case flags == 1:
			within++
		case within != 2:
			t.Fatalf("a message of %d frames", within+1)
		default:
			within = 0
		}
	}
	_ = r.Close()
}

// libzmq puts PINGs between the frames of a message.
func TestPingWithinAMessage(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{})
	endpoint := listen(t, pull)
	run(t, pull)
	r := dialRaw(t, endpoint)
	r.handshake(1, "PUSH")
	r.write(join([]byte("\x01\x01a"), rawCommand("PING", "\x00\x0ax"), []byte("\x00\x01b")))
	if got, err := pull.Recv(soon(t)); err != nil || text(got.Frames) != `["a" "b"]` {
		t.Fatal(got, err)
	}
	if flags, body := r.frame(); flags != 4 || string(body) != "\x04PONGx" {
		t.Fatalf("%#x %q", flags, body)
	}
}

func TestHeartbeatCutsADeadPeer(t *testing.T) {
	var events observed
	pull := zmq.NewPull(zmq.Options{Observe: events.add, Heartbeat: zmq.Heartbeat{Interval: 10 * time.Millisecond, Timeout: 50 * time.Millisecond}})
	endpoint := listen(t, pull)
	run(t, pull)
	old := dialRaw(t, endpoint)
	old.handshake(0, "PUSH") // knows no PING, so its silence means nothing
	await(t, "the old peer", func() bool { return pull.Stats().Peers == 1 })
	dead := dialRaw(t, endpoint)
	dead.handshake(1, "PUSH")
	if flags, body := dead.frame(); flags != 4 || string(body[:5]) != "\x04PING" {
		t.Fatalf("%#x %q", flags, body)
	}
	dead.ended()
	await(t, "the cut", func() bool { return events.has(zmq.Cut, zmq.ReasonSilent) })
	if s := pull.Stats(); s.Peers != 1 || s.Cut != 1 {
		t.Fatalf("%+v", s)
	}
	// Once it has sent a PING, it is expected to answer.
	old.write(rawCommand("PING", "\x00\x0a"))
	old.ended()
}

// A peer that reads nothing is cut after the write timeout. What was counted
// as sent is what the kernel had whole, to the message.
func TestPushCutsAPeerThatTakesNothing(t *testing.T) {
	var events observed
	push := zmq.NewPush(zmq.Options{Observe: events.add, Limits: zmq.Limits{WriteTimeout: 100 * time.Millisecond}, Heartbeat: zmq.Heartbeat{Interval: -1}})
	endpoint := listen(t, push)
	run(t, push)
	r := dialRaw(t, endpoint)
	r.handshake(0, "PULL")
	await(t, "the peer", func() bool { return push.Stats().Peers == 1 })
	const total = 500
	for range 20 {
		r.write(rawCommand("PING", "\x00\x0acontext"))
	}
	for range total {
		if err := push.Send(soon(t), zmq.Frames{make([]byte, 50_000)}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the cut", func() bool { return events.has(zmq.Cut, zmq.ReasonWrite) })
	s := push.Stats()
	balanced(t, s.Counts)
	if s.Matched != total || s.Queued == 0 || s.Dropped != 0 {
		t.Fatalf("%+v", s)
	}
	taken, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	pong := rawCommand("PONG", "context")
	taken = bytes.ReplaceAll(taken, pong, nil)
	if whole := len(taken) / (9 + 50_000); uint64(whole) != s.Sent {
		t.Errorf("%d messages counted as sent, %d taken", s.Sent, whole)
	}
}

func TestSubscriptions(t *testing.T) {
	limits := zmq.Limits{Subscriptions: 10, SubscriptionBytes: 1000}
	pub := zmq.NewPub(zmq.Options{Limits: limits})
	endpoint := listen(t, pub)
	run(t, pub)
	subscribe := func(prefix string) []byte { return append([]byte{0, byte(1 + len(prefix)), 1}, prefix...) }

	t.Run("commands and messages, counted", func(t *testing.T) {
		r := dialRaw(t, endpoint)
		r.handshake(1, "XSUB")
		// What an XSUB sends beside subscriptions has no receiver.
		r.write([]byte("\x01\x02no\x00\x04body\x00\x00\x00\x01x"))
		r.write(join(rawCommand("SUBSCRIBE", "a"), subscribe("a"), subscribe("a"), rawCommand("CANCEL", "a"), []byte("\x00\x02\x00a"), rawCommand("CANCEL", "never"), subscribe("b")))
		await(t, "the last subscription", func() bool {
			before := pub.Stats().Matched
			_ = pub.Send(message("b"))
			return pub.Stats().Matched > before
		})
		before := pub.Stats().Matched
		_ = pub.Send(message("a1"))
		if pub.Stats().Matched != before+1 {
			t.Fatal("of three subscriptions two were cancelled, and none is left")
		}
		r.write(join(rawCommand("CANCEL", "a"), subscribe("c")))
		await(t, "the last subscription", func() bool {
			before := pub.Stats().Matched
			_ = pub.Send(message("c"))
			return pub.Stats().Matched > before
		})
		before = pub.Stats().Matched
		_ = pub.Send(message("a1"))
		if pub.Stats().Matched != before {
			t.Fatal("a cancelled subscription matches")
		}
	})

	var many []byte
	for i := range 11 {
		many = append(many, subscribe(fmt.Sprint(i))...)
	}
	var large []byte
	for i := range 5 {
		large = append(large, subscribe(fmt.Sprint(i)+strings.Repeat("x", 240))...)
	}
	for name, c := range map[string]struct {
		send   []byte
		reason zmq.Reason
	}{
		"number":              {many, zmq.ReasonSubscriptions},
		"bytes":               {large, zmq.ReasonSubscriptions},
		"one long command":    {append(long(4, 1+9+1001), "\x09SUBSCRIBE"...), zmq.ReasonSubscriptions},
		"one long message":    {long(0, 1002), zmq.ReasonFrame},
		"command in message":  {join([]byte{1, 1, 'x'}, rawCommand("SUBSCRIBE", "a")), zmq.ReasonCommand},
		"endless one command": {long(4, 1<<62), zmq.ReasonCommand},
	} {
		t.Run("limit of "+name, func(t *testing.T) {
			var events observed
			pub := zmq.NewPub(zmq.Options{Observe: events.add, Limits: limits})
			endpoint := listen(t, pub)
			run(t, pub)
			r := dialRaw(t, endpoint)
			r.handshake(1, "SUB")
			_, _ = r.Write(c.send)
			r.ended()
			await(t, "the cut", func() bool { return events.has(zmq.Cut, c.reason) })
		})
	}

	t.Run("messages to a PUSH", func(t *testing.T) {
		var events observed
		push := zmq.NewPush(zmq.Options{Observe: events.add})
		endpoint := listen(t, push)
		run(t, push)
		r := dialRaw(t, endpoint)
		r.handshake(0, "PULL")
		r.write([]byte{0, 1, 'x'})
		r.ended()
		await(t, "the cut", func() bool { return events.has(zmq.Cut, zmq.ReasonUnexpected) })
	})
}

// A PUSH that sends nothing still sees its peer go.
func TestPushSeesItsPeerGo(t *testing.T) {
	push := zmq.NewPush(zmq.Options{})
	endpoint := listen(t, push)
	run(t, push)
	r := dialRaw(t, endpoint)
	r.handshake(0, "PULL")
	await(t, "the peer", func() bool { return push.Stats().Peers == 1 })
	_ = r.Close()
	await(t, "its loss", func() bool { return push.Stats().Peers == 0 })
}

// A handshake that is under way does not hold up the end.
func TestRunEndsDuringHandshakes(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{Limits: zmq.Limits{HandshakeTimeout: time.Hour}})
	endpoint := listen(t, pull)
	stop := run(t, pull)
	dialRaw(t, endpoint).read(64)
	stop()
}

// A frame that was announced and not sent costs no memory.
func TestAnHeaderAloneAllocatesNothing(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{})
	endpoint := listen(t, pull)
	run(t, pull)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const peers = 50
	for range peers {
		r := dialRaw(t, endpoint)
		r.handshake(0, "PUSH")
		r.write(long(0, 4<<20))
		r.write(make([]byte, 1000))
	}
	await(t, "the peers", func() bool {
		heard := 0
		for _, p := range pull.Peers() {
			if p.Facts().Heard.After(p.Facts().Since) {
				heard++
			}
		}
		return heard == peers
	})
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > peers*(1<<20) {
		t.Errorf("%d MiB for %d peers", grown>>20, peers)
	}
}

// A panic below costs the connection it happened on, and is counted.
func TestAPanicCostsOneConnection(t *testing.T) {
	var events observed
	pull := zmq.NewPull(zmq.Options{Observe: events.add})
	pull.BreakTake()
	endpoint := listen(t, pull)
	run(t, pull)
	other := dialRaw(t, endpoint)
	other.handshake(0, "PUSH")
	await(t, "the other peer", func() bool { return pull.Stats().Peers == 1 })
	r := dialRaw(t, endpoint)
	r.handshake(0, "PUSH")
	r.write([]byte{0, 1, 'x'})
	r.ended()
	await(t, "the cut", func() bool { return events.has(zmq.Cut, zmq.ReasonCodec) })
	if s := pull.Stats(); s.Panics != 1 || s.Peers != 1 {
		t.Errorf("%+v", s)
	}
}

// A SUB says what it wants in the words of the peer's version, and trusts no
// publisher to filter.
func TestSubTalksToEitherVersion(t *testing.T) {
	for minor, words := range map[byte][3]string{
		0: {"\x01t", "\x01u", "\x00t"},
		1: {"\x09SUBSCRIBEt", "\x09SUBSCRIBEu", "\x06CANCELt"},
	} {
		t.Run(fmt.Sprint("3.", minor), func(t *testing.T) {
			sub := zmq.NewSub(zmq.Options{})
			sub.Subscribe("t")
			endpoint := listen(t, sub)
			run(t, sub)
			r := dialRaw(t, endpoint)
			r.handshake(minor, "XPUB")
			expect := func(want string) {
				t.Helper()
				if flags, body := r.frame(); flags != minor*4 || string(body) != want {
					t.Fatalf("want %q, got %#x %q", want, flags, body)
				}
			}
			expect(words[0])
			sub.Subscribe("u")
			expect(words[1])
			sub.Subscribe("t")
			sub.Unsubscribe("t")
			sub.Unsubscribe("never")
			sub.Unsubscribe("t")
			expect(words[2])
			r.write([]byte("\x00\x01t\x00\x05other\x00\x01u"))
			if got := next(t, sub); got != `["u"]` {
				t.Fatal(got)
			}
		})
	}
}

// A PONG does not wait for everything that is queued.
func TestPongOvertakesTheQueue(t *testing.T) {
	const total = 400
	push := zmq.NewPush(zmq.Options{Up: func(p *zmq.Peer) {
		batch := make([]zmq.Frames, total)
		for i := range batch {
			batch[i] = zmq.Frames{make([]byte, 50_000)}
		}
		if !p.Send(batch...) {
			t.Error("no room")
		}
	}})
	endpoint := listen(t, push)
	run(t, push)
	r := dialRaw(t, endpoint)
	r.handshake(0, "PULL")
	r.frame()
	r.write(rawCommand("PING", "\x00\x0a"))
	before := 1
	for {
		flags, _ := r.frame()
		if flags&4 != 0 {
			break
		}
		before++
	}
	if before == total {
		t.Error("the PONG came last")
	}
	for range total - before {
		r.frame()
	}
}
