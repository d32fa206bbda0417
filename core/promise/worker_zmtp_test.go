package promise_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// probe is a Worker that sends by ZeroMQ what it is asked to: test/probe.ts of
// the example.
type probe struct{ *worker }

// probe starts one that trusts certificates signed by those that it is given.
func (s *workerStage) probe(trusted string) probe {
	s.Helper()
	dir := s.TempDir()
	bundle(s.T, filepath.Join(exampleWorker, "test/probe.ts"), filepath.Join(dir, "worker.mjs"))
	p := probe{&worker{T: s.T, url: "http://" + freeAddress(s.T), config: filepath.Join(dir, "config.capnp"), log: new(tail)}}
	var bindings []string
	texts := s.with("SOURCE", clientSource+"probe")
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		bindings = append(bindings, fmt.Sprintf("(name = %q, text = %q)", name, texts[name]))
	}
	config := fmt.Sprintf(`using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "internet", network = (allow = ["private"], tlsOptions = (trustedCertificates = [%s])))],
  sockets = [(name = "http", address = %q, http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.mjs")],
  compatibilityDate = "2026-04-01",
  bindings = [%s],
);
`, trusted, host(p.url), strings.Join(bindings, ", "))
	if err := errors.Join(os.WriteFile(p.config, []byte(config), 0o600), os.WriteFile(filepath.Join(dir, "cert.pem"), s.certificate, 0o600)); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		p.kill()
		if s.Failed() {
			s.Logf("the probe's log, the end of it:\n%s", p.log.last(20))
		}
	})
	p.start()
	return p
}

// send has events sent, by pairs of the query, and gives how often each thing
// became of one.
func (p probe) send(pairs ...string) (counts map[string]int) {
	p.Helper()
	query := make(url.Values)
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(p.url + "/?" + query.Encode())
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(body, &counts)
	}
	if err != nil {
		p.Fatalf("the probe says %s %s: %v", resp.Status, body, err)
	}
	return counts
}

// peer listens and does with each connection what is said, until the test ends.
func peer(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	var going sync.WaitGroup
	going.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			going.Go(func() { serve(c); _ = c.Close() })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		going.Wait()
	})
	return "tcp://" + l.Addr().String()
}

// A Worker's events come through by ZeroMQ, each acknowledged, and every way that
// this can fail has an end and a name, after which a sender may try again.
func TestWorkerSpeaksZeroMQ(t *testing.T) {
	s := newWorkerStage(t, "http://127.0.0.1:1")
	p := s.probe(`embed "cert.pem"`)
	door := s.top.Doors[1].Address
	want := func(what string, got map[string]int, name string, n int) {
		t.Helper()
		if len(got) != 1 || got[name] != n {
			t.Errorf("%s: %v, want %d %s", what, got, n, name)
		}
	}

	const many = 1000
	want("over one connection", p.send("to", door, "id", "together", "together", "1", "events", fmt.Sprint(many)), "accepted", many)
	want("the same again", p.send("to", door, "id", "together", "together", "1", "events", fmt.Sprint(many)), "duplicate", many)
	want("each over its own", p.send("to", door, "id", "alone", "events", "20"), "accepted", 20)
	want("large ones", p.send("to", door, "id", "large", "events", "3", "bytes", "900000"), "accepted", 3)
	events := s.events()
	for i := range many {
		if _, there := events[fmt.Sprintf("together-%d", i)]; !there {
			t.Fatalf("LOST: together-%d was accepted and is not there", i)
		}
	}

	sealed := strings.Replace(s.top.Doors[2].Address, "tcp:", "tls:", 1)
	want("in TLS", p.send("to", sealed, "id", "sealed", "together", "1", "events", "100"), "accepted", 100)
	want("to a router that nobody vouches for", s.probe("").send("to", sealed), "unreachable", 1)

	closed := freeAddress(t)
	want("nobody is there", p.send("to", "tcp://"+closed), "unreachable", 1)
	hung := peer(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	for _, together := range []string{"", "1"} {
		want("a peer that says nothing", p.send("to", hung, "timeout", "300", "together", together), "timeout", 1)
	}
	for what, serve := range map[string]func(net.Conn){
		"a peer that closes at once":       func(net.Conn) {},
		"a peer that closes in the middle": func(c net.Conn) { _, _ = c.Write([]byte{0xff, 0, 0, 0}) },
	} {
		want(what, p.send("to", peer(t, serve)), "closed", 1)
	}
	web := peer(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	want("a peer that speaks HTTP", p.send("to", web), "protocol", 1)
	want("an answer that is too large", p.send("to", door, "id", "answer", "answer", "16"), "too_large", 1)
	if got := p.send("to", door, "id", "oversize", "bytes", fmt.Sprint(9<<20)); got["closed"]+got["too_large, final"] != 1 {
		t.Errorf("an event that is too large: %v", got)
	}
	want("a socket of another type, which says so", p.send("to", s.top.Replies.Address), "wrong_socket_type", 1)
	want("after all that", p.send("to", door, "id", "after", "events", "1"), "accepted", 1)
}

// The sockets of libzmq itself end a Worker's requests just so.
func TestWorkerMeetsLibzmq(t *testing.T) {
	const python = "/usr/bin/python3"
	requireHere(t, "python3-zmq", exec.Command(python, "-c", "import zmq").Run())
	s := newWorkerStage(t, "http://127.0.0.1:1")
	p := s.probe("")
	for kind, want := range map[string]string{"PULL": "wrong_socket_type", "SUB": "wrong_socket_type", "ROUTER": "timeout"} {
		cmd := exec.Command(python, "-c", `
import sys, zmq
s = zmq.Context().socket(getattr(zmq, sys.argv[1]))
print(f"tcp://127.0.0.1:{s.bind_to_random_port('tcp://127.0.0.1')}", flush=True)
sys.stdin.read()`, kind)
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
		t.Cleanup(func() { _ = in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
		lines := bufio.NewScanner(out)
		if !lines.Scan() {
			t.Fatalf("no %s: %v", kind, lines.Err())
		}
		if got := p.send("to", lines.Text(), "timeout", "1000"); len(got) != 1 || got[want] != 1 {
			t.Errorf("%s: %v, want %s", kind, got, want)
		}
	}
}
