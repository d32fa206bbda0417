package promise_test

import (
	"bytes"
	"compress/gzip"
	endian "encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
)

// hostileConfig has every kind of door and socket, and bounds that make a
// difference: beyond them each attack below would take hundreds of MiB.
const hostileConfig = `
[limits]
connections = 400
requests = 256
header_timeout = "5s"
body_timeout = "5s"
work_bytes = "8MiB"
peers = 128
peers_per_address = 64
handshakes = 32
handshake_timeout = "2s"
frame_bytes = "256KiB"
message_bytes = "512KiB"
zmq_requests = 16
subscriptions = 64
[[ingress]]
name = "direct"
listen = "tcp://127.0.0.1:0"
max_body = "128KiB"
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
[[channels]]
name = "view"
class = "telemetry"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["orders"]
[[routes]]
name = "readings"
type = ["com.example.reading.*"]
channels = ["view"]
`

// hostileMemory is what those settings amount to, one attack at a time: 4 times
// work_bytes; at the two sockets that take more than subscriptions a message of
// each of 64 peers that is not whole, twice for Go's collector, and a queue of 16;
// headers of 400 connections; and the router itself.
const hostileMemory = 128 << 20

// hostility is a router under attack.
type hostility struct {
	*router
	ledger *ledger
	sent   int
	most   atomic.Int64 // bytes of memory, in the attack of now
}

// D17: whatever peers do, a router takes the memory that its settings say, and
// serves those who behave.
func TestD17MemoryIsBoundedWhateverPeersDo(t *testing.T) {
	h := &hostility{router: newRouter(t, hostileConfig), ledger: newLedger(t)}
	h.take(taking{channel: "orders"}, doing(h.ledger))
	oom := h.confine(2 * hostileMemory)
	attacks := []attack{
		{"headers that come slowly", (*hostility).slowHeaders},
		{"headers without an end", (*hostility).endlessHeaders},
		{"bodies that come slowly", (*hostility).slowBodies},
		{"bodies without an end", (*hostility).endlessBodies},
		{"gzip bombs", (*hostility).bombs},
		{"handshakes that do not begin", (*hostility).idleHandshakes},
		{"frames of 2^62 bytes", (*hostility).hugeFrames},
		{"10^5 empty frames", (*hostility).emptyFrames},
		{"frames that do not end", (*hostility).slowFrames},
		{"requests nobody waits for the answers of", (*hostility).deafRequests},
		{"subscriptions", (*hostility).subscriptions},
		{"replies", (*hostility).replies},
	}
	var all []string
	for range turns(1) {
		all = all[:0]
		for _, a := range attacks {
			all = append(all, fmt.Sprintf("%s %d MiB", a.name, h.suffer(a)>>20))
		}
	}
	h.drained()
	h.ledger.balance(h.router, never)
	top := h.now()
	for _, s := range []*admin.Socket{top.Doors[1].Socket, &top.Replies.Socket, &top.Commands[0].Socket, &top.Telemetry[0].Socket} {
		if s.Panics > 0 {
			t.Errorf("%d connections ended by a panic", s.Panics)
		}
	}
	proved(t, "%s; %s", strings.Join(all, ", "), oom())
}

type attack struct {
	name string
	by   func(*hostility)
}

// suffer goes through one attack and gives the most memory that it took.
func (h *hostility) suffer(a attack) int64 {
	h.Helper()
	h.most.Store(0)
	stop := h.sample()
	a.by(h)
	h.behave()
	stop()
	most := h.most.Load()
	if most > hostileMemory {
		h.Errorf("%s: the router took %d MiB, at most %d are allowed", a.name, most>>20, hostileMemory>>20)
	}
	return most
}

// sample takes the memory's measure all the while.
func (h *hostility) sample() (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	look := func() { h.most.Store(max(h.most.Load(), h.rssAnon())) }
	go func() {
		defer close(ended)
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-tick.C:
				look()
			case <-end:
				tick.Stop()
				return
			}
		}
	}()
	return func() { close(end); <-ended; look() }
}

