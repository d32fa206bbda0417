package zmq_test

import (
	"bufio"
	"encoding/hex"
	"errors"
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

// unread is how many messages a libsocket keeps for recv: more than a test
// leaves unread. Beyond, the peer waits with all its sockets.
const unread = 4096

// libpeer is a process with sockets of libzmq: a program of testdata/peers,
// whose README has the lines that drive it.
type libpeer struct {
	ended chan struct{} // its output has

	writing sync.Mutex // one line at a time
	in      io.WriteCloser

	mu      sync.Mutex
	sockets map[string]*libsocket
}

// libsocket is one socket of a libpeer.
type libsocket struct {
	peer     *libpeer
	name     string
	bound    chan string
	messages chan string

	mu     sync.Mutex
	events map[string]int
}

var (
	errPeerEnded  = errors.New("the peer has ended")
	errPeerSilent = errors.New("nothing comes from the peer")
)

// libpeerCommand builds the program for one binding. The error tells what is
// absent on this machine.
func libpeerCommand(t *testing.T, binding string) (*exec.Cmd, error) {
	t.Helper()
	dir := filepath.Join("testdata", "peers")
	switch binding {
	case "python":
		python := "/usr/bin/python3"
		if exec.Command(python, "-c", "import zmq").Run() != nil {
			return nil, errors.New("python3-zmq is absent")
		}
		return exec.Command(python, filepath.Join(dir, "peer.py")), nil
	case "node":
		probe := exec.Command("node", "-e", "require('zeromq')")
		probe.Dir = filepath.Join("..", "..", "examples", "consumer-node")
		if probe.Run() != nil {
			return nil, errors.New("npm zeromq is absent (task peers)")
		}
		return exec.Command("node", filepath.Join(dir, "peer.mjs")), nil
	}
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "libzmq").Output()
	if err != nil {
		return nil, errors.New("libzmq3-dev or pkg-config is absent")
	}
	if _, err := exec.LookPath("cc"); err != nil {
		return nil, errors.New("cc is absent")
	}
	program := filepath.Join(t.TempDir(), "peer")
	compile := exec.Command("cc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, filepath.Join(dir, "peer.c"))
	compile.Args = append(compile.Args, strings.Fields(string(flags))...)
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("peer.c: %v\n%s", err, out)
	}
	return exec.Command(program), nil
}

// startLibpeer runs cmd until the test ends.
func startLibpeer(t *testing.T, cmd *exec.Cmd) *libpeer {
	t.Helper()
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
	p := &libpeer{in: in, ended: make(chan struct{}), sockets: make(map[string]*libsocket)}
	go p.read(out)
	t.Cleanup(func() {
		_ = in.Close() // that is what ends it
		select {
		case <-p.ended:
		case <-time.After(patience):
			t.Errorf("%s does not end", cmd)
			_ = cmd.Process.Kill()
			<-p.ended
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", cmd, err)
		}
	})
	return p
}

// read hands its lines to the sockets.
func (p *libpeer) read(out io.Reader) {
	defer close(p.ended)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		name, rest, _ := strings.Cut(rest, " ")
		p.mu.Lock()
		s := p.sockets[name]
		p.mu.Unlock()
		switch kind {
		case "ready":
			s.bound <- rest
		case "msg":
			s.messages <- rest
		case "event":
			s.mu.Lock()
			s.events[rest]++
			s.mu.Unlock()
		}
	}
}

func (p *libpeer) order(words ...string) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err := io.WriteString(p.in, strings.Join(words, " ")+"\n")
	return err
}

// open makes a socket and returns it with its endpoint.
func (p *libpeer) open(o opening) (foreign, string, error) {
	s := &libsocket{
		peer:     p,
		bound:    make(chan string, 1),
		messages: make(chan string, unread),
		events:   make(map[string]int),
	}
	p.mu.Lock()
	s.name = fmt.Sprint(o.kind, len(p.sockets))
	p.sockets[s.name] = s
	p.mu.Unlock()
	if err := p.order(append([]string{"open", s.name, o.kind, o.how, o.endpoint}, o.keys()...)...); err != nil {
		return nil, "", err
	}
	bound, err := reply(p, s.bound)
	return s, bound, err
}

func (o opening) keys() []string {
	var keys []string
	for _, prefix := range o.topics {
		keys = append(keys, "subscribe="+hexWord([]byte(prefix)))
	}
	if o.identity != "" {
		keys = append(keys, "identity="+hexWord([]byte(o.identity)))
	}
	if o.heartbeat > 0 {
		keys = append(keys, fmt.Sprint("heartbeat=", o.heartbeat.Milliseconds()))
	}
	switch {
	case o.secret == nil:
	case o.how == "bind":
		keys = append(keys, "server="+o.secret.Reveal())
	default:
		keys = append(keys, fmt.Sprintf("client=%s,%s,%s", o.secret.Public(), o.secret.Reveal(), o.server))
	}
	return keys
}

// reply takes what comes from p.
func reply(p *libpeer, from <-chan string) (string, error) {
	select {
	case line := <-from:
		return line, nil
	case <-p.ended:
		return "", errPeerEnded
	case <-time.After(patience):
		return "", errPeerSilent
	}
}

func (s *libsocket) send(frames zmq.Frames) error {
	words := []string{"send", s.name}
	for _, f := range frames {
		words = append(words, hexWord(f))
	}
	return s.peer.order(words...)
}

func (s *libsocket) recv() (zmq.Frames, error) {
	line, err := reply(s.peer, s.messages)
	if err != nil {
		return nil, err
	}
	var frames zmq.Frames
	for word := range strings.SplitSeq(line, " ") {
		f, err := hex.DecodeString(strings.TrimPrefix(word, "-"))
		if err != nil {
			return nil, err
		}
		frames = append(frames, f)
	}
	return frames, nil
}

func (s *libsocket) subscribe(prefix string) error {
	return s.peer.order("subscribe", s.name, hexWord([]byte(prefix)))
}

func (s *libsocket) cancel(prefix string) error {
	return s.peer.order("cancel", s.name, hexWord([]byte(prefix)))
}

func (s *libsocket) close() error { return s.peer.order("close", s.name) }

func (s *libsocket) ready() bool { return s.count("HANDSHAKE_SUCCEEDED") > 0 }

// count tells how often its monitor told of event.
func (s *libsocket) count(event string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[event]
}

// hexWord is how a line writes bytes.
func hexWord(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return hex.EncodeToString(b)
}
