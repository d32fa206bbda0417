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
//
// A foreign program is held before its first instruction until it has its limits,
// lest it forks before: a traced process stops as it executes (ptrace(2)).
func spawn(command *exec.Cmd, limits Limits, foreign bool) error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	// What a router was given to change users with is not for its plugins: a change
	// from one user to another who is not root keeps ambient capabilities
	// (capabilities(7)).
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil && err != unix.EINVAL { // Linux 4.3 knows them
		return fmt.Errorf("clearing ambient capabilities: %w", err)
	}
	held := foreign && limits != (Limits{})
	command.SysProcAttr.Ptrace = held
	if err := command.Start(); err != nil {
		if held && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS)) {
			return fmt.Errorf("%w: %w; %s", ErrLimits, err, untraced)
		}
		return err
	}
	pid := command.Process.Pid
	var err error
	if held {
		err = awaitHold(pid)
	}
	if err == nil {
		err = limits.apply(pid)
	}
	if err == nil && held {
		err = unix.PtraceDetach(pid)
	}
	if err == nil {
		return nil
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	_ = command.Wait() // it was killed
	if err == errNotHeld {
		if command.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGSYS {
			return fmt.Errorf("%w: %v; %s", ErrLimits, command.ProcessState, untraced)
		}
		return fmt.Errorf("%w: %v", ErrDied, command.ProcessState)
	}
	return err
}

// untraced is what to do where the kernel refuses to hold a program.
const untraced = "limits are set while the router traces the plugin's start: permit it the system call ptrace (seccomp, SystemCallFilter=; kernel.yama.ptrace_scope at most 1), or give the plugin no limits"

var errNotHeld = errors.New("the process ended before it could be held")

// awaitHold returns when a traced process has executed its program and stopped.
// One that ended is left to be reaped.
func awaitHold(pid int) error {
	const trapped = 4 // CLD_TRAPPED in sigaction(2)
	var info unix.Siginfo
	for {
		switch err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil); {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("waiting for the process to be held: %w", err)
		case info.Code != trapped:
			return errNotHeld
		default:
			return nil
		}
	}
}

// apply sets the limits of a process. The limit of a core dump is inherited where
// the router has it at zero already.
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
			return fmt.Errorf("%w: %s to %d: %w; beyond the router's own limits, and for another user, it needs CAP_SYS_RESOURCE (or, for core, a router started with LimitCORE=0)", ErrLimits, x.name, x.value, err)
		}
		if err != nil {
			return fmt.Errorf("%w: %s to %d: %w", ErrLimits, x.name, x.value, err)
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
