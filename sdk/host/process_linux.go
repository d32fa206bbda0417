package host

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dieWithParent has the kernel kill the process when the thread that started it
// ends (PR_SET_PDEATHSIG in prctl(2)): see spawn.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

// spawn starts a process from a thread that lives as long as the process: the
// goroutine that calls it waits for the process on that thread and ends then,
// which ends the thread too. Nothing but this thread gets no_new_privs, and from
// it the process (PR_SET_NO_NEW_PRIVS).
func spawn(command *exec.Cmd, limits Limits) error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	if err := command.Start(); err != nil {
		return err
	}
	if err := limits.apply(command.Process.Pid); err != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		_ = command.Wait() // it was killed
		return err
	}
	return nil
}

// apply sets the limits of a process that just began. What it did before is
// within what the router may. The limit of a core dump is inherited where the
// router has it at zero already.
func (l Limits) apply(pid int) error {
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil {
		return fmt.Errorf("asking for the limit of core dumps: %w", err)
	}
	for _, x := range []struct {
		name     string
		resource int
		value    uint64
		set      bool
	}{
		{"core", unix.RLIMIT_CORE, 0, core.Max > 0},
		{"memory", unix.RLIMIT_DATA, l.Memory, l.Memory > 0},
		{"files", unix.RLIMIT_NOFILE, l.Files, l.Files > 0},
		{"processes", unix.RLIMIT_NPROC, l.Processes, l.Processes > 0},
		{"cpu", unix.RLIMIT_CPU, l.CPU, l.CPU > 0},
	} {
		if !x.set {
			continue
		}
		err := unix.Prlimit(pid, x.resource, &unix.Rlimit{Cur: x.value, Max: x.value}, nil)
		if errors.Is(err, unix.EPERM) {
			return fmt.Errorf("limiting %s to %d: %w; beyond the router's own limits, and for another user, it needs CAP_SYS_RESOURCE (or, for core, a router started with LimitCORE=0)", x.name, x.value, err)
		}
		if err != nil {
			return fmt.Errorf("limiting %s to %d: %w", x.name, x.value, err)
		}
	}
	return nil
}

// reap returns when the process has ended, and how little ago. Its group is killed
// between its end and the reaping, while the group's number is still its own
// (WNOWAIT in waitid(2)).
func (p *process) reap(command *exec.Cmd) time.Time {
	for unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	at := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killGroup()
	_ = command.Wait() // what it says is in its state, too
	p.reaped = true
	return at
}
