package process_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headgate-io/headgate/core/process"
)

// manager is a service manager: what it was told is to be read from it.
type manager struct {
	*testing.T
	*net.UnixConn
}

func newManager(t *testing.T, at string) *manager {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: at})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &manager{t, c}
}

// heard is the next datagram.
func (m *manager) heard() string {
	m.Helper()
	if err := m.SetReadDeadline(time.Now().Add(patience)); err != nil {
		m.Fatal(err)
	}
	buffer := make([]byte, 4096)
	n, err := m.Read(buffer)
	if err != nil {
		m.Fatal(err)
	}
	return string(buffer[:n])
}

// environment is os.Getenv of another process.
func environment(of map[string]string) func(string) string {
	return func(name string) string { return of[name] }
}

func notifier(t *testing.T, of map[string]string) *process.Notifier {
	t.Helper()
	n, err := process.NewNotifier(environment(of))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNotifierTells(t *testing.T) {
	for name, at := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": fmt.Sprintf("@headgate-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			m, n := newManager(t, at), notifier(t, map[string]string{"NOTIFY_SOCKET": at})
			for _, step := range []struct {
				tell error
				want string
			}{
				{n.Ready("ready\nMAINPID=1"), `^READY=1\nSTATUS=ready MAINPID=1$`},
				{n.Reloading(), `^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reloading$`},
				{n.Stopping(35 * time.Second), `^STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000\nSTATUS=draining$`},
			} {
				if step.tell != nil {
					t.Fatal(step.tell)
				}
				if got := m.heard(); !regexp.MustCompile(step.want).MatchString(got) {
					t.Errorf("told %q, want %s", got, step.want)
				}
			}
		})
	}
}

// TestReloadingClock: a manager takes a reload for the one it asked for when it
// began after it was asked for.
func TestReloadingClock(t *testing.T) {
	at := filepath.Join(t.TempDir(), "notify")
	m, n := newManager(t, at), notifier(t, map[string]string{"NOTIFY_SOCKET": at})
	before := clock(t)
	if err := n.Reloading(); err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(m.heard(), "MONOTONIC_USEC=")
	text, _, _ := strings.Cut(after, "\n")
	if said, err := strconv.ParseInt(text, 10, 64); err != nil || said < before || said > clock(t) {
		t.Errorf("reload began at %q, %v: not between %d and now", text, err, before)
	}
}

func clock(t *testing.T) int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

func TestNobodyToTell(t *testing.T) {
	n := notifier(t, map[string]string{"WATCHDOG_USEC": "1"})
	if err := n.Ready("ready"); err != nil {
		t.Error(err)
	}
	n.Watch(t.Context(), func() { t.Error("looked for nobody") })
}

// TestManagerIsGone: that is an error, and does not keep anybody waiting.
func TestManagerIsGone(t *testing.T) {
	at := filepath.Join(t.TempDir(), "notify")
	n := notifier(t, map[string]string{"NOTIFY_SOCKET": at})
	if err := n.Ready("ready"); err == nil {
		t.Error("told nobody")
	}
	m := newManager(t, at) // it comes back, and is found
	if err := n.Ready("ready"); err != nil {
		t.Fatal(err)
	}
	m.heard()
}

func TestNotifierRefuses(t *testing.T) {
	for _, of := range []map[string]string{
		{"NOTIFY_SOCKET": "run/notify"},
		{"NOTIFY_SOCKET": "vsock:2:1"},
		{"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "soon"},
		{"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "0"},
		{"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "18446744073709551615"},
	} {
		if _, err := process.NewNotifier(environment(of)); err == nil {
			t.Errorf("%v: taken", of)
		}
	}
}

func TestWatchdog(t *testing.T) {
	for name, pid := range map[string]string{"ours": strconv.Itoa(os.Getpid()), "anybody's": ""} {
		t.Run(name, func(t *testing.T) {
			at := filepath.Join(t.TempDir(), "notify")
			m, n := newManager(t, at), notifier(t, map[string]string{"NOTIFY_SOCKET": at, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": pid})
			ctx, stop := context.WithCancel(t.Context())
			stuck, free := make(chan struct{}), make(chan struct{})
			looks, ended := 0, make(chan struct{})
			go func() {
				defer close(ended)
				n.Watch(ctx, func() {
					if looks++; looks == 3 {
						close(stuck)
						<-free
					}
				})
			}()
			for range 2 {
				if got := m.heard(); got != "WATCHDOG=1" {
					t.Errorf("told %q", got)
				}
			}
			<-stuck
			if err := m.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if n, err := m.Read(make([]byte, 100)); err == nil {
				t.Errorf("%d bytes say that a stuck router is alive", n)
			}
			close(free)
			if got := m.heard(); got != "WATCHDOG=1" {
				t.Errorf("told %q", got)
			}
			stop()
			<-ended
		})
	}
	notifier(t, map[string]string{"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}).Watch(t.Context(), func() { t.Error("looked for another process") })
}
