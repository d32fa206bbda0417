package promise_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// router is the binary as a process, with its configuration and its data.
type router struct {
	*testing.T
	dir     string
	process *exec.Cmd
	env     []string   // beyond the test's own, from the next start on
	leak    []*os.File // descriptors that the next start inherits by mistake
	log     *tail
	ask     *admin.Client
	top     admin.Top // as the last start found it
	keys    delivery.Keys
	edge    *edge
}

// baseConfig is what every test's configuration begins with.
const baseConfig = `
[data]
dir = "data"
[log]
format = "json"
[[ingress]]
name = "edge"
listen = "http://127.0.0.1:0"
[replies]
listen = "tcp://127.0.0.1:0"
[[auth]]
name = "edge-keys"
kind = "hmac"
keys = "dir:keys"
`

const (
	keyID  = "k1"
	source = "//shop.example/till"
)

// newRouter starts a router with baseConfig and more. Every port 0 becomes a
// port that is free now and stays the same over restarts.
func newRouter(t *testing.T, more string) *router {
	t.Helper()
	dir, err := os.MkdirTemp("", "hg") // short, for the path of a unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return newRouterIn(t, dir, more)
}

// newRouterIn is newRouter in a directory that is there.
func newRouterIn(t *testing.T, dir, more string) *router {
	t.Helper()
	r := &router{T: t, dir: dir, log: new(tail), ask: admin.NewClient(datadir.Socket(filepath.Join(dir, "data")))}
	signer := configure(t, dir, more)
	if err := os.MkdirAll(r.temp(), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			t.Logf("router's log, the end of it:\n%s", r.log.last(60))
		}
	})
	r.start()
	r.edge = newEdge(t, r.top.Doors[0].Address, signer)
	if err := json.Unmarshal(r.top.Keys, &r.keys); err != nil {
		t.Fatal(err)
	}
	return r
}

// configure writes into dir what a router needs to start, and gives what signs
// as its edge.
func configure(t *testing.T, dir, more string) *webhook.Signer {
	t.Helper()
	text := baseConfig + more
	if !strings.Contains(text, "[journal]") {
		text += "[journal]\nengine = \"embedded\"\n"
	}
	const anyPort = "127.0.0.1:0"
	for strings.Contains(text, anyPort) {
		if at := freeAddress(t); !strings.Contains(text, at) {
			text = strings.Replace(text, anyPort, at, 1)
		}
	}
	secret := webhook.NewSecret()
	signer, err := webhook.NewHMACSigner(secret)
	err = errors.Join(err,
		os.WriteFile(filepath.Join(dir, "headgate.toml"), []byte(text), 0o600),
		config.WriteKey(filepath.Join(dir, "keys"), config.Key{ID: keyID, Principal: "edge", State: "active",
			Sources: []string{"//shop.example/**"}, Types: []string{"com.example.**"}}, webhook.FormatSecret(secret)))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// start runs the binary until it answers.
func (r *router) start() {
	r.Helper()
	r.launch()
	r.eventually("the router answers", func() bool {
		var err error
		r.top, err = r.ask.Top(context.Background())
		return err == nil
	})
}

func (r *router) launch() {
	r.Helper()
	r.process = exec.Command(*binary, "run")
	r.process.Dir = r.dir
	r.process.Env = append(os.Environ(), append(r.env, "TMPDIR="+r.temp())...)
	r.process.ExtraFiles = r.leak
	r.process.Stderr = r.log
	if err := r.process.Start(); err != nil {
		r.Fatal(err)
	}
}

// temp is where the process has its temporary files.
func (r *router) temp() string { return filepath.Join(r.dir, "tmp") }

// kill ends the process without a word, as a crash does. Page cache and disk
// stay: what a power cut takes as well is shown by traces of fdatasync.
func (r *router) kill() {
	if r.process.ProcessState == nil {
		_ = r.process.Process.Kill()
		_ = r.process.Wait()
	}
}

// crash kills the process and starts it again.
func (r *router) crash() {
	r.Helper()
	r.kill()
	r.start()
}

// stop ends the process by SIGTERM and waits for it.
func (r *router) stop() {
	r.Helper()
	r.terminate()
	r.ended()
}

func (r *router) terminate() {
	r.Helper()
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
		r.Fatal(err)
	}
}

