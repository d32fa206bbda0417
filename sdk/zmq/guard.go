package zmq

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
)

const (
	// maxCommand bounds commands other than SUBSCRIBE and CANCEL. A PING has
	// 23 bytes at most.
	maxCommand = 1 << 10
	// maxContext bounds the context of a PING (RFC 37).
	maxContext = 16
	// pingTTL is the size of the TTL before the context.
	pingTTL = 2
)

// guard is the connection that the codec reads: it lets through one valid
// greeting, one valid READY and frames within the limits, and nothing else.
// Commands end here. Every failure is io.EOF to the codec, which understands
// no other; fault tells which it was.
//
// It belongs to one goroutine.
type guard struct {
	net.Conn
	in     *bufio.Reader
	limits Limits
	mute   bool // the peer may send no messages, only commands
	topics bool // SUBSCRIBE and CANCEL become messages

	security *Security
	server   bool       // of the mechanism: this side was connected to
	buffers  *sync.Pool // of *[]byte, for writers

	stage  stage
	hello  hello
	proof  proof
	accept func(kind string) error // judges the socket type in READY

	replay []byte // what the codec reads next, in place of bytes from the wire
	left   int    // bytes of the frame that the codec may read from the wire
	frames int    // of the message so far
	size   int    // bytes of the message so far

	skip  int    // bytes the codec writes in vain: its greeting
	out   []byte // what it wrote and the wire has not got: its READY
	peer  *Peer  // once it is ready
	idle  func() error
	fault error
}

type stage uint8

const (
	greetingNext stage = iota
	readyNext
	traffic
)

func newGuard(conn net.Conn, security *Security, limits Limits, buffer int) *guard {
	g := &guard{Conn: conn, security: security, limits: limits, skip: greetingSize}
	g.in = bufio.NewReaderSize(wire{g, conn}, buffer)
	return g
}

// wire reads from the network, after what must not wait for it.
type wire struct {
	g    *guard
	conn net.Conn
}

func (w wire) Read(p []byte) (int, error) {
	g := w.g
	if g.idle != nil {
		if err := g.idle(); err != nil {
			return 0, err
		}
	}
	n, err := w.conn.Read(p)
	if n > 0 && g.peer != nil {
		g.peer.heard.Store(time.Now().UnixNano())
	}
	return n, err
}

// Write takes the codec's handshake. Its greeting was sent already, by greet.
func (g *guard) Write(p []byte) (int, error) {
	skipped := min(g.skip, len(p))
	g.skip -= skipped
	g.out = append(g.out, p[skipped:]...)
	return len(p), nil
}

// Read gives the codec what it may see.
func (g *guard) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(g.replay) == 0 && g.left == 0 {
		if err := g.next(); err != nil {
			return 0, g.fail(err)
		}
	}
	if len(g.replay) > 0 {
		n := copy(p, g.replay)
		g.replay = g.replay[n:]
		return n, nil
	}
	n, err := g.in.Read(p[:min(len(p), g.left)])
	g.left -= n
	if err != nil {
		return n, g.fail(err)
	}
	return n, nil
}

// fail remembers the first failure.
func (g *guard) fail(err error) error {
	if g.fault == nil {
		g.fault = reasoned(err)
	}
	return io.EOF
}

// reasoned gives an error of the network the reason it lacks.
func reasoned(err error) error {
	if _, ok := errors.AsType[Reason](err); ok {
		return err
	}
	for _, known := range curveReasons() {
		if errors.Is(err, known.err) {
			return fmt.Errorf("%w: %w", known.reason, err)
		}
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w: %w", ReasonEnded, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w", ReasonHandshake, err)
	}
	return fmt.Errorf("%w: %w", ReasonFailed, err)
}

// curveReasons gives the errors of package curve the reasons they stand for.
func curveReasons() [8]curveReason {
	return [...]curveReason{
		{curve.ErrMalformed, ReasonCommand}, {curve.ErrServerKey, ReasonServerKey}, {curve.ErrProof, ReasonProof}, {curve.ErrRefused, ReasonKey},
		{curve.ErrRejected, ReasonRejected}, {curve.ErrForged, ReasonForged}, {curve.ErrNonce, ReasonNonce}, {curve.ErrSize, ReasonFrame},
	}
}

