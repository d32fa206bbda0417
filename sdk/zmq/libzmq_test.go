package zmq_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// libzmq is a socket of another make in another process: testdata/peer.py.
type libzmq struct {
	t        *testing.T
	endpoint string
	in       io.WriteCloser
	messages chan string

	mu     sync.Mutex
	events []string
}

// requirePeers is set where every peer must be there, as in CI.
const requirePeers = "HEADGATE_REQUIRE_PEERS"

func startLibzmq(t *testing.T, args ...string) *libzmq {
	t.Helper()
	python := findPython(t)
	cmd := exec.Command(python, append([]string{filepath.Join("testdata", "peer.py")}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	z := &libzmq{t: t, in: in, messages: make(chan string, 10_000)}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<24)
	if !lines.Scan() {
		t.Fatal("the libzmq peer does not start")
	}
	z.endpoint = strings.TrimPrefix(lines.Text(), "ready ")
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines.Scan() {
			kind, rest, _ := strings.Cut(lines.Text(), " ")
			if kind == "msg" {
				z.messages <- rest
				continue
			}
			z.mu.Lock()
			z.events = append(z.events, rest)
			z.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = in.Close() // may have been closed by the test
		<-read
		if err := cmd.Wait(); err != nil {
			t.Errorf("libzmq peer: %v", err)
		}
	})
	return z
}

func findPython(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import zmq").Run() == nil {
			return python
		}
	}
	if os.Getenv(requirePeers) != "" {
		t.Fatalf("%s is set and no python3 has the zmq module; install python3-zmq", requirePeers)
	}
	t.Skip("no python3 with the zmq module; install python3-zmq to test against libzmq")
	return ""
}

func (z *libzmq) send(frames zmq.Frames) {
	z.t.Helper()
	words := make([]string, len(frames))
	for i, f := range frames {
		words[i] = hex.EncodeToString(f)
		if len(f) == 0 {
			words[i] = "-"
		}
	}
	if _, err := fmt.Fprintln(z.in, strings.Join(words, " ")); err != nil {
		z.t.Fatal(err)
	}
}

func (z *libzmq) recv() zmq.Frames {
	z.t.Helper()
	select {
	case line := <-z.messages:
		var frames zmq.Frames
		for word := range strings.FieldsSeq(line) {
			f, err := hex.DecodeString(strings.Trim(word, "-"))
			if err != nil {
				z.t.Fatal(err)
			}
			frames = append(frames, f)
		}
		return frames
	case <-time.After(patience):
		z.t.Fatal("libzmq received nothing")
		return nil
	}
}

func (z *libzmq) count(event string) int {
	z.mu.Lock()
	defer z.mu.Unlock()
	n := 0
	for _, e := range z.events {
		if e == event {
			n++
		}
	}
	return n
}

// samples have frames of the sizes where framing changes.
func samples() []zmq.Frames {
	var all []zmq.Frames
	for i, n := range []int{0, 1, 255, 256, 65536, 1 << 20} {
		all = append(all, zmq.Frames{fmt.Append(nil, "t", i), make([]byte, n), nil, []byte("end")})
	}
	return all
}

type ours interface {
	Listen(string) (string, error)
	Connect(string) error
}

// meet starts a libzmq peer and joins it with s, one binding, the other
// connecting.
func meet(t *testing.T, s ours, how, kind string, args ...string) *libzmq {
	t.Helper()
	if how == "connect" {
		return startLibzmq(t, append([]string{kind, "connect", listen(t, s)}, args...)...)
	}
	z := startLibzmq(t, append([]string{kind, "bind", "tcp://127.0.0.1:*"}, args...)...)
	connect(t, s, z.endpoint)
	return z
}

func eachWay(t *testing.T, f func(t *testing.T, how string)) {
	for _, how := range []string{"bind", "connect"} {
		t.Run("libzmq "+how+"s", func(t *testing.T) { f(t, how) })
	}
}

func TestPushToLibzmq(t *testing.T) {
	eachWay(t, func(t *testing.T, how string) {
		push := zmq.NewPush(zmq.Options{})
		z := meet(t, push, how, "PULL")
		run(t, push)
		for _, want := range samples() {
			if err := push.Send(soon(t), want); err != nil {
				t.Fatal(err)
			}
			if got := z.recv(); text(got) != text(want) {
				t.Fatalf("want %.80s, got %.80s", text(want), text(got))
			}
		}
		if f := push.Peers()[0].Facts(); f.Minor != 1 || f.SocketType != "PULL" {
			t.Errorf("%+v", f)
		}
	})
}

