package supervisor

import (
	"context"
	"fmt"

	"github.com/headgate-io/headgate/sdk"
)

// Replace puts another command or configuration in place while the old one goes
// on: a process of its own is started, asked what it is, configured, and only
// then called in place of the old one, whose calls under way end as they began.
// When any of that fails, or ctx ends first, nothing has changed and the error
// says why. One that fails within a minute after Replace returned is taken back,
// and what was there before is started again: Facts say so. Replace works while
// Run does.
func (p *Process) Replace(ctx context.Context, s Setting) error {
	if err := p.replace(ctx, newEdition(s)); err != nil {
		return fmt.Errorf("%s is as it was: %w", p.o.title(), err)
	}
	return nil
}

func (p *Process) replace(ctx context.Context, e *edition) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ending, cancel)()
	select {
	case p.changes <- struct{}{}:
		defer func() { <-p.changes }()
	case <-ctx.Done():
		return p.over(ctx)
	}
	g, err := p.open(ctx, e, p.number())
	switch {
	case ctx.Err() != nil && err != nil:
		return p.over(ctx)
	case err != nil:
		return err
	}
	select {
	case p.swaps <- g:
		<-g.adopted
		return nil
	case <-ctx.Done():
		g.kill()
		return p.over(ctx)
	}
}

var errEnding = fmt.Errorf("%w: the router is ending", sdk.ErrUnavailable)

// over says why ctx ended.
func (p *Process) over(ctx context.Context) error {
	if p.ending.Err() != nil {
		return errEnding
	}
	return ctx.Err()
}
