//go:build !linux

package host

import (
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// dieWithParent does nothing here: the plugin watches its stdin and its parent.
func dieWithParent(*syscall.SysProcAttr) {}

func spawn(command *exec.Cmd, limits Limits, _ bool) error {
	if limits != (Limits{}) {
		return fmt.Errorf("%w: that needs Linux", ErrLimits)
	}
	return command.Start()
}

// reap returns when the process has ended. What is left of its group is killed
// then.
func (p *process) reap(command *exec.Cmd) time.Time {
	_ = command.Wait() // what it says is in its state, too
	at := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killGroup()
	p.reaped = true
	return at
}
