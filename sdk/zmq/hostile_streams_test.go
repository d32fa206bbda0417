package zmq_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

var streams = flag.Int("streams", 1_000_000, "how many mutated streams TestStreams reads")

// seed makes the streams the same each time.
const seed = 20

// TestStreams reads streams that were valid once, of every mechanism, with bits
// flipped, ends cut off, pieces repeated, spliced and lost, and sizes changed.
// None makes the guarded codec panic, read on after the end, fail for a reason
// that the guard did not find, let through what is over a limit, or allocate
// by a peer's word. The number of a stream is all that it takes to see it again.
func TestStreams(t *testing.T) {
	total := int64(*streams)
	if testing.Short() {
		total = min(total, 10_000)
	}
	var next atomic.Int64
	var ends sync.Map // reasons
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		s := newStreamer(t)
		readers.Go(func() {
			for {
				from := next.Add(chunk) - chunk
				if from >= total || t.Failed() {
					return
				}
				before := allocated()
				for i := from; i < min(from+chunk, total); i++ {
					ends.Store(s.read(i), true)
				}
				if grown := allocated() - before; grown > chunk*maxPerStream*uint64(runtime.GOMAXPROCS(0)) {
					t.Errorf("streams from %d on: %d MiB allocated", from, grown>>20)
				}
			}
		})
	}
	readers.Wait()
	for _, reason := range []zmq.Reason{
		zmq.ReasonGreeting, zmq.ReasonVersion, zmq.ReasonMechanism, zmq.ReasonReady, zmq.ReasonSocketType, zmq.ReasonRejected,
		zmq.ReasonServerKey, zmq.ReasonProof, zmq.ReasonForged, zmq.ReasonNonce,
		zmq.ReasonFrame, zmq.ReasonMessage, zmq.ReasonFrames, zmq.ReasonSubscriptions, zmq.ReasonFlags, zmq.ReasonCommand, zmq.ReasonUnexpected, zmq.ReasonEnded,
	} {
		if _, found := ends.Load(reason); !found {
			t.Errorf("no stream ended for %q: they are not what they should be", reason)
		}
	}
}

const (
	chunk = 2000
	// maxPerStream is the average over a chunk: read buffers and frames.
	maxPerStream = 64 << 10
)

// streamer makes streams and reads them.
type streamer struct {
	t      *testing.T
	pcg    rand.PCG
	rnd    *rand.Rand
	valid  map[string][][]byte // by the kind that they are for
	curve  [2][]byte           // what a client and a server said in a handshake
	secret *curve.Secret
	as     zmq.Security // a client's

	sealed  map[string][][]byte
	session curve.Session // as after a handshake
	in      *bufio.Reader // of its wire
}

func newStreamer(t *testing.T) *streamer {
	s := &streamer{t: t, valid: map[string][][]byte{}, sealed: map[string][][]byte{}, secret: curve.NewSecret()}
	s.rnd = rand.New(&s.pcg)
	s.pcg.Seed(seed, 0)
	s.as = curveClient(curve.NewSecret(), s.secret.Public())
	for _, kind := range []string{"PULL", "PUB", "ROUTER", "DEALER", "SUB", "PUSH"} {
		for range 50 {
			s.valid[kind] = append(s.valid[kind], join(rawGreeting(byte(s.rnd.IntN(2))), s.ready(kind), s.traffic()))
		}
	}
	s.shake()
	return s
}

// ready is a READY as peers of kind send it.
func (s *streamer) ready(kind string) []byte {
	metadata := property("Socket-Type", peerOf(kind))
	if s.rnd.IntN(2) == 0 {
		metadata += property("Identity", "me")
	}
	if s.rnd.IntN(4) == 0 {
		metadata = property("X-Other", "value") + metadata
	}
	return rawCommand("READY", metadata)
}

// traffic is what follows: messages, subscriptions, other commands.
func (s *streamer) traffic() []byte {
	var b []byte
	for range 1 + s.rnd.IntN(6) {
		switch s.rnd.IntN(6) {
		case 0:
			b = append(b, rawCommand("PING", "\x00\x0a0123456789abcdef"[:2+s.rnd.IntN(17)])...)
		case 1:
			b = append(b, rawCommand([]string{"SUBSCRIBE", "CANCEL", "PONG", "ERROR", "NOVEL"}[s.rnd.IntN(5)], "\x03abc"[:s.rnd.IntN(5)])...)
		case 2:
			for range 1 + s.rnd.IntN(8) {
				b = append(b, 0, 3, byte(s.rnd.IntN(5)/4^1), 'a', byte('a'+s.rnd.IntN(9)))
			}
		case 3:
			n := s.rnd.IntN(100)
			b = append(append(b, long(0, uint64(n))...), make([]byte, n)...)
		default:
			for range s.rnd.IntN(6) {
				n := s.rnd.IntN(90)
				b = append(append(b, 1, byte(n)), make([]byte, n)...)
			}
			b = append(b, 0, 1, 'x')
		}
	}
	return b
}

// tape keeps what passes.
type tape struct {
	net.Conn
	said bytes.Buffer
}

func (c *tape) Write(p []byte) (int, error) {
	c.said.Write(p)
	return c.Conn.Write(p)
}

