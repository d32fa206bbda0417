package curve_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/sdk/curve"
)

// between changes what passes from a writer, as somebody on the way could.
type between struct {
	io.Writer
	change func(at int, b []byte) []byte // at counts all bytes before b
	at     int
}

func (m *between) Write(p []byte) (int, error) {
	b := m.change(m.at, bytes.Clone(p))
	m.at += len(p)
	if len(b) > 0 {
		if _, err := m.Writer.Write(b); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// untouched leaves all as it is.
func untouched(_ int, b []byte) []byte { return b }

// flip turns over the bits of mask in byte at of all that passes.
func flip(at int, mask byte) func(int, []byte) []byte {
	return func(from int, b []byte) []byte {
		if from <= at && at < from+len(b) {
			b[at-from] ^= mask
		}
		return b
	}
}

// path joins two sides without a clock: once both wait for what nobody is going
// to say, it ends.
type path struct {
	mu    sync.Mutex
	moved sync.Cond
	ends  [2]end
	over  bool
}

// end is what one side has yet to read, and whether it waits for more or is
// done.
type end struct {
	unread     bytes.Buffer
	idle, done bool
}

func newPath() *path {
	p := &path{}
	p.moved.L = &p.mu
	return p
}

// side is one of the two.
type side struct {
	*path
	mine, theirs *end
}

func (p *path) sides() (a, b *side) {
	return &side{p, &p.ends[0], &p.ends[1]}, &side{p, &p.ends[1], &p.ends[0]}
}

func (s *side) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.mine.unread.Len() == 0 {
		stuck := s.theirs.done || s.theirs.idle && s.theirs.unread.Len() == 0
		if s.over = s.over || stuck; s.over {
			s.moved.Broadcast()
			return 0, io.EOF
		}
		s.mine.idle = true
		s.moved.Wait()
		s.mine.idle = false
	}
	return s.mine.unread.Read(b)
}

func (s *side) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved.Broadcast()
	return s.theirs.unread.Write(b)
}

func (s *side) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mine.done = true
	s.moved.Broadcast()
	return nil
}

// meddle runs a handshake while what either says is changed on its way.
func meddle(server *curve.Server, client *curve.Client, toServer, toClient func(int, []byte) []byte) (s, c outcome) {
	a, b := newPath().sides()
	shake := func(own *side, change func(int, []byte) []byte, metadata string, f func(curve.Wire) (*curve.Session, error)) outcome {
		defer func() { _ = own.Close() }()
		session, err := f(curve.Wire{In: bufio.NewReader(own), Out: &between{Writer: own, change: change}, Metadata: []byte(metadata), Limit: limit})
		return outcome{session, err}
	}
	done := make(chan outcome, 1)
	go func() { done <- shake(a, toClient, "of the server", server.Handshake) }()
	c = shake(b, toServer, "of the client", client.Handshake)
	return <-done, c
}

// Sizes of a handshake on the wire, with the metadata of these tests.
const (
	helloWire    = 2 + 6 + 194
	initiateWire = 9 + 9 + 96 + 8 + 32 + 96 + 16 + 13
	welcomeWire  = 2 + 8 + 160
	readyWire    = 2 + 6 + 8 + 16 + 13
)

