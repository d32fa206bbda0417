package zmq_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

func TestParseEndpoint(t *testing.T) {
	for _, c := range []struct {
		text   string
		listen bool
		want   string // network address, or "" for an error
	}{
		{"tcp://127.0.0.1:5555", false, "tcp 127.0.0.1:5555"},
		{"tcp://127.0.0.1:0", true, "tcp 127.0.0.1:0"},
		{"tcp://[::1]:5555", false, "tcp [::1]:5555"},
		{"tcp://[fe80::1%eth0]:1", false, "tcp [fe80::1%eth0]:1"},
		{"tcp://*:5555", true, "tcp :5555"},
		{"tcp://:5555", true, "tcp :5555"},
		{"tcp://example.org:65535", false, "tcp example.org:65535"},
		{"ipc:///run/headgate/q", true, "unix /run/headgate/q"},
		{"ipc://relative", false, "unix relative"},
		{"tcp://127.0.0.1:0", false, ""},
		{"tcp://*:5555", false, ""},
		{"tcp://:5555", false, ""},
		{"tcp://::1:5555", true, ""},
		{"tcp://127.0.0.1", true, ""},
		{"tcp://127.0.0.1:http", true, ""},
		{"tcp://127.0.0.1:65536", true, ""},
		{"tcp://127.0.0.1:-1", true, ""},
		{"tcp://user@host:1", false, ""},
		{"tcp://host/path:1", false, ""},
		{"ipc://", true, ""},
		{"ipc://@abstract", true, ""},
		{"ipc://a\x00b", true, ""},
		{"ipc:///" + strings.Repeat("x", 103), true, ""},
		{"inproc://x", true, ""},
		{"udp://127.0.0.1:1", true, ""},
		{"127.0.0.1:5555", true, ""},
		{"", true, ""},
	} {
		network, address, err := zmq.ParseEndpoint(c.text, c.listen)
		got := network + " " + address
		if (err == nil) != (c.want != "") || err == nil && got != c.want {
			t.Errorf("%q, listen %t: %q, %v", c.text, c.listen, got, err)
		}
	}
}

func FuzzEndpoint(f *testing.F) {
	f.Add("tcp://[::1]:5555")
	f.Add("ipc:///run/q")
	f.Fuzz(func(t *testing.T, text string) {
		network, address, err := zmq.ParseEndpoint(text, false)
		if err == nil && (network == "" || address == "") {
			t.Fatalf("%q is %q %q", text, network, address)
		}
	})
}

func TestListenOnSeveralAndIPv6(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{})
	endpoints := []string{listen(t, pull), listen(t, pull)}
	if bound, err := pull.Listen("tcp://[::1]:0"); err == nil {
		if !strings.HasPrefix(bound, "tcp://[::1]:") || strings.HasSuffix(bound, ":0") {
			t.Errorf("bound %s", bound)
		}
		endpoints = append(endpoints, bound)
	}
	push := zmq.NewPush(zmq.Options{})
	for _, e := range endpoints {
		connect(t, push, e)
	}
	run(t, push)
	run(t, pull)
	await(t, "all connections", func() bool { return push.Stats().Peers == len(endpoints) })
	// Endpoints can be added while Run runs.
	connect(t, push, listen(t, pull))
	await(t, "one more", func() bool { return push.Stats().Peers == len(endpoints)+1 })
	if _, err := pull.Listen(endpoints[0]); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("bound twice: %v", err)
	}
}

func TestIPC(t *testing.T) {
	endpoint := "ipc://" + filepath.Join(t.TempDir(), "q")
	path := strings.TrimPrefix(endpoint, "ipc://")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()

	pull := zmq.NewPull(zmq.Options{})
	if bound, err := pull.Listen(endpoint); err != nil || bound != endpoint {
		t.Fatalf("a stale file is in the way: %q, %v", bound, err)
	}
	stop := run(t, pull)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	if _, err := zmq.NewPull(zmq.Options{}).Listen(endpoint); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("a file in use was replaced: %v", err)
	}
	push := zmq.NewPush(zmq.Options{})
	connect(t, push, endpoint)
	run(t, push)
	if err := push.Send(soon(t), message("x")); err != nil {
		t.Fatal(err)
	}
	got, err := pull.Recv(soon(t))
	if err != nil || text(got.Frames) != `["x"]` || got.Peer.Addr() != endpoint {
		t.Fatal(got, err)
	}
	stop()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := zmq.NewPull(zmq.Options{}).Listen(endpoint); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Fatalf("a file that is no socket: %v", err)
	}
}

// Run releases what Listen bound even if it never gets to serve.
func TestRunReleases(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{})
	endpoint := listen(t, pull)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := pull.Run(ended); err != nil {
		t.Fatal(err)
	}
	again := zmq.NewPull(zmq.Options{})
	if _, err := again.Listen(endpoint); err != nil {
		t.Fatal(err)
	}
	run(t, again)
}

// failing is a listener without descriptors.
type failing struct {
	net.Listener
	calls atomic.Int32
	end   func()
}

func (f *failing) Accept() (net.Conn, error) {
	if f.calls.Add(1) == 3 {
		f.end()
	}
	return nil, syscall.EMFILE
}

func TestAcceptErrorsAreReportedAndRetried(t *testing.T) {
	var events observed
	pull := zmq.NewPull(zmq.Options{Observe: events.add})
	ctx, cancel := context.WithCancel(context.Background())
	l := &failing{end: cancel}
	pull.Accept(ctx, l)
	if l.calls.Load() != 3 || !events.has(zmq.Unaccepted, "") {
		t.Fatalf("%d calls\n%s", l.calls.Load(), &events)
	}
}

// One socket serves IPv4, IPv6 and ipc at once, sealed or not, and connects to
// all of them.
func TestSeveralEndpoints(t *testing.T) {
	endpoints := []string{"tcp://127.0.0.1:0", "ipc://" + filepath.Join(t.TempDir(), "s")}
	if probe, err := net.Listen("tcp", "[::1]:0"); err == nil {
		_ = probe.Close()
		endpoints = append(endpoints, "tcp://[::1]:0")
	}
	for name, sealed := range map[string]bool{"NULL": false, "CURVE": true} {
		t.Run(name, func(t *testing.T) {
			var server, client zmq.Security
			if sealed {
				own := curve.NewSecret()
				server, client = curveServer(zmq.AdmitAny, own), curveClient(curve.NewSecret(), own.Public())
			}
			pull, push := zmq.NewPull(zmq.Options{Security: server}), zmq.NewPush(zmq.Options{Security: client})
			for _, e := range endpoints {
				bound, err := pull.Listen(e)
				if err != nil {
					t.Fatal(err)
				}
				connect(t, push, bound)
			}
			stop := run(t, pull)
			run(t, push)
			await(t, "all connections", func() bool { return push.Stats().Peers == len(endpoints) })
			by := map[string]int{}
			for range 2 * len(endpoints) {
				if err := push.Send(soon(t), message("x")); err != nil {
					t.Fatal(err)
				}
				got, err := pull.Recv(soon(t))
				if err != nil {
					t.Fatal(err)
				}
				by[got.Peer.Endpoint()]++
			}
			for e, n := range by {
				if n != 2 {
					t.Errorf("%d by %s: %v", n, e, by)
				}
			}
			stop() // the file of ipc is free again
		})
	}
}
