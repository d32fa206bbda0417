package supervisor

import "context"

// relieve has another process of the same edition take the place of a generation
// in which a call hangs: that the call is not waited for any more does not end
// it, and it may go on for ever. The other is started beside, so that there is
// no gap, and nothing is held against the plugin. Where it cannot be started
// things stay as they are until the next call hangs. It returns when all that is
// done, or the generation is over.
func (p *Process) relieve(g *generation) {
	ctx, cancel := context.WithCancel(p.ending)
	defer cancel()
	select {
	case p.changes <- struct{}{}:
		defer func() { <-p.changes }()
	case <-g.process.Exited():
		return
	case <-ctx.Done():
		return
	}
	if p.current() != g {
		return // replaced meanwhile, or relieved for another call
	}
	next, err := p.open(ctx, g.edition, p.number())
	if err != nil {
		if ctx.Err() == nil {
			p.log.Warn().Err(err).Int("generation", g.number).Msg("a call hangs in the plugin, and another process cannot be started beside it")
		}
		return
	}
	select {
	case g.relief <- next:
		<-next.adopted
	case <-g.process.Exited():
		next.kill()
	case <-ctx.Done():
		next.kill()
	}
}