// No bit of a handshake can be changed on its way without its being noticed by
// the one who is told: only the padding of HELLO means nothing.
func TestEveryByteOfAHandshakeCounts(t *testing.T) {
	own := curve.NewSecret()
	server := &curve.Server{Secrets: []*curve.Secret{own}, Admit: admitAny}
	client := &curve.Client{Secret: curve.NewSecret(), Server: own.Public()}
	if s, c := meddle(server, client, untouched, untouched); s.err != nil || c.err != nil || string(s.s.Metadata) != "of the client" || string(c.s.Metadata) != "of the server" {
		t.Fatalf("untouched: %v, %v", s.err, c.err)
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	for at := 0; at < helloWire+initiateWire; at += step {
		if padding := at >= 2+6+2 && at < 2+6+74; padding {
			continue
		}
		mask := byte(1) << (at % 8)
		s, _ := meddle(server, client, flip(at, mask), untouched)
		if s.err == nil {
			t.Errorf("the server did not notice byte %d of the client, bits %#02x", at, mask)
		}
	}
	for at := 0; at < welcomeWire+readyWire; at += step {
		mask := byte(1) << (at % 8)
		_, c := meddle(server, client, untouched, flip(at, mask))
		if c.err == nil {
			t.Errorf("the client did not notice byte %d of the server, bits %#02x", at, mask)
		}
	}
}

// A handshake that is cut short anywhere ends with an error on both sides.
func TestHandshakeCutShort(t *testing.T) {
	own := curve.NewSecret()
	server := &curve.Server{Secrets: []*curve.Secret{own}, Admit: admitAny}
	client := &curve.Client{Secret: curve.NewSecret(), Server: own.Public()}
	for _, end := range []int{0, 1, 2, 7, 8, 100, helloWire - 1, helloWire, helloWire + 1, helloWire + 8, helloWire + 9, helloWire + 100, helloWire + initiateWire - 1} {
		cut := func(at int, b []byte) []byte { return b[:min(len(b), max(0, end-at))] }
		if s, c := meddle(server, client, cut, untouched); s.err == nil || c.err == nil {
			t.Errorf("after %d bytes the server says %v, the client %v", end, s.err, c.err)
		}
	}
}

// A header that announces what never comes makes no side allocate it.
func TestAnnouncedSizesCostNothing(t *testing.T) {
	own := curve.NewSecret()
	for _, size := range []byte{0x7F, 0x80, 0xFF, 0x40} {
		huge := []byte{6, size, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
		w := curve.Wire{In: bufio.NewReader(bytes.NewReader(huge)), Out: io.Discard, Limit: limit}
		if n := testing.AllocsPerRun(1, func() {
			w.In.Reset(bytes.NewReader(huge))
			if _, err := (&curve.Server{Secrets: []*curve.Secret{own}, Admit: admitAny}).Handshake(w); !errors.Is(err, curve.ErrMalformed) {
				t.Errorf("server: %v", err)
			}
		}); n > 50 {
			t.Errorf("%v allocations", n)
		}
		w.In.Reset(bytes.NewReader(huge))
		if _, err := (&curve.Client{Secret: own, Server: own.Public()}).Handshake(w); !errors.Is(err, curve.ErrMalformed) {
			t.Errorf("client: %v", err)
		}
	}
}

// FuzzHandshake puts somebody on the way of a handshake: bytes are turned over,
// others put in, the rest cut off. Neither side panics, hangs or is deceived: a
// server that is satisfied has met the client itself, and so has a client.
func FuzzHandshake(f *testing.F) {
	f.Add(uint16(0), []byte(nil), false, []byte(nil))
	f.Add(uint16(10), []byte{1}, false, []byte(nil))
	f.Add(uint16(helloWire+9+9), []byte{0, 0, 0x80}, false, []byte(nil))
	f.Add(uint16(helloWire), []byte(nil), true, []byte("\x04\x05\x04NEXT"))
	f.Add(uint16(8+16), []byte{0xFF}, false, []byte(nil))
	f.Add(uint16(welcomeWire), []byte(nil), true, []byte("\x04\x0a\x05ERROR\x03400"))
	own, mine := curve.NewSecret(), curve.NewSecret()
	server := &curve.Server{Secrets: []*curve.Secret{own}, Admit: admitAny}
	client := &curve.Client{Secret: mine, Server: own.Public()}
	f.Fuzz(func(t *testing.T, at uint16, mask []byte, cut bool, put []byte) {
		change := func(from int, b []byte) []byte {
			for i, m := range mask {
				b = flip(int(at)+i, m)(from, b)
			}
			if end := int(at) - from; end >= 0 && end < len(b) && (cut || len(put) > 0) {
				rest := b[end:]
				if cut {
					rest = nil
				}
				b = append(append(b[:end:end], put...), rest...)
			}
			return b
		}
		for _, way := range [][2]func(int, []byte) []byte{{change, untouched}, {untouched, change}} {
			s, c := meddle(server, client, way[0], way[1])
			if s.err == nil && (s.s.Peer != mine.Public() || string(s.s.Metadata) != "of the client") {
				t.Errorf("the server was deceived: %v, %q", s.s.Peer, s.s.Metadata)
			}
			if c.err == nil && (c.s.Peer != own.Public() || string(c.s.Metadata) != "of the server") {
				t.Errorf("the client was deceived: %v, %q", c.s.Peer, c.s.Metadata)
			}
		}
	})
}

// FuzzSession changes what has been sealed. Only what was written comes out, in
// order from the start, and where it was changed reading ends with an error.
func FuzzSession(f *testing.F) {
	f.Add([]byte("\x00\x01a\x01\x02bc\x00\x00"), uint16(3), []byte{1}, false, []byte(nil))
	f.Add([]byte("\x04\x05\x04PONG"), uint16(0), []byte{4}, false, []byte(nil))
	f.Add([]byte("\x00\x01a"), uint16(0), []byte(nil), true, []byte{2, 0x80, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte("\x00\x01a\x00\x01b"), uint16(20), []byte(nil), false, []byte("\x00\x23\x07MESSAGE"))
	s, c, _, _ := sessions(f)
	f.Fuzz(func(t *testing.T, plain []byte, at uint16, mask []byte, cut bool, put []byte) {
		reader, writer := *s, *c // nonces start anew
		var wire bytes.Buffer
		curve.Redirect(&writer, &wire)
		n, err := writer.Write(plain)
		if err != nil && !errors.Is(err, curve.ErrMalformed) {
			t.Fatal(err)
		}
		plain = plain[:n]
		sealed := bytes.Clone(wire.Bytes())
		changed := bytes.Clone(sealed)
		for i, m := range mask {
			changed = flip(int(at)+i, m)(0, changed)
		}
		if end := int(at); end < len(changed) && (cut || len(put) > 0) {
			rest := changed[end:]
			if cut {
				rest = nil
			}
			changed = append(append(changed[:end:end], put...), rest...)
		}
		for _, size := range []int{1, 7, 4096} {
			reader = *s
			curve.Feed(&reader, bytes.NewReader(changed))
			got, err := readAll(&reader, size)
			if want := clear(plain); !bytes.HasPrefix(want, got) {
				t.Fatalf("in steps of %d: %q came out of %q", size, got, want)
			}
			if errors.Is(err, io.ErrNoProgress) {
				t.Fatal(err)
			}
		}
	})
}

// clear is what a session gives for frames that were written: without what only
// the length of a header says, and flags that are not carried.
func clear(frames []byte) []byte {
	var b []byte
	for len(frames) > 0 {
		head, size := 2, 0
		if frames[0]&2 != 0 {
			head = 9
		}
		if len(frames) < head {
			break
		}
		for _, d := range frames[1:head] {
			size = size<<8 | int(d)
		}
		if size > len(frames)-head || size < 0 {
			break
		}
		b = append(b, frame(frames[0]&5, frames[head:head+size])...)
		frames = frames[head+size:]
	}
	return b
}

// readAll reads to the end, a few bytes at a time.
func readAll(r io.Reader, size int) ([]byte, error) {
	var all []byte
	b := make([]byte, size)
	for range 1 << 20 {
		n, err := r.Read(b)
		all = append(all, b[:n]...)
		if err != nil {
			return all, err
		}
	}
	return all, fmt.Errorf("%w after %d bytes", io.ErrNoProgress, len(all))
}
