package process

import (
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"
)

// first is the PID of the process that the kernel gives orphans to.
const first = 1

// The main goroutine of such a process stays on the main thread, and nothing else
// comes there. It can be had before main alone (runtime.LockOSThread).
func init() {
	if os.Getpid() == first {
		runtime.LockOSThread()
	}
}

// ReapOrphans does work, and gives what it returns. As PID 1 of a container it also
// reaps what the plugins' own children leave behind. Call it in the main goroutine.
//
// It takes the end of no child from who waits for it. Each child belongs to the
// thread that started it, orphans are given to the main thread of PID 1, and this
// reaps children of its own thread alone (__WNOTHREAD in waitpid(2)): those
// that no code of ours has started. For that, a goroutine that starts a process from
// a thread which ends with it has to wait for the process before.
func ReapOrphans(work func() int) int {
	if os.Getpid() != first {
		return work()
	}
	ended := make(chan os.Signal, 1) // one is enough: all that have ended are reaped
	signal.Notify(ended, unix.SIGCHLD)
	defer signal.Stop(ended)
	done := make(chan int)
	go func() { done <- work() }()
	for {
		reap()
		select {
		case code := <-done:
			return code
		case <-ended:
		}
	}
}

// reap reaps all children of this thread that have ended.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WNOTHREAD, nil)
		if err != unix.EINTR && pid <= 0 {
			return // none has ended, or there is none
		}
	}
}
