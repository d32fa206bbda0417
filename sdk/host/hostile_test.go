package host_test

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	_ "google.golang.org/grpc/encoding/gzip" // which a program around the router may bring along

	"github.com/headgate-io/headgate/sdk/host"
)

// TestAnswerOfOneGibibyte shows that it is refused by its size, before there is
// memory for it, and that other calls go on.
func TestAnswerOfOneGibibyte(t *testing.T) {
	const most = gibibyte / 8
	for _, habit := range []string{"large", "bomb"} {
		t.Run(habit, func(t *testing.T) {
			c := start(t, self("raw", habit), host.Options{})
			for name, call := range map[string]func() error{
				"transform": func() error { _, err := do(t, c, "any", ""); return err },
				"trust":     func() error { return c.WatchTrust(t.Context(), "trust", nil) },
			} {
				before := memory().TotalAlloc
				err := call()
				if !errors.Is(err, host.ErrTooLarge) || !strings.Contains(err.Error(), strconv.Itoa(16<<20)) {
					t.Errorf("%s: got %v", name, err)
				}
				if took := memory().TotalAlloc - before; took > most {
					t.Errorf("%s: it took %d MiB", name, took>>20)
				}
				if err := c.Health(t.Context()); err != nil {
					t.Errorf("%s: afterwards: %v", name, err)
				}
			}
		})
	}
	t.Run("description", func(t *testing.T) {
		before := memory().TotalAlloc
		_, err := host.Start(t.Context(), self("raw", "large description"), host.Options{TempDir: shortDir(t)})
		if !errors.Is(err, host.ErrNotPlugin) || !errors.Is(err, host.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		if took := memory().TotalAlloc - before; took > most {
			t.Errorf("it took %d MiB", took>>20)
		}
	})
}

// TestNoStreamsOfGoPlugin floods the streams that go-plugin opens by itself: its
// broker's, where each connection that a plugin announces starts a goroutine, and
// the one of its standard output.
func TestNoStreamsOfGoPlugin(t *testing.T) {
	const calls, most = 200, 50 // goroutines of one connection
	before := runtime.NumGoroutine()
	c := start(t, self("raw", "brokering"), host.Options{})
	opened, peak := "", 0
	for range calls {
		o, err := do(t, c, "any", "")
		if err != nil {
			t.Fatal(err)
		}
		opened, peak = o.Reason, max(peak, runtime.NumGoroutine())
	}
	if opened != "0" {
		t.Errorf("%s of go-plugin's own streams were opened", opened)
	}
	if peak > before+most {
		t.Errorf("%d goroutines, of %d before", peak, before)
	}
}

// TestEndlessOutput shows that a plugin that prints without end takes no more
// than its part of the log, and of memory, and that its calls are answered.
func TestEndlessOutput(t *testing.T) {
	const flood, line, most = 12 << 20, 100, 6 << 20 // bytes
	for _, habit := range []string{"flooding stdout", "flooding stderr", "flooding one line"} {
		t.Run(habit, func(t *testing.T) {
			var log tally
			before := memory().HeapAlloc
			c := start(t, self("raw", habit), host.Options{Log: log.add, TempDir: shortDir(t)})
			until(t, "the flood", func() bool {
				o, err := do(t, c, "any", "")
				if err != nil {
					t.Fatal(err)
				}
				flooded, err := strconv.Atoi(o.Reason)
				return err == nil && flooded >= flood
			})
			if after := memory().HeapAlloc; after > before+most {
				t.Errorf("the router keeps %d MiB of it", (after-before)>>20)
			}
			if err := c.Close(t.Context()); err != nil {
				t.Error(err)
			}
			<-c.Exited()
			log.check(t, habit, flood/line)
		})
	}
}

// tally counts lines that have all the same text.
type tally struct {
	mu              sync.Mutex
	passed, dropped int
	last            host.Line
}

func (l *tally) add(x host.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped += x.Dropped; strings.HasPrefix(x.Text, "yyy") {
		l.passed, l.last = l.passed+1, x
	}
}

// check wants every line counted, and few passed on; or the beginning of the one
// line.
func (l *tally) check(t *testing.T, habit string, written int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if habit == "flooding one line" {
		if len(l.last.Text) != 16<<10 || !strings.HasSuffix(l.last.Text, "y [cut]") || l.passed != 1 {
			t.Errorf("%d lines were passed on, the last of %d bytes", l.passed, len(l.last.Text))
		}
		return
	}
	if l.passed+l.dropped < written || l.passed > written/10 {
		t.Errorf("of more than %d lines %d were passed on and %d dropped", written, l.passed, l.dropped)
	}
	if stdout := l.last.Fields["stream"] == "stdout"; stdout != (habit == "flooding stdout") {
		t.Errorf("a line came as %+v", l.last)
	}
}

// memory is what this process holds after a collection, and ever took.
func memory() *runtime.MemStats {
	runtime.GC()
	m := new(runtime.MemStats)
	runtime.ReadMemStats(m)
	return m
}
