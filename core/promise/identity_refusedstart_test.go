package promise_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// refusal is a fault that a router does not start with.
type refusal struct {
	name   string
	good   string                        // its [[auth]]
	broken string                        // the same, with the fault; empty for a fault that is not there
	spoil  func(t *testing.T, r *router) // makes a fault outside of the configuration; nil for none
	mend   func(t *testing.T, r *router) // takes it away
	token  string                        // is accepted without the fault
	says   string                        // a regular expression: what the router ends with
}

// placed is how a sentence on a fault in the configuration begins.
const placed = `headgate\.toml:\d+:\d+: .*`

// refusals are all of them.
func refusals(t *testing.T, p impostor, good *jwkstest.Issuer) []refusal {
	t.Helper()
	own := p.auth(t, "own", "")
	var list []refusal
	add := func(name, says string) *refusal {
		list = append(list, refusal{name: name, good: own.String(), token: p.token(own.issuers[0]), says: says})
		return &list[len(list)-1]
	}
	replaced := func(name, what, by, says string) {
		c := add(name, placed+says)
		if c.broken = regexp.MustCompile(what).ReplaceAllLiteralString(c.good, by); c.broken == c.good {
			t.Fatalf("%s: no %s in %s", name, what, c.good)
		}
	}
	replaced("another hash", `sha256 = "[0-9a-f]+"`, `sha256 = "`+strings.Repeat("0", 64)+`"`, "plugin file differs from its sha256")
	replaced("no hash", `sha256 = "[0-9a-f]+"`, "", "is required with path")
	replaced("plugin not there", `path = ".*"`, `path = "no-such-plugin"`, "no such file")
	replaced("plugin a directory", `path = ".*"`, `path = "keys"`, "is a directory|no regular file|not a regular file")
	replaced("plugin no program", `path = ".*"\nsha256 = ".*"`, noProgram(t), "exec format error")
	replaced("later protocol", `path = `, "env = { IMPOSTOR = \"tomorrow\" }\npath = ", "the plugin speaks version 2, this router version 1")
	replaced("another name", `plugin = "impostor"`, `plugin = "lamb"`, `it calls itself "impostor"`)
	replaced("another kind", `path = `, "kind = \"lamb\"\npath = ", `has no provider "lamb"`)
	replaced("configuration refused", `keys = `, "fault = \"refuses\"\nkeys = ", "this one is refused")
	replaced("configuration unknown", `keys = `, "tooth = 3\nkeys = ", "tooth")
	replaced("alg none", `algs = .*`, `algs = ["none"]`, "none")
	replaced("no audience", `audiences = .*`, `audiences = []`, "audiences: is required")

	// Terms of the shipped providers.
	issuers := newFaults(t, good).auth
	ca := func(name, config, says string) *refusal {
		c := add(name, placed+`ca_file: `+says)
		broken := *issuers
		broken.config = config
		c.good, c.broken, c.token = issuers.String(), broken.String(), access(good)
		return c
	}
	dir := t.TempDir()
	ca("certificates not there", fmt.Sprintf("ca_file = %q", filepath.Join(dir, "none.pem")), "cannot be read: .*no such file")
	ca("certificates a directory", fmt.Sprintf("ca_file = %q", dir), "cannot be read: .*is a directory")
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ca("certificates empty", fmt.Sprintf("ca_file = %q", empty), ".* has no certificate in PEM")
	if os.Geteuid() != 0 { // root may read everything
		path := filepath.Join(dir, "closed.pem")
		if err := os.WriteFile(path, nil, 0); err != nil {
			t.Fatal(err)
		}
		ca("certificates unreadable", fmt.Sprintf("ca_file = %q", path), "cannot be read: .*permission denied")
	}

	// Permissions of the router's own.
	spoilt := func(name, says string, spoil, mend func(r *router) error) {
		c := add(name, says)
		do := func(what func(r *router) error) func(*testing.T, *router) {
			return func(t *testing.T, r *router) {
				t.Helper()
				if err := what(r); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.spoil, c.mend = do(spoil), do(mend)
	}
	in := func(name string) func(r *router) string {
		return func(r *router) string { return filepath.Join(r.dir, name) }
	}
	data, keys, key := in("data"), in("keys"), in("keys/"+keyID+".toml")
	spoilt("data a file", "data directory", func(r *router) error { return os.WriteFile(data(r), nil, 0o600) }, func(r *router) error { return os.Remove(data(r)) })
	spoilt("data open to others", "others may enter it: chmod 700 it", func(r *router) error { return os.Mkdir(data(r), 0o755) }, func(r *router) error { return os.Chmod(data(r), 0o700) })
	spoilt("sockets nowhere to be", "directory for the sockets of plugins: ",
		func(r *router) error { return errors.Join(os.Remove(r.temp()), os.WriteFile(r.temp(), nil, 0o600)) },
		func(r *router) error { return errors.Join(os.Remove(r.temp()), os.Mkdir(r.temp(), 0o700)) })
	spoilt("sockets no link", "is no link of a router's: move it away",
		func(r *router) error { return os.MkdirAll(filepath.Join(data(r), "plugin-sockets"), 0o700) },
		func(r *router) error { return os.Remove(filepath.Join(data(r), "plugin-sockets")) })
	spoilt("key open to group", "file is open to group or others, mode 0640: run chmod 600 on it",
		func(r *router) error { return os.Chmod(key(r), 0o640) }, func(r *router) error { return os.Chmod(key(r), 0o600) })
	spoilt("keys not there", placed+"keys: .*no such file",
		func(r *router) error { return os.Rename(keys(r), keys(r)+".away") }, func(r *router) error { return os.Rename(keys(r)+".away", keys(r)) })
	return list
}

// noProgram is a plugin's file with the hash that it should have, which nobody can
// execute.
func noProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte("text\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("path = %q\nsha256 = \"%x\"", path, sha256.Sum256([]byte("text\n")))
}

// check has the router refuse the start and take nothing meanwhile. Once the fault
// is mended it starts, has nothing of before, and takes the same token.
func (c *refusal) check(t *testing.T) {
	config := c.good
	if c.broken != "" {
		config = c.broken
	}
	r := unstarted(t, identityRoutes+config)
	if c.spoil != nil {
		c.spoil(t, r)
	}
	err := r.ends(c.token)
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	if out := r.log.String(); !regexp.MustCompile(c.says).MatchString(out) {
		t.Errorf("no %q in:\n%s", c.says, out)
	}
	if c.mend != nil {
		c.mend(t, r)
	}
	r.rewrite(func(text string) string { return strings.Replace(text, config, c.good, 1) })
	r.start()
	if left := r.events(); len(left) > 0 {
		t.Errorf("ACCEPTED: %v", left)
	}
	l := newLedger(t)
	r.trusts(c.token)
	r.taken(l, c.token, "mended")
	r.sent(l, "key", note("key"))
	l.balance(r, never)
}

// ends runs the router until it ends by itself, and knocks at its doors as long.
func (r *router) ends(token string) (err error) {
	r.Helper()
	r.launch()
	defer r.knock(token)()
	process := r.process.Process
	hung := time.AfterFunc(patience, func() { _ = process.Kill() })
	defer hung.Stop()
	ended := make(chan error, 1)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	waiting.Go(func() { ended <- r.process.Wait() })
	for {
		select {
		case err := <-ended:
			return err
		case <-time.After(5 * time.Millisecond):
			r.refusesToAnswer(token)
			if r.Failed() {
				_ = process.Kill()
			}
		}
	}
}

// unstarted is newRouter without a start: its doors are where its configuration
// says.
func unstarted(t *testing.T, more string) *router {
	t.Helper()
	dir, err := os.MkdirTemp("", "hg") // short, for the path of a unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &router{T: t, dir: dir, log: new(tail), ask: admin.NewClient(datadir.Socket(filepath.Join(dir, "data")))}
	signer := configure(t, dir, more)
	text, err := os.ReadFile(filepath.Join(dir, "headgate.toml"))
	if err == nil {
		err = os.MkdirAll(r.temp(), 0o700)
	}
	doors := regexp.MustCompile(`(?s)listen = "(http:[^"]+)".*name = "direct"\nlisten = "(tcp:[^"]+)"`).FindSubmatch(text)
	if err != nil || doors == nil {
		t.Fatalf("no doors in %s, %v", text, err)
	}
	r.top.Doors = []admin.Door{{Address: string(doors[1])}, {Address: string(doors[2])}}
	r.edge = newEdge(t, r.top.Doors[0].Address, signer)
	t.Cleanup(func() {
		if r.process != nil {
			r.kill()
		}
		if t.Failed() {
			t.Logf("router's log, the end of it:\n%s", r.log.last(60))
		}
	})
	return r
}

// refusesToAnswer posts an event with a token to a router that need not be there.
func (r *router) refusesToAnswer(token string) {
	r.Helper()
	if a, err := r.edge.bear(r.Context(), token, note("closed")); err == nil && a.HTTP/100 == 2 && !r.Failed() {
		r.Errorf("ACCEPTED: %s", a.Body)
	}
}

// knock sends an event with a token to the ingress "direct", wherever it is. What
// it gives ends that, after which no answer can come.
func (r *router) knock(token string) (end func()) {
	r.Helper()
	socket := zmq.NewDealer(zmq.Options{})
	if err := socket.Connect(r.top.Doors[1].Address); err != nil {
		r.Fatal(err)
	}
	headers := text(r.T, map[string]string{"content-type": "application/cloudevents+json", "authorization": "Bearer " + token})
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() {
		if err := socket.Run(ctx); err != nil {
			r.Errorf("dealer: %v", err)
		}
	})
	going.Go(func() {
		if socket.Send(ctx, zmq.Frames{[]byte("1"), []byte(headers), note("closed")}) != nil {
			return
		}
		if got, err := socket.Recv(ctx); err == nil && !strings.Contains(string(got.Frames[1]), `"code"`) { // what every refusal has
			r.Errorf("ACCEPTED: %s", got.Frames[1])
		}
	})
	end = func() { cancel(); going.Wait() }
	r.Cleanup(end)
	return end
}
