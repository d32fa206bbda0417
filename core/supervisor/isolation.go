package supervisor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// bench is where events are run alone: in one process at a time, whose use goes
// from one isolation to the next. Whoever holds the turn may use the rest.
type bench struct {
	turn    chan struct{}
	scratch *generation // nil when none runs
	alibi   alibi       // of scratch
	queue   gate        // who holds the turn or waits for it; never shut
}

// isolation is one trial of the events of a failed call, on the bench.
type isolation struct {
	p      *Process
	of     *generation // in which the call failed
	events []sdk.Input
	trial  *trial
	last   error // what the last wasted run came to
}

// finding is what an isolation came to.
type finding struct {
	outcomes []sdk.Outcome
	version  string
	err      error
}

// isolate runs events alone after a call of g failed with f. Once it is its turn
// it goes on until it has found out, even when ctx ends.
func (p *Process) isolate(ctx context.Context, g *generation, events []sdk.Input, f fault) finding {
	if p.ending.Err() != nil || !p.isolations.enter() {
		return finding{err: errEnding}
	}
	defer p.isolations.leave()
	p.bench.queue.enter()
	defer p.tidy()
	select {
	case p.bench.turn <- struct{}{}:
		defer func() { <-p.bench.turn }()
		return p.alone(p.ending, g, events, f)
	case <-ctx.Done():
		return finding{err: p.over(ctx)}
	case <-p.ending.Done():
		return finding{err: errEnding}
	}
}

// alone is isolate when it is its turn. What the failed call brought upon g is
// made good.
func (p *Process) alone(ctx context.Context, g *generation, events []sdk.Input, f fault) finding {
	p.log.Warn().Int("generation", g.number).Str("reason", f.String()).Int("events", len(events)).Msg("running events alone")
	i := &isolation{p: p, of: g, events: events, trial: newTrial(len(events), rand.Perm)}
	version, err := i.run(ctx)
	if err != nil {
		return finding{err: err}
	}
	p.isolated(len(events), i.trial.blamed)
	if i.trial.blamed > 0 {
		p.pardon(g)
	}
	if f.crime == hung {
		p.beside.Go(func() { p.relieve(g) })
	}
	return finding{outcomes: i.trial.results, version: version}
}

// tidy leaves the bench. The last to leave ends the process there.
func (p *Process) tidy() {
	p.bench.queue.leave()
	if p.bench.queue.count() > 0 {
		return
	}
	select {
	case p.bench.turn <- struct{}{}:
		p.discard()
		<-p.bench.turn
	default: // somebody came meanwhile, and will leave after this
	}
}

// discard ends the process on the bench. Callers hold the turn.
func (p *Process) discard() {
	if p.bench.scratch != nil {
		p.bench.scratch.kill()
		p.bench.scratch, p.bench.alibi = nil, alibi{}
	}
}

// run tries the events until all are done with, and returns the version of the
// plugin.
func (i *isolation) run(ctx context.Context) (string, error) {
	var version string
	for {
		n, suspicion, more := i.trial.next()
		switch {
		case !more:
			return version, nil
		case ctx.Err() != nil:
			return "", i.p.over(ctx)
		case i.trial.futile():
			return "", fmt.Errorf("%w: it fails whatever it is given: %w", sdk.ErrUnavailable, i.last)
		}
		g, err := i.process(ctx)
		if err != nil {
			if Hopeless(err) {
				return "", fmt.Errorf("%w: it cannot be started any more: %w", sdk.ErrUnavailable, err)
			}
			i.last = err
			i.trial.waste()
			pause(ctx, firstPause)
			continue
		}
		version = g.about.Version
		if suspicion.roused {
			if err := i.control(ctx, g, i.events[n], suspicion); err != nil {
				i.last = err
				i.trial.acquit()
				continue
			}
		}
		if err := i.try(ctx, g, n); err != nil {
			return "", err
		}
	}
}

// process is the one on the bench, of the same edition, started if need be.
func (i *isolation) process(ctx context.Context) (*generation, error) {
	b := &i.p.bench
	if b.scratch != nil && (b.scratch.edition != i.of.edition || b.scratch.gone()) {
		i.p.discard()
	}
	if b.scratch == nil {
		g, err := i.p.open(ctx, i.of.edition, 0)
		if err != nil {
			return nil, err
		}
		b.scratch = g
	}
	return b.scratch, nil
}

// control has a process take an event that it took before, for so long and so
// often as the suspicion asks: it errs when the process cannot. Where no such event is known
// there is no control, and a failure counts for nothing unless another event
// passed in the process.
func (i *isolation) control(ctx context.Context, g *generation, suspect sdk.Input, s suspicion) error {
	canary, ok := i.of.edition.witness(suspect)
	if !ok {
		return nil
	}
	long, calls := s.control(rand.Float64()), s.calls(rand.IntN(leastControls))
	for began, n := time.Now(), 1; ; n++ {
		at := time.Now()
		_, _, err := g.call(ctx, []sdk.Input{canary})
		if ctx.Err() == nil {
			i.of.edition.heard(err == nil)
		}
		if err != nil {
			i.p.discard()
			return err
		}
		i.vouch(time.Since(at))
		if n >= calls && time.Since(began) >= long && !s.repeats(i.p.bench.alibi) {
			return nil
		}
	}
}

// try runs one event alone. It errs when ctx ends, or with what the plugin itself
// says: that is about no event.
func (i *isolation) try(ctx context.Context, g *generation, n int) error {
	at := time.Now()
	outcomes, f, err := g.call(ctx, i.events[n:n+1])
	switch {
	case err == nil:
		i.trial.passed(outcomes[0])
		i.vouch(time.Since(at))
		i.of.edition.took(i.events[n])
	case f != nil:
		i.last = err
		id, source := i.events[n].Event.ID, i.events[n].Event.Source
		if i.trial.failed(*f, i.p.bench.alibi) {
			i.p.log.Error().Str("id", id).Str("source", source).Str("reason", f.String()).Str("stack", f.stack).Msg("event given up: it makes the plugin fail while others pass")
		}
		if f.fatal {
			i.p.discard()
		}
	case ctx.Err() != nil:
		return i.p.over(ctx)
	default:
		return err
	}
	return nil
}

func (i *isolation) vouch(busy time.Duration) {
	i.p.bench.alibi.passes++
	i.p.bench.alibi.busy += busy
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
