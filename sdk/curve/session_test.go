package curve_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
)

// limit is of frames in these tests.
const limit = 100_000

type outcome struct {
	s   *curve.Session
	err error
}

func wire(conn net.Conn, metadata string) curve.Wire {
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return curve.Wire{In: bufio.NewReaderSize(conn, 2<<10), Out: conn, Metadata: []byte(metadata), Limit: limit}
}

// shake runs a handshake over a pipe, through taps that may change what passes.
func shake(t *testing.T, server *curve.Server, client *curve.Client) (s, c outcome, end func()) {
	t.Helper()
	a, b := net.Pipe()
	done := make(chan outcome)
	go func() {
		session, err := server.Handshake(wire(a, "of the server"))
		if err != nil {
			_ = a.Close()
		}
		done <- outcome{session, err}
	}()
	session, err := client.Handshake(wire(b, "of the client"))
	if err != nil {
		_ = b.Close()
	}
	c = outcome{session, err}
	s = <-done
	return s, c, func() { _ = a.Close(); _ = b.Close() }
}

func admitAny(curve.Public) error { return nil }

func TestHandshakeProvesBothSides(t *testing.T) {
	own, old, client := curve.NewSecret(), curve.NewSecret(), curve.NewSecret()
	server := &curve.Server{Secrets: []*curve.Secret{own, old}, Admit: admitAny}
	for name, pinned := range map[string]curve.Public{"the new key": own.Public(), "the retiring key": old.Public()} {
		t.Run(name, func(t *testing.T) {
			s, c, end := shake(t, server, &curve.Client{Secret: client, Server: pinned})
			defer end()
			if s.err != nil || c.err != nil {
				t.Fatal(s.err, c.err)
			}
			if s.s.Peer != client.Public() || c.s.Peer != pinned {
				t.Error("each side knows another key than it should")
			}
			if string(s.s.Metadata) != "of the client" || string(c.s.Metadata) != "of the server" {
				t.Errorf("%q %q", s.s.Metadata, c.s.Metadata)
			}
		})
	}
}

func TestHandshakeRefuses(t *testing.T) {
	own := curve.NewSecret()
	for name, c := range map[string]struct {
		server *curve.Server
		pinned curve.Public
		s, c   error
	}{
		"a wrong server key":   {&curve.Server{Secrets: []*curve.Secret{own}, Admit: admitAny}, curve.NewSecret().Public(), curve.ErrServerKey, io.EOF},
		"nobody by default":    {&curve.Server{Secrets: []*curve.Secret{own}}, own.Public(), curve.ErrRefused, curve.ErrRejected},
		"a key not admitted":   {&curve.Server{Secrets: []*curve.Secret{own}, Admit: func(curve.Public) error { return io.ErrNoProgress }}, own.Public(), io.ErrNoProgress, curve.ErrRejected},
		"a server with no key": {&curve.Server{Admit: admitAny}, own.Public(), curve.ErrServerKey, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			s, cl, end := shake(t, c.server, &curve.Client{Secret: curve.NewSecret(), Server: c.pinned})
			defer end()
			if !errors.Is(s.err, c.s) || !errors.Is(cl.err, c.c) {
				t.Errorf("server %v, client %v", s.err, cl.err)
			}
		})
	}
}

// sessions gives two that are joined by what has been written.
func sessions(t testing.TB) (server, client *curve.Session, toServer, toClient *bytes.Buffer) {
	t.Helper()
	own := curve.NewSecret()
	toServer, toClient = new(bytes.Buffer), new(bytes.Buffer)
	a, b := net.Pipe()
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	ws, wc := wire(a, ""), wire(b, "")
	sw, cw := &tap{w: a}, &tap{w: b}
	sr, cr := &tapReader{r: a}, &tapReader{r: b}
	ws.Out, wc.Out = sw, cw
	ws.In, wc.In = bufio.NewReaderSize(sr, 2<<10), bufio.NewReaderSize(cr, 2<<10)
	done := make(chan outcome)
	go func() {
		s, err := (&curve.Server{Secrets: []*curve.Secret{own}, Admit: admitAny}).Handshake(ws)
		done <- outcome{s, err}
	}()
	c, err := (&curve.Client{Secret: curve.NewSecret(), Server: own.Public()}).Handshake(wc)
	s := <-done
	if err != nil || s.err != nil {
		t.Fatal(err, s.err)
	}
	sw.w, cw.w, sr.r, cr.r = toClient, toServer, toServer, toClient
	return s.s, c, toServer, toClient
}

type tap struct{ w io.Writer }

func (t *tap) Write(p []byte) (int, error) { return t.w.Write(p) }

type tapReader struct{ r io.Reader }

func (t *tapReader) Read(p []byte) (int, error) { return t.r.Read(p) }

// frame is one frame in the clear.
func frame(flags byte, body []byte) []byte {
	if len(body) > 255 {
		n := len(body)
		return append([]byte{flags | 2, 0, 0, 0, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}, body...)
	}
	return append([]byte{flags, byte(len(body))}, body...)
}

