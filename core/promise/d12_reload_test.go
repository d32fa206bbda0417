package promise_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/sdk/delivery"
)

var reloads = flag.Int("reloads", 60, "reloads under load")

// reloadConfig is one of the two that a router goes back and forth between. An
// order goes by the channel, and through the transform, of one of them, and asks
// for a scope that the key has there alone: whatever sees some of one and some of
// the other is refused, or goes a way that neither has.
func reloadConfig(which, other string, round int) string {
	text := ""
	for _, name := range []string{"a", "b"} {
		text += fmt.Sprintf("[[channels]]\nname = %q\nclass = \"command\"\nlisten = \"tcp://127.0.0.1:0\"\n", name)
		// Some of the rounds bring the plugin another configuration.
		text += fmt.Sprintf("[[transforms]]\nname = \"by-%s\"\nplugin = \"jq\"\nconfig = { filter = '. + {by: %q, round: %d}' }\n", name, name, round/10)
	}
	route := "[[routes]]\nname = %q\ntype = [\"com.example.%s.*\"]\nchannels = [%q]\ntransforms = [\"by-%s\"]\nrequire = { scopes = [\"%s\"] }\n"
	return text + fmt.Sprintf(route, "orders", "order", which, which, which) + fmt.Sprintf(route, "others", "other", other, other, other)
}

// badTurns are what is wrong with a fifth of the files.
var badTurns = []struct{ old, new string }{
	{"[[routes]]", "[[routs]]"},
	{"type = [", "type = "},
	{`channels = ["`, `channels = ["no-`},
	{"config = {", "config = { what = 1,"},
	{"class = \"command\"", "class = \"command\"\norder_by = \"event.\""},
}

// late is a file that is good until its last address is bound: by then every plugin
// of it is ready, and none may have been given an event.
func late(body, taken string) string {
	body = strings.ReplaceAll(body, "{by: ", "{refused: true, by: ")
	return body + fmt.Sprintf("[[channels]]\nname = \"late\"\nclass = \"command\"\nlisten = \"tcp://%s\"\n[[routes]]\nname = \"late\"\ntype = [\"late\"]\nchannels = [\"late\"]\n", taken)
}

// D12: reloads under load refuse nobody, lose nothing, show no mixture of two
// configurations to any event, and leave nothing behind; a bad file changes nothing.
func TestD12ReloadsAreAtomic(t *testing.T) {
	r := newRouter(t, reloadConfig("a", "b", 0))
	r.keysOf("a", "b")
	path := filepath.Join(r.dir, "headgate.toml")
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := newLedger(t)
	for _, name := range []string{"a", "b"} {
		r.take(taking{channel: name}, func(_ context.Context, d *delivery.Delivery) (any, error) {
			if want := `"by":"` + name + `"`; !strings.Contains(string(d.Event.Data), want) || strings.Contains(string(d.Event.Data), "refused") || len(d.Header.Transforms) != 1 || d.Header.Transforms[0].Name != "by-"+name {
				t.Errorf("MIXED: %s came by channel %s, through %v, as %s", d.Event.ID, name, d.Header.Transforms, d.Event.Data)
			}
			l.act(l.see(d))
			return nil, nil
		})
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	put := func(which, other string, round int, bad string) error {
		text := string(written)
		head := text[:strings.Index(text, "[[channels]]")]
		tail := text[strings.Index(text, "[journal]"):]
		head = strings.Replace(head, `"dir:keys"`, `"dir:keys-`+which+`"`, 1)
		body := reloadConfig(which, other, round)
		for _, name := range []string{"a", "b"} {
			body = strings.Replace(body, "tcp://127.0.0.1:0", r.address(name), 1)
		}
		if turn := round / 5 % (len(badTurns) + 1); bad != "" && turn < len(badTurns) {
			body = strings.Replace(body, badTurns[turn].old, badTurns[turn].new, 1)
		} else if bad != "" {
			body = late(body, taken.Addr().String())
		}
		if err := os.WriteFile(path+".new", []byte(head+body+tail), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		_, err := r.ask.Reload(r.Context(), admin.Reload{Why: "test", Wait: true})
		return err
	}
	if err := put("a", "b", 0, ""); err != nil {
		t.Fatal(err)
	}
	producers := r.once(l, 8, "order.created")
	before := openFiles(t, r.process.Process.Pid)
	good, refused := 0, 0
	for round := 1; round <= *reloads && !t.Failed(); round++ {
		which, other := "a", "b"
		if round%2 == 1 {
			which, other = other, which
		}
		if round%5 == 4 {
			if err := put(which, other, round, "bad"); err == nil {
				t.Fatalf("round %d: a bad file is taken", round)
			}
			refused++
			continue
		}
		if err := put(which, other, round, ""); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		good++
		id := fmt.Sprintf("sample-%d", round)
		if a, err := r.edge.post(r.Context(), id, order("order.created", id, "")); err != nil || a.says() != accepted {
			t.Fatalf("round %d: %s, %v", round, a.Body, err)
		}
		l.accept(id)
		r.eventually("an event goes by the channel of the new configuration", func() bool { return l.did(which, id) })
	}
	producers.halt()
	r.drained()
	if b := l.balance(r, never); b.pending != 0 {
		t.Errorf("the end is %v", b)
	}
	r.eventually("no descriptor is left behind", func() bool { return openFiles(t, r.process.Process.Pid) <= before+16 })
	sent, _ := l.count()
	proved(t, "%d reloads taken, %d bad files refused, %d events: 0 refused, 0 lost, 0 mixed", good, refused, sent)
}

// keysOf makes a directory for each scope, with the router's key, which has that
// scope there.
func (r *router) keysOf(scopes ...string) {
	r.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "keys", keyID+".toml"))
	if err != nil {
		r.Fatal(err)
	}
	if !strings.Contains(string(text), "scopes = []") {
		r.Fatalf("the key's file has no empty scopes: %s", keyID)
	}
	for _, scope := range scopes {
		dir := filepath.Join(r.dir, "keys-"+scope)
		if err := os.Mkdir(dir, 0o700); err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, keyID+".toml"), []byte(strings.Replace(string(text), "scopes = []", fmt.Sprintf("scopes = [%q]", scope), 1)), 0o600); err != nil {
			r.Fatal(err)
		}
	}
}

// once starts producers of which each event has to be accepted at its first try.
func (r *router) once(l *ledger, producers int, kind string) *load {
	p := &load{stop: make(chan struct{})}
	for producer := range producers {
		p.going.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-p.stop:
					return
				case <-time.After(2 * time.Millisecond):
				}
				id := fmt.Sprintf("p%d-%d", producer, n)
				a, err := r.edge.post(r.Context(), id, order(kind, id, ""))
				if err != nil || a.says() != accepted {
					r.Errorf("REFUSED: %s: %s, %v", id, a.Body, err)
					return
				}
				l.accept(id)
			}
		})
	}
	r.Cleanup(p.halt)
	return p
}

// openFiles counts the descriptors of a process.
func openFiles(t *testing.T, pid int) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	requireHere(t, "/proc", err)
	return len(list)
}
