package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headgate-io/headgate/sdk/host"
)

// TestLimitsComeBeforeTheProgram has a program fork before all else, on a machine
// so busy that the router may come late: all that it forks has the limits.
func TestLimitsComeBeforeTheProgram(t *testing.T) {
	const starts, forks = 30, 20
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip(err)
	}
	script := filepath.Join(t.TempDir(), "forking")
	if err := os.WriteFile(script, []byte(strings.Repeat("(ulimit -n) >&2 &\n", forks)+"wait; exit 9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	busy(t)
	command := host.Command{Path: script, Interpreter: []string{"/bin/sh"}, Limits: host.Limits{Files: 123}}
	for range starts {
		_, err := host.Start(t.Context(), command, host.Options{})
		if !errors.Is(err, host.ErrDied) {
			t.Fatal(err)
		}
		if got := err.Error(); strings.Count(got, "\n123") != forks {
			t.Fatalf("got %s", got)
		}
	}
}

// TestLimitsOfAnotherUser holds a plugin that becomes somebody else.
func TestLimitsOfAnotherUser(t *testing.T) {
	if _, err := user.Lookup("nobody"); err != nil || os.Getuid() != 0 {
		t.Skip("needs root, and a user nobody")
	}
	path, _ := copied(t, "")
	command := host.Command{Path: path, Args: []string{"child", "serve"}, User: "nobody", Limits: host.Limits{Files: 123}}
	c, err := host.Start(t.Context(), command, host.Options{})
	if errors.Is(err, host.ErrLimits) && errors.Is(err, unix.EPERM) {
		t.Skip(err) // without CAP_SYS_RESOURCE
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// busy has every processor compute until the test ends.
func busy(t *testing.T) {
	var enough atomic.Bool
	ended := make(chan struct{})
	n := 4 * runtime.NumCPU()
	for range n {
		go func() {
			runtime.LockOSThread()
			for !enough.Load() {
			}
			ended <- struct{}{}
		}()
	}
	t.Cleanup(func() {
		enough.Store(true)
		for range n {
			<-ended
		}
	})
}

// TestLimitsWhereNothingIsTraced starts a program from a router that may not
// trace, in both ways in which the kernel says no: with limits it is refused, and
// without it starts.
func TestLimitsWhereNothingIsTraced(t *testing.T) {
	path, _ := copied(t, "")
	for how, refused := range map[string]string{"errno": "operation not permitted", "kill": "bad system call"} {
		out, err := exec.Command(path, "child", "untraced", how, path).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", how, err, out)
		}
		limited, free, _ := strings.Cut(string(out), "\n")
		if !strings.Contains(limited, host.ErrLimits.Error()) || !strings.Contains(limited, refused) || !strings.Contains(limited, "permit it the system call ptrace") {
			t.Errorf("%s: with limits: %s", how, limited)
		}
		if free != "started\n" {
			t.Errorf("%s: without limits: %s", how, free)
		}
	}
}

// untraced is a router that may not trace.
func untraced(how, path string) {
	forbidPtrace(how)
	for _, limits := range []host.Limits{{Files: 123}, {}} {
		c, err := host.Start(context.Background(), host.Command{Path: path, Args: []string{"child", "serve"}, Limits: limits}, host.Options{})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("started")
		_ = c.Close(context.Background())
	}
}

// forbidPtrace has the kernel refuse the system call to this process and all
// that come from it (seccomp(2)).
func forbidPtrace(how string) {
	no := uint32(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	if how == "kill" {
		no = unix.SECCOMP_RET_KILL_PROCESS
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_PTRACE},
		{Code: unix.BPF_RET | unix.BPF_K, K: no},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))); errno != 0 {
		panic(errno)
	}
	runtime.UnlockOSThread()
}