func TestPullFromLibzmq(t *testing.T) {
	eachWay(t, func(t *testing.T, how string) {
		pull := zmq.NewPull(zmq.Options{})
		z := meet(t, pull, how, "PUSH")
		run(t, pull)
		for _, want := range samples() {
			z.send(want)
			got, err := pull.Recv(soon(t))
			if err != nil || text(got.Frames) != text(want) {
				t.Fatalf("want %.80s, got %.80s, %v", text(want), text(got.Frames), err)
			}
		}
	})
}

func TestPubToLibzmq(t *testing.T) {
	eachWay(t, func(t *testing.T, how string) {
		pub := zmq.NewPub(zmq.Options{})
		z := meet(t, pub, how, "SUB", "--subscribe", "t", "--subscribe", "t", "--subscribe", "order.")
		run(t, pub)
		// The last subscription that libzmq sends is known once it matches.
		await(t, "both subscriptions", func() bool {
			if pub.Stats().Peers == 0 {
				return false
			}
			before := pub.Stats().Matched
			if err := pub.Send(message("order.0")); err != nil {
				t.Fatal(err)
			}
			if err := pub.Send(message("t-first")); err != nil {
				t.Fatal(err)
			}
			return pub.Stats().Matched == before+2
		})
		for string(z.recv()[0]) != "t-first" {
		}
		for _, want := range samples() {
			if err := pub.Send(message("other")); err != nil {
				t.Fatal(err)
			}
			if err := pub.Send(want); err != nil {
				t.Fatal(err)
			}
			got := z.recv()
			for len(got) == 1 { // what the awaiting above left
				got = z.recv()
			}
			if text(got) != text(want) {
				t.Fatalf("want %.80s, got %.80s", text(want), text(got))
			}
		}
		balanced(t, pub.Stats().Counts)
	})
}

func TestSubFromLibzmq(t *testing.T) {
	eachWay(t, func(t *testing.T, how string) {
		sub := zmq.NewSub(zmq.Options{})
		sub.Subscribe("t")
		z := meet(t, sub, how, "PUB")
		run(t, sub)
		// A publisher drops what it sends before it has read the subscription.
		got := make(chan string, 1)
		go func() {
			r, err := sub.Recv(soon(t))
			got <- fmt.Sprint(text(r.Frames), err)
		}()
		await(t, "the subscription", func() bool {
			z.send(message("t-first"))
			time.Sleep(10 * time.Millisecond)
			return len(got) > 0
		})
		for _, want := range samples() {
			z.send(message("other"))
			z.send(want)
			r, err := sub.Recv(soon(t))
			for err == nil && len(r.Frames) == 1 {
				if string(r.Frames[0]) != "t-first" {
					t.Fatalf("got %q", r.Frames[0])
				}
				r, err = sub.Recv(soon(t))
			}
			if err != nil || text(r.Frames) != text(want) {
				t.Fatalf("want %.80s, got %.80s, %v", text(want), text(r.Frames), err)
			}
		}
	})
}

// A libzmq peer with heartbeats stays, idle for more than ten of its
// intervals, whether it sends or receives, and whether or not Recv is called.
func TestLibzmqHeartbeats(t *testing.T) {
	beat := zmq.Options{Heartbeat: zmq.Heartbeat{Interval: 50 * time.Millisecond, Timeout: time.Second}, Queue: 1}
	for kind, s := range map[string]ours{
		"PULL": zmq.NewPush(beat),
		"PUSH": zmq.NewPull(beat),
		"SUB":  zmq.NewPub(beat),
		"PUB":  zmq.NewSub(beat),
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			z := meet(t, s, "connect", kind, "--heartbeat", "100")
			run(t, s.(runner))
			await(t, "the handshake", func() bool { return z.count("HANDSHAKE_SUCCEEDED") > 0 })
			if kind == "PUSH" {
				for range 20 { // more than the queue takes: the reader waits
					z.send(message("unread"))
				}
			}
			start := time.Now()
			await(t, "ten heartbeats", func() bool { return time.Since(start) > 1200*time.Millisecond })
			if n := z.count("DISCONNECTED"); n > 0 {
				t.Errorf("disconnected %d times", n)
			}
		})
	}
}
