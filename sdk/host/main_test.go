package host_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

var kills = flag.Int("kills", 10, "how often the router is killed in TestPluginDiesWithRouter")

// TestMain is also every process that the tests start: child MODE.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		child(os.Args[2], os.Args[3:])
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// lines collects a plugin's log.
type lines struct {
	mu   sync.Mutex
	list []host.Line
}

func (l *lines) add(x host.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, x)
}

func (l *lines) all() []host.Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]host.Line{}, l.list...)
}

// await waits for a line that fits.
func (l *lines) await(t *testing.T, fits func(host.Line) bool) host.Line {
	t.Helper()
	var found host.Line
	until(t, "a line of the log", func() bool {
		for _, x := range l.all() {
			if fits(x) {
				found = x
				return true
			}
		}
		return false
	})
	return found
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come in %s", what, patience)
		}
	}
}

func self(mode string, args ...string) host.Command {
	return host.Command{Self: append([]string{"child", mode}, args...)}
}

// start runs the well-behaved plugin, configured, and closes it with the test.
func start(t *testing.T, command host.Command, o host.Options) *host.Conn {
	t.Helper()
	c, err := host.Start(t.Context(), command, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = c.Close(ctx)
		if left := socketDirectories(t, o.TempDir); o.TempDir != "" && len(left) > 0 {
			t.Errorf("socket directories are left: %q", left)
		}
	})
	if err := c.Configure(t.Context(), host.Configuration{Kind: "do", Config: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	return c
}

func socketDirectories(t *testing.T, dir string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "plugin-dir*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// shortDir is a temporary directory whose path a socket fits in.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// do runs one event, whose type says what the plugin does with it.
func do(t *testing.T, c *host.Conn, what, data string) (sdk.Outcome, error) {
	t.Helper()
	outcomes, err := c.Transform("do").Transform(t.Context(), []sdk.Input{event(what, data)})
	if err != nil {
		return sdk.Outcome{}, err
	}
	return outcomes[0], nil
}

// asked is the text that the plugin answers one event with.
func asked(t *testing.T, c *host.Conn, what, data string) string {
	t.Helper()
	o, err := do(t, c, what, data)
	if err != nil || o.Verdict != sdk.Replace {
		t.Fatalf("%s: %v, %+v", what, err, o)
	}
	return string(o.Event.Data)
}

func event(what, data string) sdk.Input {
	return sdk.Input{Event: &sdk.Event{ID: "1", Source: "/test", SpecVersion: "1.0", Type: what, Data: []byte(data)}}
}

// copied copies this test's binary, followed by some bytes, and returns its path
// and hash.
func copied(t *testing.T, extra string) (path, sum string) {
	t.Helper()
	from, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	path = filepath.Join(t.TempDir(), "plugin")
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, h), io.MultiReader(in, strings.NewReader(extra))); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return path, fmt.Sprintf("%x", h.Sum(nil))
}
