package host

import (
	"bytes"
	"os/exec"
	"regexp"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAmbientCapabilitiesAreNotPassedOn: whatever the router was started with.
func TestAmbientCapabilitiesAreNotPassedOn(t *testing.T) {
	ambient := func(clear bool) string {
		t.Helper()
		got := make(chan string)
		go func() {
			defer close(got)
			runtime.LockOSThread() // and the thread ends with this goroutine
			if err := raiseAmbient(unix.CAP_NET_RAW); err != nil {
				t.Logf("this process may not raise it: %v", err)
				return
			}
			cmd := exec.Command("/bin/cat", "/proc/self/status")
			out := new(bytes.Buffer)
			cmd.Stdout = out
			cmd.SysProcAttr = new(syscall.SysProcAttr)
			start := cmd.Start
			if clear {
				start = func() error { return spawn(cmd, Limits{}, false) }
			}
			if err := start(); err != nil {
				t.Error(err)
				return
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
				return
			}
			got <- string(regexp.MustCompile(`(?m)^CapAmb:\s*([0-9a-f]+)`).FindSubmatch(out.Bytes())[1])
		}()
		return <-got
	}
	switch without := ambient(false); without {
	case "":
		t.Skip("capabilities cannot be raised here")
	case "0000000000002000":
	default:
		t.Fatalf("without spawn they are %s", without)
	}
	if got := ambient(true); got != "0000000000000000" {
		t.Errorf("a plugin has %s", got)
	}
}

// raiseAmbient makes a capability of this thread one that every program keeps.
func raiseAmbient(capability int) error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return err
	}
	data[0].Inheritable |= 1 << capability
	if err := unix.Capset(&head, &data[0]); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(capability), 0, 0)
}
