package core_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// stableConfig has one ordered channel behind one transform, of which %s says
// the rest.
const stableConfig = `
[data]
dir = "data"
[[ingress]]
name = "edge"
listen = "http://127.0.0.1:0"
[replies]
listen = "tcp://127.0.0.1:0"
[[auth]]
name = "edge-keys"
kind = "hmac"
keys = "dir:keys"
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
order_by = "event.subject"
[[routes]]
name = "orders"
type = ["com.example.order"]
transforms = ["beast"]
channels = ["orders"]
[[transforms]]
name = "beast"
plugin = "beast"
path = "beast"
`

// stable is a router in this process, whose one transform is replaced while
// events of some keys go through it in their order.
type stable struct {
	*testing.T
	*core.Core
	dir, sha256 string
	signer      *webhook.Signer
	url         string

	mu        sync.Mutex
	accepted  map[string]bool
	done      map[string]string // the version of the plugin that each event came through
	furthest  map[string]int    // number of the last event, by key
	originals int               // that came beside them
}

// newStable starts it. It ends with the test, and has to end well.
func newStable(t *testing.T) *stable {
	s := newBeast(t)
	s.run(s.config("1.0.0", ""), zerolog.Nop())
	return s
}

// newBeast is a stable whose router does not run yet.
func newBeast(t *testing.T) *stable {
	dir, err := os.MkdirTemp("", "hg") // short, for the path of a unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", filepath.Join(dir, "beast"), "./promise/testdata/beast")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	image, err := os.ReadFile(filepath.Join(dir, "beast"))
	if err != nil {
		t.Fatal(err)
	}
	secret := webhook.NewSecret()
	signer, err := webhook.NewHMACSigner(secret)
	key := config.Key{ID: "k1", Principal: "edge", Sources: []string{"**"}, Types: []string{"**"}}
	if err := errors.Join(err, config.WriteKey(filepath.Join(dir, "keys"), key, webhook.FormatSecret(secret))); err != nil {
		t.Fatal(err)
	}
	return &stable{T: t, dir: dir, sha256: fmt.Sprintf("%x", sha256.Sum256(image)), signer: signer,
		accepted: make(map[string]bool), done: make(map[string]string), furthest: make(map[string]int)}
}

// run runs the router until the test ends.
func (s *stable) run(cfg *config.Config, log zerolog.Logger) {
	s.Helper()
	var err error
	if s.Core, err = core.New(s.Context(), cfg, core.Options{Log: log}); err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Core.Run(ctx) }()
	s.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Errorf("run: %v", err)
		}
	})
	s.url = s.top().Doors[0].Address
}

// config is the configuration with another version of the plugin, and more keys
// of its table.
func (s *stable) config(version, more string) *config.Config {
	s.Helper()
	text := stableConfig + fmt.Sprintf("sha256 = %q\nenv = { VERSION = %q }\n%s\n", s.sha256, version, more)
	cfg, err := config.Parse([]byte(text), "headgate.toml", s.dir, config.Options{Env: []string{}})
	if err != nil {
		s.Fatal(err)
	}
	return cfg
}

// replace puts another version in place.
func (s *stable) replace(cfg *config.Config) error {
	return s.ReplacePlugin(s.Context(), cfg, &cfg.Transforms[0])
}

func (s *stable) top() admin.Top {
	s.Helper()
	top, err := s.Top(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return top
}

// consume does each event once it has seen whether it is the next of its key.
func (s *stable) consume() {
	s.Helper()
	var keys delivery.Keys
	top := s.top()
	if err := json.Unmarshal(top.Keys, &keys); err != nil {
		s.Fatal(err)
	}
	c, err := consumer.New(consumer.Options{Connect: []string{top.Commands[0].Address}, Channel: "orders", Keys: consumer.Pinned(keys), Parallel: 64, Remember: 1})
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, s.take) }()
	s.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Errorf("consumer: %v", err)
		}
	})
}

func (s *stable) take(_ context.Context, d *delivery.Delivery) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, key := d.Event.ID, d.Event.Subject
	var n int
	if _, err := fmt.Sscanf(id, key+"-%d", &n); err != nil {
		s.Errorf("id %s: %v", id, err)
	}
	if n != s.furthest[key]+1 && (d.Header.Attempt == 1 || n > s.furthest[key]) {
		s.Errorf("INVERTED: %s comes behind number %d of its key", id, s.furthest[key])
	}
	s.furthest[key] = max(s.furthest[key], n)
	if len(d.Original) > 0 {
		s.originals++
	}
	if len(d.Header.Transforms) != 1 || string(d.Event.Data) != fmt.Sprintf(`{"by":"beast","was":{"n":%d}}`, n) {
		s.Errorf("UNTRANSFORMED: %s came as %s through %v", id, d.Event.Data, d.Header.Transforms)
		return nil, nil
	}
	s.done[id] = d.Header.Transforms[0].Version
	return nil, nil
}

