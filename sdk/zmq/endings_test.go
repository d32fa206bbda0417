package zmq_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// A connection that becomes ready while its endpoint is removed ends like the
// others, though its peer does nothing.
func TestRemoveReachesHandshakes(t *testing.T) {
	var events observed
	var router *zmq.Router
	var endpoint string
	router = zmq.NewRouter(zmq.Options{Linger: 10 * time.Millisecond, Observe: events.add, Up: func(*zmq.Peer) { router.Remove(endpoint) }})
	endpoint = listen(t, router)
	run(t, router)
	r := dialRaw(t, endpoint)
	r.write(join(rawGreeting(0), ready("DEALER")))
	await(t, "the end", func() bool { return events.has(zmq.Gone, zmq.ReasonRemoved) && router.Stats().Peers == 0 })
}

// What peers send while the last answers go out is bounded by the queue.
func TestNothingPilesUpAfterTheEnd(t *testing.T) {
	for _, waited := range []bool{false, true} {
		if held := zmq.HeldAfterClose(4, 1000, waited); held > 8 {
			t.Errorf("a queue of 4 holds %d after its end", held)
		}
	}
}

// from dials from an address of its own.
func from(t *testing.T, ip, endpoint string) raw {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	conn, err := dialer.Dial("tcp", strings.TrimPrefix(endpoint, "tcp://"))
	if err != nil {
		t.Skipf("no second loopback address here: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return raw{t, conn}
}

// A crowd of silent connections from one address keeps out its own, and not the
// one that was there before it from another.
func TestACrowdKeepsOutItsOwn(t *testing.T) {
	var events observed
	pull := zmq.NewPull(zmq.Options{Observe: events.add, Limits: zmq.Limits{Handshakes: 4, HandshakeTimeout: time.Hour}})
	endpoint := listen(t, pull)
	run(t, pull)
	honest := from(t, "127.0.0.2", endpoint)
	honest.read(64)
	for range 20 {
		dialRaw(t, endpoint)
	}
	await(t, "the crowd to be thinned", func() bool { return pull.Stats().Reasons[zmq.ReasonHandshakes] == 17 })
	honest.write(join(rawGreeting(0), ready("PUSH")))
	await(t, "the honest one", func() bool { return pull.Stats().Peers == 1 })
}

// stuck is a connection whose end takes its time.
type stuck struct {
	net.Conn
	entered, leave chan struct{}
}

func (s *stuck) CloseWrite() error {
	close(s.entered)
	<-s.leave
	return nil
}

// The end of what is sent, which TLS writes to the network, keeps nobody
// waiting who asks about the peer.
func TestEndOfWritingHoldsNoLock(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	conn := &stuck{Conn: here, entered: make(chan struct{}), leave: make(chan struct{})}
	peer, written := zmq.Drain(conn)
	<-conn.entered
	asked := make(chan zmq.Facts)
	go func() { asked <- peer.Facts() }()
	select {
	case <-asked:
	case <-time.After(patience):
		t.Error("Facts waits for the network")
	}
	close(conn.leave)
	<-written
}

// Of a peer that may send nothing, not even a sealed frame is taken in.
func TestNothingIsHeldOfAMutePeer(t *testing.T) {
	public, secret := key32()
	server := curve.NewSecret()
	var events observed
	push := zmq.NewPush(zmq.Options{Observe: events.add, Security: curveServer(only(curve.Public(*public), "a"), server)})
	endpoint := listen(t, push)
	run(t, push)
	h := newHand(dialRaw(t, endpoint), server.Public(), public, secret)
	h.greets()
	h.say("HELLO", h.hello())
	h.welcomed()
	h.say("INITIATE", h.initiate(2, h.public, h.vouch(h.transient, h.server, h.secret), property("Socket-Type", "PULL")))
	h.frame()
	h.write(long(0, 64<<10)) // no more than a header
	_, _ = io.Copy(io.Discard, h)
	await(t, "the cut", func() bool { return events.has(zmq.Cut, zmq.ReasonFrame) })
}

func TestOnePrefixIsBounded(t *testing.T) {
	for name, send := range map[string][]byte{
		"command": append(long(4, 1+9+101), "\x09SUBSCRIBE"...),
		"message": append([]byte{0, 102, 1}, make([]byte, 101)...),
	} {
		t.Run(name, func(t *testing.T) {
			var events observed
			pub := zmq.NewPub(zmq.Options{Observe: events.add, Limits: zmq.Limits{Prefix: 100}})
			endpoint := listen(t, pub)
			run(t, pub)
			r := dialRaw(t, endpoint)
			r.handshake(1, "SUB")
			r.write(send)
			r.ended()
			await(t, "the cut", func() bool { return events.has(zmq.Cut, zmq.ReasonSubscriptions) })
		})
	}
}
