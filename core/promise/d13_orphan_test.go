package promise_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
)

// orphanTime is how long a plugin may outlive its router: it is part of the
// promise.
const orphanTime = 2 * time.Second

// orphanConfig has plugins that would not end by themselves: one that is idle,
// one that does not hear SIGTERM, one that is stopped, one that computes.
func orphanConfig(t *testing.T) (text string) {
	for _, name := range []string{"idle", "stubborn", "stopped", "busy"} {
		text += transform(t, name, fmt.Sprintf("timeout = \"10m\"\nenv = { BEAST = %q }", name))
		text += fmt.Sprintf("[[routes]]\nname = %q\ntype = [\"com.example.tame.%s\"]\ntransforms = [%q]\nchannels = [\"orders\"]\n", name, name, name)
	}
	return text + "[[channels]]\nname = \"orders\"\nclass = \"command\"\nlisten = \"tcp://127.0.0.1:0\"\n"
}

// D13: nothing of a plugin outlives a router that is killed, whatever it is
// doing, and what it left on disk the next router takes away.
func TestD13NoOrphans(t *testing.T) {
	r := newRouter(t, orphanConfig(t))
	l := newLedger(t)
	r.take(taking{channel: "orders"}, taming(l))
	r.sent(l, "spins", marked("tame.busy", "spins", "", `,"beast":"spin"`)) // again after each start
	ended := 0
	kills := turns(10)
	for n := range kills {
		r.eventually("one computes", func() bool { return r.plugin("busy").InFlight > 0 })
		plugins := 4
		if n%2 == 1 { // then what it computes goes on in a process of its own
			r.signal(r.plugin("busy").PID, syscall.SIGKILL)
			plugins++
		}
		r.signal(r.plugin("stopped").PID, syscall.SIGSTOP)
		var pids []int
		r.eventually("all are there", func() bool {
			pids = slices.DeleteFunc(r.children(), func(pid int) bool { return !alive(pid) })
			return len(pids) == plugins && r.plugin("busy").State == supervisor.Ready
		})
		r.kill()
		for end := time.Now().Add(orphanTime); ; time.Sleep(time.Millisecond) {
			left := slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return len(group(pid)) == 0 })
			if len(left) == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("ORPHANED: of the plugins %v there are still %v", pids, left)
			}
		}
		ended += len(pids)
		r.start()
	}
	r.stop()
	left, err := filepath.Glob(filepath.Join(r.temp(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("after %d kills and an end that was none there are left %v", kills, left)
	}
	proved(t, "%d kills of the router: all of its %d plugins ended", kills, ended)
}
