package supervisor

import (
	"context"

	"github.com/headgate-io/headgate/sdk/host"
)

// Running is what a fake process is.
type Running = process

// StartedBy has the processes of o started by something else than host.Start.
func StartedBy(o Options, start func(context.Context, host.Command, host.Options) (Running, error)) Options {
	o.start = start
	return o
}

// Tolerate has p quarantined only after so many failures.
func Tolerate(p *Process, failures int) { p.machine.tolerance = failures }

// Answers tells whether whoever asks the process does not have to wait.
func Answers(p *Process) bool {
	if !p.mu.TryLock() {
		return false
	}
	p.mu.Unlock()
	return true
}
