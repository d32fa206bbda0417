package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// rig is a router process with everything around it that a test needs.
type rig struct {
	*testing.T
	dir      string
	process  *exec.Cmd
	log      *tail
	router   *admin.Client
	top      admin.Top
	producer *producer
	keysFile string // the router's public keys, for consumers
}

// rigConfig has an HTTPS door, one channel of each class and short times.
const rigConfig = `
[data]
dir = "data"
[log]
format = "json"
JOURNAL
[[ingress]]
name = "edge"
listen = "https://127.0.0.1:0"
tls = { cert = "cert.pem", key = "key.pem" }
[replies]
listen = "tcp://127.0.0.1:0"
CURVE
[[auth]]
name = "edge-keys"
kind = "hmac"
keys = "dir:keys"
[[channels]]
name = "commands"
class = "command"
listen = "tcp://127.0.0.1:0"
CURVE
ack_timeout = "ACK"
max_attempts = ATTEMPTS
backoff = { min = "10ms", max = "100ms" }
[[channels]]
name = "telemetry"
class = "telemetry"
listen = "tcp://127.0.0.1:0"
CURVE
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["commands", "telemetry"]
[[routes]]
name = "readings"
type = ["com.example.reading.**"]
channels = ["telemetry"]
`

// rigOptions change the configuration.
type rigOptions struct {
	ack      string                  // "30s"
	attempts int                     // 10
	memory   bool                    // the in-memory outbox
	guests   map[string]curve.Public // CURVE where there are any, with the key in router.curve
}

func newRig(t *testing.T, o rigOptions) *rig {
	t.Helper()
	if o.ack == "" {
		o.ack = "30s"
	}
	if o.attempts == 0 {
		o.attempts = 10
	}
	r := &rig{T: t, dir: shortDir(t), log: new(tail)}
	pool := selfSigned(t, r.dir)
	sealed := ""
	if len(o.guests) > 0 {
		sealed = `curve = { secret = "file:router.curve" }`
		if err := config.WriteSecrets(filepath.Join(r.dir, "router.curve"), []*curve.Secret{curve.NewSecret()}, false); err != nil {
			t.Fatal(err)
		}
	}
	journal := ""
	if o.memory {
		journal = "[journal]\nengine = \"memory\""
	}
	text := strings.NewReplacer("JOURNAL", journal, "ACK", o.ack, "ATTEMPTS", fmt.Sprint(o.attempts), "CURVE", sealed).Replace(rigConfig)
	for name, key := range o.guests {
		text += fmt.Sprintf("[[peers]]\nname = %q\ncurve = %q\nchannels = [\"commands\", \"telemetry\"]\ntopics = [\"com.example.order.\"]\n", name, key)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "headgate.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newKey(filepath.Join(r.dir, "keys"), config.Key{ID: "k1", Principal: "edge", State: "active",
		Sources: []string{"//shop.example/**"}, Types: []string{"com.example.**"}}); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.producer = &producer{to: r.top.Doors[0].Address, retries: 3,
		client: &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}}
	t.Cleanup(r.producer.client.CloseIdleConnections)
	if err := r.producer.useKeyFile(filepath.Join(r.dir, "keys", "k1.toml")); err != nil {
		t.Fatal(err)
	}
	r.keysFile = filepath.Join(r.dir, "keys.json")
	if err := os.WriteFile(r.keysFile, r.top.Keys, 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// shortDir is a temporary directory whose path leaves room for a unix socket.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// headgate is a command that runs this test's binary as headgate.
func (r *rig) headgate(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		r.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{"headgate"}, args...)
	cmd.Dir = r.dir
	return cmd
}

func (r *rig) start() {
	r.Helper()
	r.process = r.headgate("run")
	r.process.Stderr = r.log
	if err := r.process.Start(); err != nil {
		r.Fatal(err)
	}
	process := r.process
	r.Cleanup(func() {
		if process.ProcessState == nil {
			_ = process.Process.Kill()
			_ = process.Wait()
		}
		if r.Failed() {
			r.Logf("router's log:\n%s", r.log)
		}
	})
	r.router = admin.NewClient(datadir.Socket(filepath.Join(r.dir, "data")))
	r.eventually("the router answers", func() bool {
		var err error
		r.top, err = r.router.Top(context.Background())
		return err == nil
	})
}