type curveReason struct {
	err    error
	reason Reason
}

// next reads on to the next bytes that the codec may see.
func (g *guard) next() error {
	switch g.stage {
	case greetingNext:
		g.stage = readyNext
		return g.greet()
	case readyNext:
		g.stage = traffic
		return g.ready()
	}
	return g.frame()
}

// greet exchanges greetings on the wire. The codec gets one that it knows.
func (g *guard) greet() error {
	mechanism := g.security.mechanism()
	mine := greeting(minorVersion, mechanism)
	if g.server && mechanism == mechanismCurve {
		mine[serverAt] = 1
	}
	if _, err := g.Conn.Write(mine); err != nil {
		return err
	}
	var b []byte
	for len(b) < greetingSize {
		if _, err := g.in.Peek(len(b) + 1); err != nil {
			return unnamed(err, len(b), mechanism)
		}
		b, _ = g.in.Peek(min(g.in.Buffered(), greetingSize)) // it is there
		if err := checkGreeting(b, mechanism); err != nil {
			return err
		}
	}
	g.hello.minor = minorOf(b)
	g.replay = greeting(0, mechanismNull)
	_, err := g.in.Discard(greetingSize)
	return err
}

// unnamed makes sense of a greeting that ends after n bytes. libzmq reads this
// side's, and where the mechanisms differ it mostly ends the connection before
// it names its own.
func unnamed(err error, n int, mechanism string) error {
	if n >= signatureSize && n <= mechanismAt && ReasonOf(reasoned(err)) == ReasonEnded {
		return fmt.Errorf("%w: %s here, and the peer left before it named its own, as libzmq does when it has another", ReasonMechanism, mechanism)
	}
	return err
}

// ready tells the peer the codec's metadata and judges the peer's. The codec,
// which panics at what it does not know, gets the socket type alone.
func (g *guard) ready() error {
	metadata, err := g.introduce()
	if err != nil {
		return err
	}
	if err := g.hello.parseMetadata(metadata); err != nil {
		return err
	}
	if err := g.accept(g.hello.kind); err != nil {
		return err
	}
	g.replay = appendCommand(nil, "READY", appendProperty(nil, "Socket-Type", g.hello.kind))
	return nil
}

// introduce exchanges metadata, within CURVE or by the READY of NULL.
func (g *guard) introduce() ([]byte, error) {
	mine := g.out
	g.out = nil
	if g.security.Curve != nil {
		return g.seal(mine)
	}
	if _, err := g.Conn.Write(mine); err != nil {
		return nil, err
	}
	flags, size, header, err := g.header()
	if err != nil {
		return nil, err
	}
	if flags&^flagLong != flagCommand || size > maxReady {
		return nil, fmt.Errorf("%w: flags %#02x, %d bytes", ReasonReady, flags, size)
	}
	frame := make([]byte, header+int(size))
	if _, err := io.ReadFull(g.in, frame); err != nil {
		return nil, err
	}
	return parseReady(frame[header:])
}

// seal shakes hands by CURVE. From then on all that is read and written is
// sealed. ready is the codec's READY frame.
func (g *guard) seal(ready []byte) ([]byte, error) {
	header := shortHeader
	if ready[0]&flagLong != 0 {
		header = longHeader
	}
	mine, err := parseReady(ready[header:])
	if err != nil {
		return nil, err
	}
	wire := curve.Wire{In: g.in, Out: g.Conn, Metadata: mine, Limit: g.largest(), Buffers: g.buffers}
	link, proven, err := g.security.shake(wire, g.Conn, g.server)
	if err != nil {
		return nil, err
	}
	g.Conn, g.proof = link, proven
	g.in = bufio.NewReaderSize(link, g.in.Size())
	return link.session.Metadata, nil
}

// largest is the body of the largest frame that may come.
func (g *guard) largest() int {
	switch {
	case g.mute:
		return maxCommand
	case g.topics:
		return g.limits.Prefix + maxCommand
	}
	return max(g.limits.Frame, maxCommand)
}

