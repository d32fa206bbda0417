package process_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	families  = 20 // processes of ours, each of which leaves an orphan
	ownExit   = 7
	stuckTime = 10 * time.Second
)

// child is a process that a test has started, in a mode.
func child(mode string) int {
	switch mode {
	case "first":
		return first()
	case "parent": // leaves an orphan in a session of its own
		orphan := command("orphan")
		orphan.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		orphan.ExtraFiles = []*os.File{os.NewFile(3, "alive")}
		if err := orphan.Start(); err != nil {
			return complain(err)
		}
		return ownExit
	case "orphan": // ends after its parent
		for os.Getppid() != 1 {
			time.Sleep(time.Millisecond)
		}
		return 0
	case "exit":
		return ownExit
	case "term":
		terminated := make(chan os.Signal, 1)
		signal.Notify(terminated, syscall.SIGTERM)
		fmt.Println("pid", os.Getpid())
		<-terminated
		return ownExit
	}
	return complain(fmt.Errorf("no mode %s", mode))
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func command(mode string) *exec.Cmd { return exec.Command("/proc/self/exe", "child", mode) }

// first is PID 1 with many children that it waits for itself, while orphans end.
func first() int {
	if os.Getpid() != 1 {
		return complain(errors.New("not PID 1"))
	}
	ours, alive, err := os.Pipe() // it ends with the last orphan
	if err != nil {
		return complain(err)
	}
	var waiting sync.WaitGroup
	var failed sync.Map
	for i := range families {
		waiting.Go(func() {
			mode := "parent"
			if i%2 == 1 { // as plugins are started: from a thread of its own, that ends
				runtime.LockOSThread()
			}
			for range 3 {
				c := command(mode)
				c.ExtraFiles = []*os.File{alive}
				c.Stderr = os.Stderr
				var exit *exec.ExitError
				if err := c.Run(); !errors.As(err, &exit) || exit.ExitCode() != ownExit {
					failed.Store(i, fmt.Errorf("a child of ours ended with %v", err))
				}
				mode = "exit"
			}
		})
	}
	waiting.Wait()
	failed.Range(func(_, err any) bool { err1 := err.(error); fmt.Fprintln(os.Stderr, err1); return true })
	alive.Close()
	if _, err := io.ReadAll(ours); err != nil {
		return complain(err)
	}
	for end := time.Now().Add(stuckTime); ; time.Sleep(time.Millisecond) {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err == unix.ECHILD {
			fmt.Println("no child is left")
			return 0
		}
		if time.Now().After(end) {
			return complain(fmt.Errorf("orphans are left: %v", err))
		}
	}
}

// contained starts a process as PID 1 of namespaces of its own.
func contained(t *testing.T, mode string) *exec.Cmd {
	t.Helper()
	c := command(mode)
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	return c
}

// startable skips where nobody may make namespaces, which is loud where peers are
// required.
func startable(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("HEADGATE_REQUIRE_PEERS") == "1" {
		t.Fatalf("a PID namespace is required here (kernel.unprivileged_userns_clone, user.max_user_namespaces, seccomp): %v", err)
	}
	t.Skipf("no PID namespace can be made here: %v", err)
}

func TestReapOrphans(t *testing.T) {
	var out, complaints strings.Builder
	c := contained(t, "first")
	c.Stdout, c.Stderr = &out, &complaints
	startable(t, c.Start())
	if err := c.Wait(); err != nil || complaints.Len() > 0 || out.String() != "no child is left\n" {
		t.Errorf("%v: %s%s", err, &out, &complaints)
	}
}

// TestFirstTakesSignals: the kernel gives PID 1 those alone that it asks for.
func TestFirstTakesSignals(t *testing.T) {
	c := contained(t, "term")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	startable(t, c.Start())
	var pid int
	if _, err := fmt.Fscanf(out, "pid %d\n", &pid); err != nil || pid != 1 {
		t.Errorf("pid %d, %v", pid, err)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != ownExit {
		t.Errorf("ended with %v", err)
	}
}
