package supervisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// Plugin is what gave outcomes.
type Plugin struct {
	Version string
	Redacts bool // takes out what consumers must not see
}

// Apply has the plugin transform events, within the setting's Timeout, and
// returns one outcome for each, in order, and what gave them. It blocks until
// then or until ctx ends: then it errs at once, and the call goes on without it, so
// that a plugin that loops is found out however little patience its callers have.
// It does not change the events, and they stay as they are for good: some are
// tried again later. The plugin is sent of them what its kind needs.
//
// Where the plugin dies, misses its deadline, answers too much or breaks the
// wire meanwhile, each event is run alone in another process of the same kind;
// for how long depends on what they do to it. An event that makes the plugin
// fail there, again and again, while others pass in the same processes, is given
// up: its outcome is a permanent Fail that says what it did.
//
// An error is about none of the events: nothing became of any. It leaves it to the
// caller to name the transform, and wraps
// sdk.ErrUnavailable when the plugin cannot be called now; see Available.
func (p *Process) Apply(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, Plugin, error) {
	if err := ctx.Err(); err != nil {
		return nil, Plugin{}, err
	}
	e, err := p.send(ctx, events)
	if err != nil {
		return nil, Plugin{}, err
	}
	select {
	case <-e.done:
		return e.outcomes, e.by, e.err
	case <-ctx.Done():
		p.leave(e)
		return nil, Plugin{}, ctx.Err()
	}
}

// apply is Apply in one generation, where nobody leaves.
func (p *Process) apply(ctx context.Context, g *generation, events []sdk.Input) ([]sdk.Outcome, Plugin, error) {
	outcomes, f, err := g.call(ctx, events)
	g.calls.leave()
	p.called(g, len(events), f, err)
	switch {
	case f != nil:
		found := p.isolate(ctx, g, events, *f) // in processes of its edition
		return found.outcomes, Plugin{Version: found.version, Redacts: g.kind.Redacts}, found.err
	case errors.Is(err, sdk.ErrUnavailable):
		p.doubt(g, err)
		return nil, Plugin{}, err
	case errors.Is(err, host.ErrNotConfigured):
		g.condemn("it has lost its configuration")
		return nil, Plugin{}, fmt.Errorf("%w: %w", sdk.ErrUnavailable, err)
	case err != nil:
		return nil, Plugin{}, err
	}
	if len(events) > 0 {
		g.edition.took(events[0])
	}
	return outcomes, Plugin{Version: g.about.Version, Redacts: g.kind.Redacts}, nil
}

// enter counts a call into the generation that is called now; it leaves its
// calls. Callers hold mu.
func (p *Process) enter() (*generation, error) {
	g := p.live
	if g != nil && g.gone() {
		p.forget(g) // whoever sees it first
	}
	switch {
	case p.live == nil || p.machine.state != Ready:
		return nil, fmt.Errorf("%w: it is %s; its last error: %s", sdk.ErrUnavailable, p.machine.state, cmp.Or(p.record.err, "none"))
	case !g.calls.enter():
		return nil, fmt.Errorf("%w: it is ending", sdk.ErrUnavailable)
	}
	return g, nil
}

// called notes how a call of the live generation ended.
func (p *Process) called(g *generation, events int, f *fault, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record.calls++
	p.record.events += events
	newest := p.machine.generation == g.number
	if err == nil && newest {
		p.machine.answered()
	}
	if f == nil {
		return
	}
	p.record.err = f.String()
	if f.crime != hung {
		return
	}
	p.record.misses++
	if newest && p.machine.missed() {
		g.condemn(fmt.Sprintf("%d calls in a row missed their deadline of %s", maxMisses, g.edition.Timeout))
	}
}
