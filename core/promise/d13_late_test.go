package promise_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/supervisor"
)

// D13: a plugin that ends when the router starts keeps nobody waiting but what
// needs it, and that no longer than until it works.
func TestD13LatePluginsAreAwaited(t *testing.T) {
	const events = 50
	state := filepath.Join(t.TempDir(), "starts")
	r := newRouter(t, tameConfig+transform(t, "beast", fmt.Sprintf(`env = { BEAST = "late", STATE = %q }`, state)))
	l := newLedger(t)
	r.take(taking{channel: "orders"}, taming(l))
	r.eventually("it is started for the third time", func() bool {
		p := r.plugin("beast")
		return p.State == supervisor.Starting && p.Failures == 2
	})
	r.flood(l, events, func(i int) (string, []byte) {
		id := fmt.Sprintf("tame-%d", i)
		return id, tame(id, "")
	})
	r.sent(l, "plain", marked("plain", "plain", "", ""))
	r.eventually("others are done", func() bool { return l.did("orders", "plain") })
	r.eventually("what needs it is all that waits", func() bool { return r.channel("orders").Pending == events })
	if log := r.log.String(); !strings.Contains(log, `"plugin":"beast"`) || !strings.Contains(log, "plugin did not start: what needs it waits, and it is started again") {
		t.Error("the log does not tell that it waits")
	}
	if err := os.WriteFile(state+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.drained()
	if b := l.balance(r, never); b.done != events+1 {
		t.Errorf("the end is %v", b)
	}
	l.mu.Lock()
	for at, n := range l.done {
		if n != 1 {
			t.Errorf("%v was done %d times", at, n)
		}
	}
	l.mu.Unlock()
	proved(t, "%d events waited for a plugin that ended at its first two starts: 0 lost, 0 dead, each done once", events)
}

// D13: a plugin that says nothing does not keep its router from ending.
func TestD13SlowStartsEndAtOnce(t *testing.T) {
	r := newRouter(t, tameConfig+transform(t, "beast", `env = { BEAST = "idle" }`))
	r.stop()
	r.rewrite(func(text string) string { return strings.Replace(text, `"idle"`, `"silent"`, 1) })
	r.launch()
	var pids []int
	r.eventually("the plugin is being started", func() bool { pids = r.children(); return len(pids) > 0 })
	r.terminate()
	r.ended()
	if !strings.Contains(r.log.String(), "stopped before it was ready") {
		t.Error("it waited for the plugin, or does not tell")
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("ORPHANED: plugin %d", pid)
		}
	}
}
