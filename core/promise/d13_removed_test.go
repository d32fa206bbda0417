package promise_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/outbox"
)

// D13: a transform that is taken out of the configuration while events wait for
// it holds them: they leave through it or not at all.
func TestD13RemovedTransformsHold(t *testing.T) {
	const events = 300
	r := newRouter(t, tameConfig+transform(t, "beast", ""))
	l := newLedger(t)
	id := func(i int) string { return fmt.Sprintf("tame-%d", i) }
	r.flood(l, events, func(i int) (string, []byte) { return id(i), tame(id(i), "") })
	r.stop()

	var with string
	r.rewrite(func(text string) string {
		with = text
		return strings.Replace(text[:strings.Index(text, "[[transforms]]")]+"[journal]\nengine = \"embedded\"\n", "transforms = [\"beast\"]\n", "", 1)
	})
	r.start()
	r.take(taking{channel: "orders"}, taming(l))
	for i := range events { // what comes now goes as the file says now
		id := fmt.Sprintf("new-%d", i)
		r.sent(l, id, marked("plain", id, "", ""))
	}
	r.eventually("what is new is done", func() bool { _, done := l.count(); return done == events })
	held := func() bool {
		c := r.channel("orders")
		return c.Pending == events && len(c.Chains) == 1 && c.Chains[0].Away && c.Chains[0].Shelved == events
	}
	r.eventually("what is old is held", held)
	for _, told := range []struct{ where, what string }{
		{r.log.String(), `"transforms":["beast"],"error":"transform beast: no such transform is configured"`},
		{r.log.String(), "events are held, for nothing leaves untransformed: put the transform back"},
		{r.says("channel", "list"), "open; 300 wait for beast"},
		{r.says("event", "show", source, id(7)), "through    beast"},
		{r.says("plugin", "list"), "no [[transforms]]"},
	} {
		if !strings.Contains(told.where, told.what) {
			t.Errorf("no %q in:\n%s", told.what, told.where)
		}
	}
	r.crash()
	r.eventually("what is old is held after a crash", held)
	if c := r.event(id(7)).Channels[0]; c.State != outbox.StatePending || c.Transforms[0] != "beast" || c.Failures != 0 {
		t.Errorf("it is %+v", c)
	}
	if _, done := l.count(); done != events {
		t.Errorf("%d events are done, %d did not need what is away", done, events)
	}

	r.stop()
	r.rewrite(func(string) string { return with })
	r.start()
	r.drained()
	if b := l.balance(r, never); b.done != 2*events {
		t.Errorf("the end is %v", b)
	}
	proved(t, "%d events held while their transform was gone, and then done through it", events)
}
