package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/datadir"
)

// TestServiceManager holds what a router tells a service manager against what it
// does.
func TestServiceManager(t *testing.T) {
	r := newRig(t, rigOptions{memory: true})
	r.stop()
	at := filepath.Join(r.dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: at})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	told := func() string {
		t.Helper()
		buffer := make([]byte, 4096)
		for {
			if err := manager.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			n, err := manager.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			if text := string(buffer[:n]); text != "WATCHDOG=1" {
				return text
			}
		}
	}
	expect := func(what string) {
		t.Helper()
		if got := told(); !strings.HasPrefix(got, what+"\n") {
			t.Fatalf("told %q, want %s", got, what)
		}
	}
	// Fixed ports, to be there at the very moment of READY=1.
	config := filepath.Join(r.dir, "headgate.toml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	fixed := strings.Replace(string(text), "https://127.0.0.1:0", "https://"+freeAddress(t), 1)
	if err := os.WriteFile(config, []byte(fixed), 0o600); err != nil {
		t.Fatal(err)
	}
	_, door, _ := strings.Cut(fixed, `listen = "https://`)
	door, _, _ = strings.Cut(door, `"`)

	cmd := r.headgate("run")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+at, "WATCHDOG_USEC=100000")
	cmd.Stderr = r.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it has been waited for, but for a test that failed
	})
	expect("READY=1")
	c, err := net.Dial("tcp", door)
	if err != nil {
		t.Fatalf("it is ready, and its door is closed: %v", err)
	}
	c.Close()
	buffer := make([]byte, 4096)
	if n, err := manager.Read(buffer); err != nil || string(buffer[:n]) != "WATCHDOG=1" {
		t.Errorf("told %q, %v instead of being alive", buffer[:n], err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	expect("RELOADING=1")
	expect("READY=1")
	if err := os.WriteFile(config, []byte("[dta]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	expect("RELOADING=1")
	if got := told(); !strings.HasPrefix(got, "READY=1\nSTATUS=ready; the last reload changed nothing: ") {
		t.Errorf("after a bad reload: %q", got)
	}
	if _, err := admin.NewClient(datadir.Socket(filepath.Join(r.dir, "data"))).Top(context.Background()); err != nil {
		t.Error(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// freeAddress is one on loopback that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