// confine puts the process into a control group of so many bytes, where that can
// be done: there the kernel ends it beyond. It gives what came of it.
func (h *hostility) confine(bytes int64) (outcome func() string) {
	for _, at := range []struct{ root, limit string }{
		{"/sys/fs/cgroup", "memory.max"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
	} {
		dir := filepath.Join(at.root, fmt.Sprintf("headgate-test-%d", h.process.Process.Pid))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		h.Cleanup(func() {
			h.kill() // a group that has a process stays
			_ = os.Remove(dir)
		})
		err := overwrite(filepath.Join(dir, at.limit), bytes)
		if err = errors.Join(err, overwrite(filepath.Join(dir, "cgroup.procs"), int64(h.process.Process.Pid))); err == nil {
			return func() string { return fmt.Sprintf("in a control group of %d MiB", bytes>>20) }
		}
	}
	return func() string { return "without a control group" }
}

// overwrite writes to a file that is there, as those of a control group are.
func overwrite(file string, n int64) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.FormatInt(n, 10))
	return errors.Join(err, f.Close())
}

// behave wants that one who behaves is served, as soon as there is room.
func (h *hostility) behave() {
	h.Helper()
	for range 5 {
		h.sent++
		id := fmt.Sprintf("honest-%d", h.sent)
		if _, err := h.edge.insist(h.Context(), id, order("order.created", id, "")); err != nil {
			h.Errorf("honest: %v", err)
			return
		}
		h.ledger.accept(id)
		h.eventually(id+" is done", func() bool { return h.ledger.did("orders", id) })
	}
}

// hold is how long what has come is kept there: until the router has read it.
const hold = 400 * time.Millisecond

// crowd is so many connections at once, each of which does the same. What becomes
// of them does not matter. They are closed when all have done it, after hold.
func crowd(n int, address string, do func(net.Conn)) {
	var going sync.WaitGroup
	all := make(chan net.Conn, n)
	for range n {
		going.Go(func() {
			conn, err := net.DialTimeout("tcp", address, 5*time.Second)
			if err != nil {
				return
			}
			all <- conn
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			do(conn)
		})
	}
	going.Wait()
	close(all)
	time.Sleep(hold)
	for conn := range all {
		_ = conn.Close()
	}
}

// pour writes until it may not any more, or has written so much.
func pour(c net.Conn, what []byte, most int) {
	for n := 0; n < most; n += len(what) {
		if _, err := c.Write(what); err != nil {
			return
		}
	}
}

func (h *hostility) web() string { return strings.TrimPrefix(h.top.Doors[0].Address, "http://") }

func (h *hostility) slowHeaders() {
	crowd(1000, h.web(), func(c net.Conn) { pour(c, []byte("POST /v1/events HTTP/1.1\r\nX: "+strings.Repeat("x", 8<<10)), 1) })
}

func (h *hostility) endlessHeaders() {
	line := []byte("X: " + strings.Repeat("x", 1000) + "\r\n")
	crowd(300, h.web(), func(c net.Conn) { pour(c, []byte("POST /v1/events HTTP/1.1\r\nHost: x\r\n"), 1); pour(c, line, 2<<20) })
}

// slowBodies have all come but for their last byte.
func (h *hostility) slowBodies() {
	head := "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\n"
	const size = 1 << 20
	most := bytes.Repeat([]byte("x"), size-1)
	for _, framing := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n", size), fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size)} {
		crowd(250, h.web(), func(c net.Conn) { pour(c, []byte(head+framing), 1); pour(c, most, 1) })
	}
}

func (h *hostility) endlessBodies() {
	head := "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunk := []byte("10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n")
	crowd(64, h.web(), func(c net.Conn) { pour(c, []byte(head), 1); pour(c, chunk, 16<<20) })
}

