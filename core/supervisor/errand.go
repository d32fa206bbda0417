package supervisor

import (
	"context"

	"github.com/headgate-io/headgate/sdk"
)

// errand is one Apply under way. When its caller leaves it goes on, to the end of
// the call and of the trial that may follow, and nobody gets its outcomes.
type errand struct {
	generation *generation
	events     []sdk.Input
	end        context.CancelFunc
	done       chan struct{} // closed when the rest is known

	outcomes []sdk.Outcome
	by       Plugin
	err      error

	// These belong to Process.mu.
	over   bool
	detach func() bool // from the end of the process, when its caller has left
}

// maxStrays is how many errands may go on without their callers: as many missed
// deadlines as end a process. Each keeps its events in memory, and a turn on the
// bench, for which others wait.
const maxStrays = maxMisses

// send begins an errand. It is waited for at the end of the process.
func (p *Process) send(ctx context.Context, events []sdk.Input) (*errand, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, err := p.enter()
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	e := &errand{generation: g, events: events, end: end, done: make(chan struct{})}
	p.beside.Go(func() { p.run(ctx, e) })
	return e, nil
}

func (p *Process) run(ctx context.Context, e *errand) {
	defer e.end()
	defer close(e.done)
	e.outcomes, e.by, e.err = p.apply(ctx, e.generation, e.events)
	if e.err != nil {
		e.by = Plugin{}
	}
	p.answers(e.outcomes)
	p.mu.Lock()
	defer p.mu.Unlock()
	e.over = true
	if e.detach != nil {
		e.detach()
		p.strays--
	}
}

// leave has an errand go on without its caller, until the process ends.
func (p *Process) leave(e *errand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e.over:
	case p.strays >= maxStrays:
		e.end() // too many go on already: nothing is learned of this one
	default:
		p.strays++
		e.detach = context.AfterFunc(p.ending, e.end)
	}
}