// ended waits for a process that was told to end.
func (r *router) ended() {
	r.Helper()
	process := r.process.Process
	hung := time.AfterFunc(patience, func() { _ = process.Signal(syscall.SIGQUIT) }) // its goroutines go to the log
	defer hung.Stop()
	if err := r.process.Wait(); err != nil {
		r.Fatalf("the router ended with %v", err)
	}
}

func (r *router) eventually(what string, ok func() bool) {
	r.Helper()
	eventually(r.T, what, ok)
}

// now asks for the router's state.
func (r *router) now() admin.Top {
	r.Helper()
	top, err := r.ask.Top(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	return top
}

// channel gives one command channel's state.
func (r *router) channel(name string) admin.Command {
	r.Helper()
	for _, c := range r.now().Commands {
		if c.Name == name {
			return c
		}
	}
	r.Fatalf("no channel %s", name)
	panic("unreachable")
}

// address is where a channel is.
func (r *router) address(channel string) string {
	for _, c := range r.top.Commands {
		if c.Name == channel {
			return c.Address
		}
	}
	for _, c := range r.top.Telemetry {
		if c.Name == channel {
			return c.Address
		}
	}
	r.Fatalf("no channel %s", channel)
	panic("unreachable")
}

// drained waits until nothing is pending on any channel.
func (r *router) drained() {
	r.Helper()
	r.eventually("nothing is pending", func() bool {
		for _, c := range r.now().Commands {
			if c.Pending > 0 {
				return false
			}
		}
		return true
	})
}

// event asks for one event.
func (r *router) event(id string) admin.Event {
	r.Helper()
	e, err := r.ask.Event(context.Background(), outbox.Key{Source: source, ID: id})
	if err != nil {
		r.Fatal(err)
	}
	return e
}

// events lists all that the router knows, by id.
func (r *router) events() map[string]admin.Event {
	r.Helper()
	all := make(map[string]admin.Event)
	for after := uint64(0); ; {
		page, err := r.ask.Events(context.Background(), outbox.Filter{After: after, Limit: 1000})
		if err != nil {
			r.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		for _, e := range page {
			if _, twice := all[e.ID]; twice {
				r.Errorf("%s is there twice", e.ID)
			}
			all[e.ID] = e
		}
		after = page[len(page)-1].Seq
	}
}

// act is an operator's deed on one event of a channel.
func (r *router) act(verb admin.Verb, channel, id string) error {
	_, err := r.ask.Act(context.Background(), admin.Act{Verb: verb, Channel: channel, Why: "test", Events: []admin.Pick{{Key: outbox.Key{Source: source, ID: id}}}})
	return err
}

// rssAnon is the process's anonymous memory in bytes (proc_pid_status(5)).
func (r *router) rssAnon() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.process.Process.Pid))
	requireHere(r.T, "/proc", err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				r.Fatal(err)
			}
			return kib << 10
		}
	}
	r.Fatal("status has no RssAnon")
	panic("unreachable")
}

// Ports below the system's ephemeral ones: no dial takes one of them by chance
// while its router is away.
const lowestPort, highestPort = 10_000, 32_000

func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", lowestPort+rand.IntN(highestPort-lowestPort))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	panic("unreachable")
}

// tail keeps what a process wrote.
type tail struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// last gives the last lines.
func (t *tail) last(n int) string {
	var lines []string
	for s := bufio.NewScanner(strings.NewReader(t.String())); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return strings.Join(lines[max(len(lines)-n, 0):], "\n")
}