// bombs are zeros a thousand times smaller than what they become.
func (h *hostility) bombs() {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(z, zeros{}, 256<<20)
	_ = z.Close()
	each(64, 16, func(i int) {
		req, err := h.edge.request(h.Context(), "application/cloudevents+json", fmt.Sprintf("bomb-%d", i), bomb.Bytes(), time.Now())
		if err != nil {
			h.Error(err)
			return
		}
		req.Header.Set("Content-Encoding", "gzip")
		if a, err := h.edge.do(req); err == nil && a.HTTP != 415 {
			h.Errorf("a bomb is answered with %s", a.Body)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// sockets are all that speak ZeroMQ, side by side, with the kind of peer that each
// takes.
func (h *hostility) sockets(each func(address, peer string)) {
	var going sync.WaitGroup
	for _, s := range [][2]string{{h.top.Doors[1].Address, "DEALER"}, {h.top.Replies.Address, "PUSH"}, {h.address("orders"), "PULL"}, {h.address("view"), "SUB"}} {
		going.Go(func() { each(strings.TrimPrefix(s[0], "tcp://"), s[1]) })
	}
	going.Wait()
}

// join does the handshake of a peer (RFC 37) and does not wait for the other side's.
func join(c net.Conn, kind string) {
	greeting := make([]byte, 64)
	greeting[0], greeting[9], greeting[10], greeting[11] = 0xFF, 0x7F, 3, 1
	copy(greeting[12:], "NULL")
	property := "\x0bSocket-Type" + string(endian.BigEndian.AppendUint32(nil, uint32(len(kind)))) + kind
	pour(c, append(greeting, frame(4, "\x05READY"+property)...), 1)
}

// frame is one frame of ZMTP, with its flags but for the one of its length.
func frame(flags byte, body string) []byte {
	return append(endian.BigEndian.AppendUint64([]byte{flags | 2}, uint64(len(body))), body...)
}

func (h *hostility) idleHandshakes() {
	h.sockets(func(address, _ string) {
		crowd(300, address, func(c net.Conn) { pour(c, []byte{0xFF}, 1) })
	})
}

func (h *hostility) hugeFrames() {
	huge := endian.BigEndian.AppendUint64([]byte{2}, 1<<62)
	h.sockets(func(address, peer string) {
		crowd(64, address, func(c net.Conn) { join(c, peer); pour(c, huge, 1); pour(c, make([]byte, 64<<10), 2<<20) })
	})
}

func (h *hostility) emptyFrames() {
	frames := bytes.Repeat([]byte{1, 0}, 100_000)
	h.sockets(func(address, peer string) {
		crowd(64, address, func(c net.Conn) { join(c, peer); pour(c, frames, 1) })
	})
}

// slowFrames have come but for their last byte.
func (h *hostility) slowFrames() {
	most := frame(0, strings.Repeat("x", 256<<10))
	h.sockets(func(address, peer string) {
		crowd(500, address, func(c net.Conn) { join(c, peer); pour(c, most[:len(most)-1], 1) })
	})
}

// deafRequests are such as are to be worked on, and their answers are not read.
func (h *hostility) deafRequests() {
	request := bytes.Join([][]byte{frame(1, "id"), frame(1, `{"content-type":"application/cloudevents+json"}`), frame(0, strings.Repeat("x", 100<<10))}, nil)
	crowd(48, strings.TrimPrefix(h.top.Doors[1].Address, "tcp://"), func(c net.Conn) { join(c, "DEALER"); pour(c, request, 10<<20) })
}

func (h *hostility) subscriptions() {
	var subscribe []byte
	for n := range 20_000 {
		subscribe = append(subscribe, frame(4, fmt.Sprintf("\x09SUBSCRIBE%d-%s", n, strings.Repeat("s", 200)))...)
	}
	crowd(48, strings.TrimPrefix(h.address("view"), "tcp://"), func(c net.Conn) { join(c, "SUB"); pour(c, subscribe, 1) })
}

func (h *hostility) replies() {
	var reply []byte
	for n := range 20 {
		reply = append(reply, frame(0, fmt.Sprintf(`{"id":"honest-1","source":%q,"lease":"%d-%s","status":"done"}`, source, n, strings.Repeat("l", 1000)))...)
	}
	crowd(48, strings.TrimPrefix(h.top.Replies.Address, "tcp://"), func(c net.Conn) { join(c, "PUSH"); pour(c, reply, 2<<20) })
}