func TestFramesPassBothWays(t *testing.T) {
	server, client, _, _ := sessions(t)
	var all []byte
	for _, size := range []int{0, 1, 2, 254, 255, 256, 257, 2000, 2047, 2048, 4096, 65535, 65536, limit} {
		body := bytes.Repeat([]byte{byte(size)}, size)
		all = append(all, frame(1, body)...)
		all = append(all, frame(4, body)...)
		all = append(all, frame(0, body)...)
	}
	for name, way := range map[string][2]*curve.Session{"client to server": {client, server}, "server to client": {server, client}} {
		for _, step := range []int{1, 3, 700, len(all)} {
			for at := 0; at < len(all); at += step {
				part := all[at:min(at+step, len(all))]
				if n, err := way[0].Write(part); n != len(part) || err != nil {
					t.Fatal(name, n, err)
				}
			}
			got := make([]byte, len(all))
			for at := 0; at < len(got); {
				n, err := way[1].Read(got[at:min(at+step, len(got))])
				if err != nil {
					t.Fatal(name, at, err)
				}
				at += n
			}
			if !bytes.Equal(got, all) {
				t.Fatalf("%s, steps of %d: other bytes", name, step)
			}
		}
	}
}

func TestWireShowsNothing(t *testing.T) {
	_, client, toServer, _ := sessions(t)
	secret := bytes.Repeat([]byte("secret"), 100)
	if _, err := client.Write(frame(0, secret)); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(toServer.Bytes(), []byte("secret")) {
		t.Error("the clear text is on the wire")
	}
}

func TestSessionEnds(t *testing.T) {
	one := frame(0, []byte("one"))
	for name, c := range map[string]struct {
		change func(sealed []byte) []byte
		want   error
	}{
		"with a flipped byte of the box":     {func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, curve.ErrForged},
		"with a flipped byte of the tag":     {func(b []byte) []byte { b[18] ^= 1; return b }, curve.ErrForged},
		"with a flipped byte of the nonce":   {func(b []byte) []byte { b[17] ^= 4; return b }, curve.ErrForged},
		"with a frame repeated":              {func(b []byte) []byte { return append(b, b...) }, curve.ErrNonce},
		"with a nonce of zero":               {func(b []byte) []byte { copy(b[10:18], make([]byte, 8)); return b }, curve.ErrNonce},
		"with another command":               {func(b []byte) []byte { b[3] = 'm'; return b }, curve.ErrMalformed},
		"with a frame that says MORE":        {func(b []byte) []byte { b[0] = 1; return b }, curve.ErrMalformed},
		"with a reserved flag":               {func(b []byte) []byte { b[0] = 8; return b }, curve.ErrMalformed},
		"with a frame too short":             {func(b []byte) []byte { return append([]byte{0, 32}, b[2:34]...) }, curve.ErrMalformed},
		"with a frame of 2^63 bytes":         {func([]byte) []byte { return []byte{2, 0x80, 0, 0, 0, 0, 0, 0, 0} }, curve.ErrSize},
		"with a frame just over the limit":   {func([]byte) []byte { return []byte{2, 0, 0, 0, 0, 0, 1, 0x86, 0xA0 + 34} }, curve.ErrSize},
		"when the stream ends within a box":  {func(b []byte) []byte { return b[:len(b)-1] }, io.EOF},
		"when a large frame does not arrive": {func([]byte) []byte { return []byte{2, 0, 0, 0, 0, 0, 1, 0x86, 0xA0} }, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			server, client, toServer, _ := sessions(t)
			if _, err := client.Write(one); err != nil {
				t.Fatal(err)
			}
			changed := c.change(bytes.Clone(toServer.Bytes()))
			toServer.Reset()
			toServer.Write(changed)
			_, err := io.ReadAll(server)
			if c.want == io.EOF && err == nil {
				return // ReadAll takes the end of the stream for the end
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// failing takes so many bytes and then no more.
type failing struct{ room int }

func (f *failing) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestWriteCountsWholeFrames(t *testing.T) {
	one := frame(0, make([]byte, 100))
	const sealed = 2 + 8 + 8 + 16 + 1 + 100
	for _, c := range []struct{ room, frames int }{{0, 0}, {sealed - 1, 0}, {sealed, 1}, {2*sealed + 5, 2}} {
		_, client, toServer, _ := sessions(t)
		if _, err := client.Write(one); err != nil || toServer.Len() != sealed {
			t.Fatal(err, toServer.Len())
		}
		curve.Redirect(client, &failing{room: c.room})
		n, err := client.Write(bytes.Repeat(one, 3))
		if n != c.frames*len(one) || err == nil {
			t.Errorf("room for %d bytes: %d bytes taken, %v", c.room, n, err)
		}
	}
}

func BenchmarkWriteRead(b *testing.B) {
	own := curve.NewSecret()
	x, y := net.Pipe()
	done := make(chan *curve.Session)
	go func() {
		s, _ := (&curve.Server{Secrets: []*curve.Secret{own}, Admit: admitAny}).Handshake(wire(x, ""))
		done <- s
	}()
	c, err := (&curve.Client{Secret: own, Server: own.Public()}).Handshake(wire(y, ""))
	if err != nil {
		b.Fatal(err)
	}
	s := <-done
	var buf bytes.Buffer
	curve.Redirect(c, &buf)
	curve.Feed(s, &buf)
	many := bytes.Repeat(frame(0, make([]byte, 64)), 100)
	got := make([]byte, 32<<10)
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		_, _ = c.Write(many)
		for n := 0; n < len(many); {
			k, err := s.Read(got)
			if err != nil {
				b.Fatal(err)
			}
			n += k
		}
	}
}