// produce sends events of a key one after the other until stop is closed.
func (s *stable) produce(key string, stop <-chan struct{}) {
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		id, now := fmt.Sprintf("%s-%d", key, n), time.Now()
		body := fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"//shop","type":"com.example.order","subject":%q,"data":{"n":%d}}`, id, key, n)
		req, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+"/v1/events", bytes.NewReader(body))
		if err != nil {
			s.Error(err)
			return
		}
		for name, value := range map[string]string{"Content-Type": "application/cloudevents+json", webhook.HeaderKeyID: "k1", webhook.HeaderID: id,
			webhook.HeaderTimestamp: webhook.Timestamp(now), webhook.HeaderSignature: s.signer.Sign(id, now, body)} {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			s.Error(err)
			return
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			s.Errorf("REFUSED: %s: %s", id, resp.Status)
			return
		}
		s.mu.Lock()
		s.accepted[id] = true
		s.mu.Unlock()
	}
}

// write makes an empty file.
func (s *stable) write(path string) {
	s.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		s.Fatal(err)
	}
}

// by counts the events that came through a version.
func (s *stable) by(version string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.done {
		if v == version {
			n++
		}
	}
	return n
}

// progress waits until more events came through a version.
func (s *stable) progress(version string) {
	s.Helper()
	before := s.by(version)
	s.await("events come through "+version, func() bool { return s.by(version) >= before+50 })
}

func (s *stable) await(what string, ok func() bool) {
	s.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("in vain: %s; plugin %+v", what, s.Plugins()[0])
		}
	}
}

// isAt wants a version ready.
func (s *stable) isAt(version string) {
	s.Helper()
	if p := s.Plugins()[0]; p.State != supervisor.Ready || p.Version != version {
		s.Errorf("the plugin is %s %s, want %s ready", p.Version, p.State, version)
	}
}

// TestAPluginIsReplacedUnderLoad: events go through the old version and then
// through the new one, none gets lost or overtakes another of its key, and what
// does not work never takes the place of what does, or gives it back.
func TestAPluginIsReplacedUnderLoad(t *testing.T) {
	s := newStable(t)
	s.consume()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	stop := make(chan struct{})
	var sending sync.WaitGroup
	for key := range 8 {
		sending.Go(func() { s.produce(fmt.Sprintf("key%d", key), stop) })
	}
	halt := sync.OnceFunc(func() { close(stop); sending.Wait() })
	t.Cleanup(halt)
	s.progress("1.0.0")

	if err := s.replace(s.config("2.0.0", "")); err != nil {
		t.Error(err)
	}
	s.progress("2.0.0")

	if err := s.replace(s.config("3.0.0", `config = { fail = "exit" }`)); err == nil || !strings.Contains(err.Error(), "transform beast is as it was") || !strings.Contains(err.Error(), "exit code 9") {
		t.Errorf("one that ends at configure: %v", err)
	}
	s.isAt("2.0.0")
	wrong := s.config("3.0.0", "")
	wrong.Transforms[0].SHA256 = strings.Repeat("0", 64)
	if err := s.replace(wrong); !errors.Is(err, host.ErrHash) {
		t.Errorf("one of another hash: %v", err)
	}
	s.isAt("2.0.0")
	s.progress("2.0.0")

	if err := s.replace(s.config("3.0.0", `config = { do = "exit" }`)); err != nil {
		t.Errorf("one that fails at its first events: %v", err)
	}
	s.await("going back by itself", func() bool {
		p := s.Plugins()[0]
		return p.RolledBack != "" && p.State == supervisor.Ready && p.Version == "2.0.0"
	})
	s.progress("2.0.0")
	if p := s.Plugins()[0]; !strings.Contains(p.RolledBack, "exit code 9") || p.Blamed != 0 {
		t.Errorf("plugin %+v", p)
	}

	halt()
	s.await("nothing is pending", func() bool { return s.top().Commands[0].Pending == 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.accepted {
		if s.done[id] == "" {
			t.Errorf("LOST: %s", id)
		}
	}
	if c := s.top().Commands[0]; c.Dead != 0 || c.Counts.Dropped != 0 || len(s.done) != len(s.accepted) {
		t.Errorf("%d accepted, %d done, channel %+v", len(s.accepted), len(s.done), c)
	}
}
