package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// watch sees to a generation, and to those that replace it, until the last has
// failed or ctx ends.
func (p *Process) watch(ctx context.Context, g *generation) {
	timer := time.NewTimer(healthEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case next := <-p.swaps:
			g = p.succeed(g, next)
			timer.Reset(healthEvery)
		case next := <-g.relief:
			g = p.succeed(g, next)
			timer.Reset(healthEvery)
		case <-g.process.Exited():
			exit := g.process.Exit()
			p.fail(g, failing{why: manner(exit), stack: exit.Tail})
			g.kill() // what is left of its group, and its directory
			return
		case <-g.doomed:
			p.close(g)
			g.kill()
			p.fail(g, failing{why: g.sentence, stack: g.process.Exit().Tail})
			return
		case <-g.doubted:
			timer.Reset(doubtEvery)
		case <-timer.C:
			timer.Reset(p.examine(ctx, g))
		}
	}
}

// succeed has next called in place of old, which is ended.
func (p *Process) succeed(old, next *generation) *generation {
	p.adopt(next)
	p.beside.Go(func() { p.dismiss(old, old.edition.Timeout) })
	return next
}

// adopt has a generation called in place of what was.
func (p *Process) adopt(g *generation) {
	p.adopted(g)
	p.tell(Replaced, g.number, g, "")
}

// adopted is adopt without a word to the outside.
func (p *Process) adopted(g *generation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	said := "plugin is replaced"
	if g.edition == p.edition {
		said = "a call hung in the plugin: another process takes its place"
		p.machine.relieved(g.number)
	} else {
		p.fallback = nil
		if p.live != nil && p.machine.state == Ready {
			p.fallback = p.edition
		}
		p.machine.renewed()
		p.record.rolledBack = ""
		p.machine.serving(time.Now(), g.number)
	}
	p.serve(g)
	close(g.adopted)
	p.log.Info().Int("generation", g.number).Int("pid", g.process.Facts().PID).Str("version", g.about.Version).Msg(said)
}

// dismiss ends a generation that is not called any more.
func (p *Process) dismiss(g *generation, within time.Duration) {
	if err := g.retire(min(within, g.edition.Timeout)); err != nil && !g.gone() {
		p.log.Warn().Err(err).Int("generation", g.number).Msg("plugin did not end by itself")
	}
}

// examine asks a plugin whether it can work, and returns when to ask again. One
// that has calls under way may be too busy to answer: their deadlines tell.
func (p *Process) examine(ctx context.Context, g *generation) time.Duration {
	asking, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	err := g.process.Health(asking)
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.machine.state
	switch {
	case err == nil:
		p.machine.healthy()
	case errors.Is(err, host.ErrEnded) || ctx.Err() != nil:
		return healthEvery // what follows says more
	case errors.Is(err, sdk.ErrUnavailable):
		p.machine.unfit()
		p.record.err = err.Error()
	case g.calls.count() > 0:
		return doubtEvery
	case p.machine.silent():
		g.condemn(fmt.Sprintf("%d health questions in a row without an answer: %v", maxMisses, err))
	}
	p.announce()
	if now := p.machine.state; now != before {
		p.log.Warn().AnErr("reason", err).Int("generation", g.number).Str("state", string(now)).Msg("plugin changed its health")
	}
	if p.machine.state == Degraded {
		return doubtEvery
	}
	return healthEvery
}

// doubt notes that a plugin refused a call, for it cannot work now.
func (p *Process) doubt(g *generation, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live != g || p.machine.state != Ready {
		return
	}
	p.machine.unfit()
	p.record.err = why.Error()
	p.announce()
	p.log.Warn().AnErr("reason", why).Int("generation", g.number).Str("state", string(Degraded)).Msg("plugin changed its health")
	select {
	case g.doubted <- struct{}{}:
	default: // a signal is waiting already; one is enough
	}
}

// close has a generation not be called any more.
func (p *Process) close(g *generation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(g)
}

// forget is close. Callers hold mu.
func (p *Process) forget(g *generation) {
	if p.live == g {
		p.live = nil
		p.machine.draining()
		p.announce()
	}
}