// header looks at the header of the next frame, and leaves it unread.
func (g *guard) header() (flags byte, size uint64, length int, err error) {
	b, err := g.in.Peek(shortHeader)
	if err != nil {
		return 0, 0, 0, err
	}
	if b[0]&flagLong == 0 {
		return b[0], uint64(b[1]), shortHeader, nil
	}
	b, err = g.in.Peek(longHeader)
	if err != nil {
		return 0, 0, 0, err
	}
	return b[0], binary.BigEndian.Uint64(b[1:]), longHeader, nil
}

// frame lets one frame of a message through, or deals with one command.
func (g *guard) frame() error {
	flags, size, header, err := g.header()
	if err != nil {
		return err
	}
	if flags&flagReserved != 0 || flags&(flagCommand|flagMore) == flagCommand|flagMore {
		return fmt.Errorf("%w: %#02x", ReasonFlags, flags)
	}
	if flags&flagCommand != 0 {
		return g.command(size, header)
	}
	if g.mute {
		return ReasonUnexpected
	}
	if size > uint64(g.limits.Frame) {
		return fmt.Errorf("%w: %d bytes, limit %d", ReasonFrame, size, g.limits.Frame)
	}
	g.frames++
	g.size += int(size)
	if g.frames > g.limits.FramesPerMessage {
		return fmt.Errorf("%w: limit %d", ReasonFrames, g.limits.FramesPerMessage)
	}
	if g.size > g.limits.Message {
		return fmt.Errorf("%w: limit %d bytes", ReasonMessage, g.limits.Message)
	}
	if flags&flagMore == 0 {
		g.frames, g.size = 0, 0
	}
	g.left = header + int(size)
	// The codec allocates by the header's word. So that a header alone makes
	// it allocate nothing, the frame must be here first, or a buffer full of it.
	_, err = g.in.Peek(min(g.left, g.in.Size()))
	return err
}

// command deals with a command. They may stand between the frames of a
// message: libzmq puts its PINGs there.
func (g *guard) command(size uint64, header int) error {
	if size > math.MaxInt32 {
		return fmt.Errorf("%w: %d bytes", ReasonCommand, size)
	}
	whole := header + int(size)
	for _, topic := range []struct {
		name string
		verb byte
	}{{"SUBSCRIBE", 1}, {"CANCEL", 0}} {
		head := 1 + len(topic.name)
		if int(size) < head || !g.topics {
			continue
		}
		b, err := g.in.Peek(header + head)
		if err != nil {
			return err
		}
		if int(b[header]) == len(topic.name) && string(b[header+1:]) == topic.name {
			if _, err := g.in.Discard(header + head); err != nil {
				return err
			}
			return g.topic(topic.verb, int(size)-head)
		}
	}
	if size > maxCommand {
		return fmt.Errorf("%w: %d bytes", ReasonCommand, size)
	}
	b, err := g.in.Peek(whole)
	if err != nil {
		return err
	}
	name, data, ok := splitCommand(b[header:])
	if !ok {
		return fmt.Errorf("%w: no name", ReasonCommand)
	}
	switch name {
	case "PING":
		if len(data) < pingTTL || len(data) > pingTTL+maxContext {
			return fmt.Errorf("%w: PING of %d bytes", ReasonCommand, len(data))
		}
		g.peer.pong(data[pingTTL:])
	case "ERROR":
		return fmt.Errorf("%w: %q", ReasonRejected, errorText(data))
	}
	_, err = g.in.Discard(whole)
	return err
}

// topic turns a SUBSCRIBE or CANCEL of ZMTP 3.1 (RFC 37) into the message
// that ZMTP 3.0 has for it (RFC 29): a verb and the prefix, n bytes on the wire.
func (g *guard) topic(verb byte, n int) error {
	if g.frames > 0 {
		return fmt.Errorf("%w: subscription within a message", ReasonCommand)
	}
	if n > g.limits.Prefix {
		return fmt.Errorf("%w: prefix of %d bytes, limit %d", ReasonSubscriptions, n, g.limits.Prefix)
	}
	g.replay = append(appendHeader(nil, 0, 1+n), verb)
	g.left = n
	return nil
}
