package promise_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
)

// D13: a plugin that is stopped, and neither answers nor ends, is noticed and
// replaced, and what it had in hand goes through another.
func TestD13StoppedPluginsAreReplaced(t *testing.T) {
	r := newRouter(t, tameConfig+transform(t, "beast", `timeout = "500ms"`))
	l := newLedger(t)
	for range 2 {
		r.take(taking{channel: "orders"}, taming(l))
	}
	producers := r.produce(l, 4, 2*time.Millisecond, func(producer, n int) (string, []byte) {
		id := fmt.Sprintf("p%d-%d", producer, n)
		return id, tame(id, "")
	})
	for stop := range 3 {
		var frozen int
		r.eventually("it has events in hand", func() bool {
			p := r.plugin("beast")
			frozen = p.PID
			return p.State == supervisor.Ready && p.InFlight > 0
		})
		r.signal(frozen, syscall.SIGSTOP)
		id := fmt.Sprintf("plain-%d", stop)
		r.sent(l, id, marked("plain", id, "", ""))
		r.eventually("others are done meanwhile", func() bool { return l.did("orders", id) })
		r.eventually("another one is there", func() bool {
			p := r.plugin("beast")
			return p.State == supervisor.Ready && p.PID != frozen
		})
		if p := r.plugin("beast"); !strings.Contains(p.LastCrash.Reason, "missed their deadline") {
			t.Errorf("its last crash is %+v", p.LastCrash)
		}
		r.eventually("the stopped one is gone", func() bool { return !alive(frozen) })
	}
	producers.halt()
	r.drained()
	if b := l.balance(r, never); b.dead != 0 || b.pending != 0 {
		t.Errorf("the end is %v", b)
	}
	if p := r.plugin("beast"); p.Blamed != 0 || p.Misses == 0 {
		t.Errorf("%d events were given up, %d deadlines were missed", p.Blamed, p.Misses)
	}
	proved(t, "3 stops: 0 lost, 0 dead; %d events ran alone", r.plugin("beast").Isolated)
}
