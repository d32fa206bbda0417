//go:build linux

package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// TestCloseIsGentle shows that a plugin that is closed closes its instances and
// exits by itself.
func TestCloseIsGentle(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add, TempDir: shortDir(t)})
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	<-c.Exited()
	if x := c.Exit(); x.Code != 0 || x.Signal != "" {
		t.Errorf("got %+v", x)
	}
	log.await(t, func(x host.Line) bool { return x.Text == "closed" })
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
}

// TestCloseOfAStoppedProcess would wait for ever if go-plugin were left alone.
func TestCloseOfAStoppedProcess(t *testing.T) {
	c := start(t, self("serve"), host.Options{TempDir: shortDir(t)})
	if err := syscall.Kill(c.Facts().PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(t, "its stop", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Facts().PID))
		return err == nil && strings.Contains(string(status), "State:\tT")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.Close(ctx) }()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "draining plugin test") {
			t.Errorf("got %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Close did not return")
	}
	<-c.Exited()
	if x := c.Exit(); x.Signal != "killed" || x.Code != -1 {
		t.Errorf("got %+v", x)
	}
}

// TestCloseOfAProcessThatStopsThen has it drained and then stopped, before it
// answers go-plugin.
func TestCloseOfAProcessThatStopsThen(t *testing.T) {
	dir := shortDir(t)
	c := start(t, self("raw", "stopping"), host.Options{TempDir: dir})
	done := make(chan error, 1)
	go func() { done <- c.Close(t.Context()) }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("got %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Close did not return")
	}
	<-c.Exited()
	if x := c.Exit(); x.Signal != "killed" {
		t.Errorf("got %+v", x)
	}
	if pid := c.Facts().PID; syscall.Kill(pid, 0) == nil {
		t.Errorf("process %d is left", pid)
	}
	if left := socketDirectories(t, dir); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// TestCloseCutsOff shows that a call that will not end does not hold Close.
func TestCloseCutsOff(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	go func() { _, _ = do(t, c, "stubborn", "") }()
	log.await(t, func(x host.Line) bool { return x.Text == "sleeping" })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Close(ctx); err == nil {
		t.Error("nothing was cut off")
	}
	<-c.Exited()
}

// TestCloseOfAHangingInstance shows that a plugin that drains and does not exit
// is killed.
func TestCloseOfAHangingInstance(t *testing.T) {
	c := start(t, self("serve"), host.Options{TempDir: shortDir(t)})
	if err := c.Configure(t.Context(), host.Configuration{Kind: "do", Config: []byte(`{"hang":true}`)}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("got %v", err)
	}
	<-c.Exited()
	if x := c.Exit(); x.Signal != "killed" {
		t.Errorf("got %+v", x)
	}
}

// TestGrandchildren shows that those in the plugin's group end with it, and that
// one that left the group, holding stderr open, delays nobody.
func TestGrandchildren(t *testing.T) {
	for _, kind := range []string{"group", "setsid"} {
		t.Run(kind, func(t *testing.T) {
			c := start(t, self("serve"), host.Options{})
			grandchild, err := strconv.Atoi(asked(t, c, "grandchild", kind))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = syscall.Kill(grandchild, syscall.SIGKILL) })
			if err := syscall.Kill(c.Facts().PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			select {
			case <-c.Exited():
			case <-time.After(patience):
				t.Fatal("its end was not seen")
			}
			if x := c.Exit(); x.Signal != "killed" {
				t.Errorf("got %+v", x)
			}
			if kind == "group" {
				until(t, "the grandchild's end", func() bool { return !alive(grandchild) })
			} else if !alive(grandchild) {
				t.Error("the grandchild ended, so this test shows nothing")
			}
		})
	}
}

// TestEndHasItsName shows that a call that meets the end of the process says so,
// though a grandchild holds the output and the caller has no time to spare.
func TestEndHasItsName(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	grandchild, err := strconv.Atoi(asked(t, c, "grandchild", "setsid"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(grandchild, syscall.SIGKILL) })
	under := make(chan error, 1)
	go func() { _, err := do(t, c, "stubborn", ""); under <- err }()
	log.await(t, func(x host.Line) bool { return x.Text == "sleeping" })
	pid := c.Facts().PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "its end", func() bool { return syscall.Kill(pid, 0) != nil })
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // less than the output is waited for
	defer cancel()
	if err := c.Health(short); !errors.Is(err, host.ErrEnded) || !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("a call afterwards: %v", err)
	}
	if err := <-under; !errors.Is(err, host.ErrEnded) || !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("the call under way: %v", err)
	}
}

// TestSIGTERM shows that it drains, and that SIGINT does nothing.
func TestSIGTERM(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	pid := c.Facts().PID
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	slow := make(chan error, 1)
	go func() { _, err := do(t, c, "sleep", "200ms"); slow <- err }()
	log.await(t, func(x host.Line) bool { return x.Text == "sleeping" })
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-slow; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	<-c.Exited()
	if x := c.Exit(); x.Code != 0 || x.Signal != "" {
		t.Errorf("got %+v", x)
	}
	log.await(t, func(x host.Line) bool { return x.Text == "closed" })
}

// TestPluginDiesWithRouter kills routers whose plugins are in the middle of a
// call, or look after nothing themselves.
func TestPluginDiesWithRouter(t *testing.T) {
	for _, kind := range []string{"serve", "heedless"} {
		t.Run(kind, func(t *testing.T) {
			for range *kills {
				dieTogether(t, kind)
			}
		})
	}
}

func dieTogether(t *testing.T, kind string) {
	router := exec.Command("/proc/self/exe", "child", "router", kind)
	router.Env = []string{"TMPDIR=" + shortDir(t)} // a killed router leaves its socket directory
	router.Stderr = os.Stderr
	out, err := router.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := router.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := router.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = router.Wait() // killed
	killed := time.Now()
	until(t, "the plugin's end", func() bool { return !alive(pid) })
	if took := time.Since(killed); took > 2*time.Second {
		t.Errorf("the plugin lived for %s", took)
	}
}

// TestStartStopLeavesNothing starts and closes again and again; descriptors are
// counted here, goroutines when all tests are done.
func TestStartStopLeavesNothing(t *testing.T) {
	count := func() int { return len(descriptors()) }
	dir := shortDir(t)
	before := 0
	for i := range 6 {
		c, err := host.Start(t.Context(), self("serve"), host.Options{TempDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			before = count()
		}
	}
	until(t, "the closing of all descriptors", func() bool { return count() <= before })
	if left := socketDirectories(t, dir); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}
