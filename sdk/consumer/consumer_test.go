package consumer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func TestRunFailsWithoutKeys(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	o.Keys = consumer.KeysFromFile(filepath.Join(t.TempDir(), "none.json"))
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context(), nothing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "headgate key export") {
		t.Errorf("Run: %v", err)
	}
}

func TestRouterRestarts(t *testing.T) {
	r := newRouter(t)
	_, stop := start(t, r.options(), nothing)
	r.deliver(order{n: 1})
	r.expect(1, 1, "done")
	r.stop()
	r = newRouterAt(t, r.at, r.reply)
	r.deliver(order{n: 2})
	r.expect(2, 1, "done")
	stop()
	r.next() // goodbye
	r.silent()
}

func TestTwoRouters(t *testing.T) {
	a, b := newRouter(t), newRouter(t)
	o := a.options()
	o.Connect = append(o.Connect, b.at)
	_, stop := start(t, o, nothing)
	a.deliver(order{n: 1})
	b.deliver(order{n: 2})
	a.expect(1, 1, "done")
	b.expect(2, 1, "done")
	stop()
	for _, r := range []*router{a, b} {
		if last := r.next(); !last.Goodbye {
			t.Errorf("leave taken by %+v", last)
		}
		r.silent()
	}
}

func TestLoad(t *testing.T) {
	const events = 2000
	r := newRouter(t)
	o := r.options()
	o.Parallel = 8
	c, stop := start(t, o, func(_ context.Context, d *delivery.Delivery) (any, error) { return d.Event.ID, nil })
	go func() {
		for n := range events {
			r.deliver(order{n: n})
		}
	}()
	seen := map[string]bool{}
	for range events {
		reply := r.next()
		if reply.Status != "done" || seen[reply.Lease] || string(reply.Result) != `"`+reply.ID+`"` {
			t.Fatalf("reply is %+v", reply)
		}
		seen[reply.Lease] = true
	}
	stop()
	if n := c.Counts(); n.Done != events || n.Unsent != 0 {
		t.Errorf("counts are %+v", n)
	}
}

func TestNewRefuses(t *testing.T) {
	good := consumer.Options{Connect: []string{"tcp://127.0.0.1:5555"}, Channel: "commands", Keys: consumer.Pinned{}}
	for name, spoil := range map[string]func(*consumer.Options){
		"Connect":  func(o *consumer.Options) { o.Connect = nil },
		"Channel":  func(o *consumer.Options) { o.Channel = "" },
		"Keys":     func(o *consumer.Options) { o.Keys = nil },
		"negative": func(o *consumer.Options) { o.Parallel = -1 },
		"5555":     func(o *consumer.Options) { o.Connect = []string{"127.0.0.1:5555"} },
	} {
		o := good
		spoil(&o)
		if _, err := consumer.New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := consumer.New(good); err != nil {
		t.Error(err)
	}
}

func TestRunRunsOnceAtATime(t *testing.T) {
	r := newRouter(t)
	c, _ := start(t, r.options(), nothing)
	await(t, "a connection", func() bool { return len(r.channel.Peers()) == 1 })
	if err := c.Run(t.Context(), nothing); err == nil {
		t.Error("a second Run beside the first")
	}
}
