package zmq_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// raw is a peer that writes what it likes.
type raw struct {
	t *testing.T
	net.Conn
}

func dialRaw(t *testing.T, endpoint string) raw {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return raw{t, conn}
}

func (r raw) write(b []byte) {
	r.t.Helper()
	if _, err := r.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

func (r raw) read(n int) []byte {
	r.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		r.t.Fatal(err)
	}
	return b
}

// frame reads one frame.
func (r raw) frame() (flags byte, body []byte) {
	r.t.Helper()
	b := r.read(2)
	if b[0]&2 == 0 {
		return b[0], r.read(int(b[1]))
	}
	size := binary.BigEndian.Uint64(append(b[1:2:2], r.read(7)...))
	return b[0], r.read(int(size))
}

// ended waits for the other side to end the connection.
func (r raw) ended() {
	r.t.Helper()
	_, err := io.Copy(io.Discard, r)
	if timedOut(err) {
		r.t.Fatal("the connection is still there")
	}
}

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func rawGreeting(minor byte) []byte {
	b := make([]byte, 64)
	b[0], b[9], b[10], b[11] = 0xFF, 0x7F, 3, minor
	copy(b[12:], "NULL")
	return b
}

func rawCommand(name, data string) []byte {
	b := []byte{4, byte(1 + len(name) + len(data)), byte(len(name))}
	return append(append(b, name...), data...)
}

func property(name, value string) string {
	b := append([]byte{byte(len(name))}, name...)
	return string(binary.BigEndian.AppendUint32(b, uint32(len(value)))) + value
}

func ready(kind string) []byte { return rawCommand("READY", property("Socket-Type", kind)) }

func long(flags byte, size uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{flags | 2}, size)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// handshake makes the peer ready and reads the other side's READY.
func (r raw) handshake(minor byte, kind string) {
	r.t.Helper()
	r.write(join(rawGreeting(minor), ready(kind)))
	r.read(64)
	if flags, body := r.frame(); flags != 4 || !bytes.HasPrefix(body, []byte("\x05READY")) {
		r.t.Fatalf("no READY: %#x %q", flags, body)
	}
}

// frameFrom reads one frame of up to a MiB.
func frameFrom(r io.Reader) (flags byte, body []byte, err error) {
	head := make([]byte, 9)
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	if head[0]&2 != 0 {
		if _, err := io.ReadFull(r, head[2:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(head[1:])
	}
	body = make([]byte, min(size, 1<<20))
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}
