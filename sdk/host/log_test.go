package host_test

import (
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/host"
)

// TestLog shows how what a plugin logs and prints arrives.
func TestLog(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	if _, err := do(t, c, "log", "hello"); err != nil {
		t.Fatal(err)
	}
	x := log.await(t, func(x host.Line) bool { return x.Text == "hello" })
	if x.Level != "warn" || x.Fields["a"] != 1.0 || x.Fields["g.b"] != "1s" || x.Fields["g.err"] != "x" || len(x.Fields) != 3 {
		t.Errorf("got %+v", x)
	}
	if _, err := do(t, c, "print", "printed"); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"printed", "printed on stderr", "printed on descriptor 1"} {
		if x := log.await(t, func(x host.Line) bool { return x.Text == text }); x.Level != "info" {
			t.Errorf("got %+v", x)
		}
	}
	for _, x := range log.all() {
		if x.Text == "unseen" {
			t.Errorf("got %+v", x)
		}
	}
}

// TestLogFlood shows that a flood is counted and not passed on, a line is cut,
// and calls go on meanwhile.
func TestLogFlood(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	if _, err := do(t, c, "longline", ""); err != nil {
		t.Fatal(err)
	}
	x := log.await(t, func(x host.Line) bool { return strings.HasPrefix(x.Text, "zzz") })
	if len(x.Text) != 16<<10 || !strings.HasSuffix(x.Text, "z [cut]") {
		t.Errorf("a line of %d bytes", len(x.Text))
	}
	if _, err := do(t, c, "flood", ""); err != nil {
		t.Fatal(err)
	}
	if got := asked(t, c, "upper", "x"); got != "X" {
		t.Errorf("got %q", got)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	passed, dropped := 0, 0
	for _, x := range log.all() {
		if dropped += x.Dropped; strings.HasPrefix(x.Text, "yyy") {
			passed++
		}
	}
	const lines = 20_000
	if passed > 5000 || passed+dropped < lines || dropped > lines+20 {
		t.Errorf("%d lines were passed on and %d dropped", passed, dropped)
	}
}
