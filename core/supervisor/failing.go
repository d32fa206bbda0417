package supervisor

import "time"

// failing is why a generation is over.
type failing struct {
	why      string
	stack    string
	hopeless bool // starting it again cannot help
}

// fail notes that a generation is over or could not begin, and what comes next.
// g is nil where it could not.
func (p *Process) fail(g *generation, f failing) {
	p.tell(Crashed, p.failed(g, f), g, f.why)
}

// failed is fail without a word to the outside. It gives the number of what failed.
func (p *Process) failed(g *generation, f failing) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	young := p.machine.age(now) < probation
	p.live = nil
	p.machine.failed(now, f.hopeless)
	p.record.failed(now, p.machine.generation, f)
	e := p.log.Error().Int("generation", p.machine.generation).Str("reason", f.why)
	if f.stack != "" {
		e = e.Str("stack", f.stack)
	}
	back := p.fallback
	p.fallback = nil
	switch {
	case back != nil && g != nil && young:
		p.edition = back
		p.machine.retry(now)
		p.record.rolledBack = f.why
		e.Msg("plugin failed soon after it was replaced: going back to what was there before")
	case p.machine.state == Quarantined:
		e.Time("next", p.machine.due).Msg("plugin is quarantined: what needs it waits, and it is tried once a minute")
	case g == nil:
		e.Dur("pause", p.machine.due.Sub(now)).Msg("plugin did not start: what needs it waits, and it is started again")
	default:
		e.Dur("pause", p.machine.due.Sub(now)).Msg("plugin failed: it is started again")
	}
	p.announce()
	return p.machine.generation
}

// pardon takes back the failure of a generation that events were to blame for.
func (p *Process) pardon(g *generation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.machine.pardon(time.Now(), g.number) {
		return
	}
	p.log.Info().Int("generation", g.number).Msg("plugin failed for an event that is given up: it is started again at once")
	select {
	case p.early <- struct{}{}:
	default: // a signal is waiting already; one is enough
	}
}