// shake goes through a handshake of CURVE, and seals traffic for its server.
func (s *streamer) shake() {
	a, b := net.Pipe()
	client, server := &tape{Conn: a}, &tape{Conn: b}
	s.in = bufio.NewReaderSize(server, 2<<10)
	done := make(chan error, 1)
	go func() {
		session, err := (&curve.Server{Secrets: []*curve.Secret{s.secret}, Admit: func(curve.Public) error { return nil }}).
			Handshake(curve.Wire{In: s.in, Out: server, Metadata: []byte(property("Socket-Type", "PULL")), Limit: small().Frame})
		if err == nil {
			s.session = *session
		}
		done <- err
	}()
	c, err := (&curve.Client{Secret: s.as.Curve.Secrets[0], Server: s.as.Curve.Server}).
		Handshake(curve.Wire{In: bufio.NewReader(client), Out: client, Metadata: []byte(property("Socket-Type", "PUSH")), Limit: small().Frame})
	if served := <-done; err != nil || served != nil {
		s.t.Fatal(err, served)
	}
	g := rawGreeting(1)
	copy(g[12:], "CURVE")
	s.curve = [2][]byte{join(g, client.said.Bytes()), join(g, server.said.Bytes())}
	go func() { // the other end of the pipe
		b := make([]byte, 4096)
		for {
			if _, err := server.Conn.Read(b); err != nil {
				return
			}
		}
	}()
	fresh := *c
	for kind := range s.valid {
		for range 50 {
			client.said.Reset()
			again := fresh // its nonces start anew
			if _, err := again.Write(s.traffic()); err != nil {
				s.t.Fatal(err)
			}
			s.sealed[kind] = append(s.sealed[kind], bytes.Clone(client.said.Bytes()))
		}
	}
	_, _ = a.Close(), b.Close()
}

// kindOf is the socket that reads stream i: mostly one that a router has open
// to the world.
func (s *streamer) kindOf() string {
	return []string{"PULL", "PUB", "ROUTER", "PULL", "PUB", "ROUTER", "DEALER", "SUB", "PUSH"}[s.rnd.IntN(9)]
}

// read makes stream i, reads it, and returns why it ended.
func (s *streamer) read(i int64) zmq.Reason {
	s.pcg.Seed(seed, uint64(i)+1)
	defer func() {
		if r := recover(); r != nil {
			s.t.Errorf("stream %d: %v", i, r)
		}
	}()
	kind := s.kindOf()
	reading := zmq.Reading{Kind: kind, Peer: peerOf(kind), Limits: small(), Buffer: 2 << 10}
	var b []byte
	switch n := s.rnd.IntN(200); {
	case n < 2: // CURVE is dear: few of the streams shake hands
		reading.Kind, reading.Server = "PULL", true
		reading.Security = curveServer(zmq.AdmitAny, s.secret)
		b = s.mutate(s.curve[:1], greetingAndHello)
	case n < 4:
		reading.Kind, reading.Security = "PUSH", s.as
		b = s.mutate(s.curve[1:], greetingAndHello)
	case n < 60:
		b = s.mutate(s.sealed[kind], 0)
		session := s.session
		reading.Session = &session
	default:
		b = s.mutate(s.valid[kind], []int{0, 64, 100}[s.rnd.IntN(3)])
	}
	conn := say(b, 1+s.rnd.IntN(200))
	if reading.Session != nil {
		s.in.Reset(conn)
	}
	messages, err := reading.All(conn)
	switch {
	case err == nil:
		s.t.Errorf("stream %d ended for no reason", i)
	case zmq.ReasonOf(err) == zmq.ReasonFailed || zmq.ReasonOf(err) == zmq.ReasonCodec:
		s.t.Errorf("stream %d: the codec failed by itself: %v", i, err)
	}
	within(s.t, messages)
	if kind == "PUB" {
		peer := zmq.NewSubscriber(small())
		if over := peer.Take(messages); over != nil {
			err = over
		}
		if left := peer.Leave(); left != 0 {
			s.t.Errorf("stream %d: %d branches left", i, left)
		}
	}
	return zmq.ReasonOf(err)
}

// greetingAndHello is how much of a handshake of CURVE mostly stays as it is.
const greetingAndHello = 64

// mutate changes one of the bases, mostly from a byte on.
func (s *streamer) mutate(bases [][]byte, from int) []byte {
	b := bytes.Clone(bases[s.rnd.IntN(len(bases))])
	for range s.rnd.IntN(4) {
		if len(b) == 0 {
			break
		}
		low := 0
		if from < len(b) {
			low = from
		}
		at := low + s.rnd.IntN(len(b)-low)
		switch s.rnd.IntN(9) {
		case 0:
			b[at] ^= 1 << s.rnd.IntN(8)
		case 1:
			b[at] = []byte{0, 1, 2, 3, 4, 5, 6, 8, 0x7F, 0x80, 0xFF}[s.rnd.IntN(11)]
		case 2:
			b = b[:at]
		case 3: // a splice
			other := bases[s.rnd.IntN(len(bases))]
			b = append(b[:at:at], other[s.rnd.IntN(len(other)):]...)
		case 4: // a piece again
			end := at + s.rnd.IntN(len(b)-at+1)
			b = join(b[:end], b[at:])
		case 5: // a piece lost
			end := at + s.rnd.IntN(len(b)-at+1)
			b = join(b[:at], b[end:])
		case 6: // a size
			size := []uint64{0, 1, 99, 100, 101, 255, 256, 1 << 31, 8 << 30, 1 << 62, 1 << 63, 1<<64 - 1}[s.rnd.IntN(12)]
			b = join(b[:at], binary.BigEndian.AppendUint64(nil, size), b[min(at+8, len(b)):])
		case 7: // a header
			b = join(b[:at], long(byte(s.rnd.IntN(8)), s.rnd.Uint64()>>s.rnd.IntN(64)), b[at:])
		default:
			b = join(b[:at], []byte{byte(s.rnd.Uint32()), byte(s.rnd.Uint32())}, b[at:])
		}
	}
	return b
}