// stop ends the router by SIGTERM and gives how long it took.
func (r *rig) stop() time.Duration {
	r.Helper()
	began := time.Now()
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
		r.Fatal(err)
	}
	hung := time.AfterFunc(patience, func() { _ = r.process.Process.Signal(syscall.SIGQUIT) }) // its goroutines go to the log
	defer hung.Stop()
	if err := r.process.Wait(); err != nil {
		r.Fatalf("router ended with %v", err)
	}
	return time.Since(began)
}

// eventually polls until ok, for conditions that live in other processes.
func (r *rig) eventually(what string, ok func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("in vain: %s", what)
		}
	}
}

func orderEvent(id string) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"//shop.example/till","type":"com.example.order.created","data":{ "amount": 12.50, "note":"é" }}`, id)
}

// send posts orders and wants each accepted.
func (r *rig) send(ids ...string) {
	r.Helper()
	for _, id := range ids {
		got, err := r.producer.post(context.Background(), "application/cloudevents+json", id, orderEvent(id))
		if err != nil || got.status != http.StatusAccepted {
			r.Fatalf("send %s: %d %s, %v", id, got.status, got.body, err)
		}
	}
}

func (r *rig) event(id string) admin.Event {
	r.Helper()
	e, err := r.router.Event(context.Background(), outbox.Key{Source: "//shop.example/till", ID: id})
	if err != nil {
		r.Fatal(err)
	}
	return e
}

func (r *rig) awaitState(id string, want outbox.State) {
	r.Helper()
	r.eventually(fmt.Sprintf("%s becomes %s", id, want), func() bool { return r.event(id).State == want })
}

func (r *rig) commands() admin.Command {
	r.Helper()
	top, err := r.router.Top(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	return top.Commands[0]
}

func (r *rig) awaitConsumers(n int) {
	r.Helper()
	r.eventually(fmt.Sprintf("%d consumers are connected", n), func() bool { return len(r.commands().Conns) == n })
}

// peer is a consumer process that nobody here wrote the sockets of.
type peer struct {
	cmd   *exec.Cmd
	lines chan peerLine
}

type peerLine struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Attempt int    `json:"attempt"`
	SHA256  string `json:"event_sha256"`
	OK      any    `json:"ok"`
}

// languages are the peers there are.
var languages = []string{"python", "node"}

// peer starts a consumer. Where what it needs is absent the test is skipped,
// unless peers are required.
func (r *rig) peer(language string, args ...string) *peer {
	r.Helper()
	var cmd *exec.Cmd
	switch language {
	case "python":
		requirePeer(r.T, "python3-zmq and python3-cryptography", exec.Command("/usr/bin/python3", "-c", "import zmq, cryptography"))
		cmd = exec.Command("/usr/bin/python3", "testdata/peers/peer.py", "--keys", r.keysFile)
	case "node":
		requirePeer(r.T, "npm zeromq (task peers)", nodeProbe())
		cmd = exec.Command("node", "testdata/peers/peer.mjs", "--keys", r.keysFile)
	}
	cmd.Args = append(cmd.Args, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	p := &peer{cmd: cmd, lines: make(chan peerLine, 10_000)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			var l peerLine
			if err := json.Unmarshal(s.Bytes(), &l); err == nil {
				p.lines <- l
			}
		}
	}()
	r.Cleanup(func() { p.kill(); <-read })
	return p
}

func nodeProbe() *exec.Cmd {
	cmd := exec.Command("node", "--input-type=module", "--eval", "import 'zeromq'; import '@headgate/edge/consumer'")
	cmd.Dir = "../../../examples/consumer-node"
	return cmd
}

func requirePeer(t *testing.T, what string, probe *exec.Cmd) {
	t.Helper()
	if err := probe.Run(); err != nil {
		if os.Getenv("HEADGATE_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s is required here: %v", what, err)
		}
		t.Skipf("%s is absent", what)
	}
}

// kill ends the peer without a word, as a crash does.
func (p *peer) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

func (r *rig) next(p *peer) peerLine {
	r.Helper()
	select {
	case l, open := <-p.lines:
		if !open {
			r.Fatal("the peer ended")
		}
		return l
	case <-time.After(patience):
		r.Fatal("the peer gets nothing")
	}
	panic("unreachable")
}

// tail keeps what a process wrote.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// selfSigned writes cert.pem and key.pem for 127.0.0.1 and returns a pool that trusts them.
func selfSigned(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "headgate test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "cert.pem"), cert, 0o600),
		os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// secretOf gives the secret of a key file, to look for it where it must not be.
func secretOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "whsec_")
	secret := rest[:strings.IndexAny(rest, `'"`)]
	if _, err := webhook.ParseSecret("whsec_" + secret); err != nil {
		t.Fatal(err)
	}
	return secret
}
