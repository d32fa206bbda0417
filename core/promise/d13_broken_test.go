package promise_test

import (
	"fmt"
	"strings"
	"testing"
)

// D13: where a plugin fails whatever it is given, no event is to blame: all wait
// for a plugin that works, and others do not.
func TestD13BrokenPluginsHold(t *testing.T) {
	const events, broken = 200, `config = { do = "exit" }`
	r := newRouter(t, tameConfig+transform(t, "beast", broken))
	l := newLedger(t)
	r.take(taking{channel: "orders"}, taming(l))
	r.flood(l, events, func(i int) (string, []byte) {
		id := fmt.Sprintf("tame-%d", i)
		return id, tame(id, "")
	})
	held := func() bool {
		c := r.channel("orders")
		return c.Pending == events && len(c.Chains) == 1 && c.Chains[0].Away && c.Chains[0].Shelved == events
	}
	r.eventually("its last excuse is used up", func() bool {
		return held() && strings.Contains(r.log.String(), "it fails whatever it is given")
	})
	for i := range events {
		id := fmt.Sprintf("plain-%d", i)
		r.sent(l, id, marked("plain", id, "", ""))
	}
	r.eventually("others are done", func() bool { _, done := l.count(); return done == events })
	if p := r.plugin("beast"); p.Blamed != 0 || p.Failures == 0 {
		t.Errorf("%d events were given up, the plugin failed %d times", p.Blamed, p.Failures)
	}
	l.balance(r, never)
	r.stop()
	r.rewrite(func(text string) string { return strings.Replace(text, broken, "", 1) })
	r.start()
	r.drained()
	if b := l.balance(r, never); b.done != 2*events {
		t.Errorf("the end is %v", b)
	}
}
