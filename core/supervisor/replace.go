package supervisor

import (
	"context"
	"crypto/sha256"
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
	r, err := p.Prepare(ctx, s)
	if err != nil {
		return err
	}
	return r.Use(ctx)
}

// Replacement is another generation that is ready beside the one at work. One of
// Use and Drop has to be called.
type Replacement struct {
	p *Process
	g *generation
}

// Prepare is the first half of Replace: all that can fail by the plugin. Nobody
// else can replace before the other half.
func (p *Process) Prepare(ctx context.Context, s Setting) (*Replacement, error) {
	g, err := p.prepare(ctx, newEdition(s))
	if err != nil {
		return nil, p.unchanged(err)
	}
	return &Replacement{p, g}, nil
}

func (p *Process) prepare(ctx context.Context, e *edition) (_ *generation, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ending, cancel)()
	select {
	case p.changes <- struct{}{}:
	case <-ctx.Done():
		return nil, p.over(ctx)
	}
	g, err := p.open(ctx, e, p.number())
	if err == nil {
		return g, nil
	}
	<-p.changes
	if ctx.Err() != nil {
		err = p.over(ctx)
	}
	return nil, err
}

// Use has it called from now on.
func (r *Replacement) Use(ctx context.Context) error {
	p := r.p
	defer func() { <-p.changes }()
	select {
	case p.swaps <- r.g:
		<-r.g.adopted
		return nil
	case <-ctx.Done():
	case <-p.ending.Done():
	}
	r.g.kill()
	return p.unchanged(p.over(ctx))
}

// Outdated reports whether a setting would configure the plugin otherwise than the
// process that is called now: secrets may have changed in their files. Where none
// is called there is nothing to replace: what starts next reads them anew.
func (p *Process) Outdated(s Setting) (bool, error) {
	g := p.current()
	if g == nil || s.Resolve == nil {
		return false, nil
	}
	config, err := s.Resolve(g.kind.Schema)
	if err != nil {
		return false, p.unchanged(fmt.Errorf("configuration: %w", err))
	}
	return sha256.Sum256(config) != g.given, nil
}

// Redacts tells whether it says that it redacts.
func (r *Replacement) Redacts() bool { return r.g.kind.Redacts }

// Drop ends it. Nothing has changed.
func (r *Replacement) Drop() {
	r.g.kill()
	<-r.p.changes
}

func (p *Process) unchanged(why error) error {
	return fmt.Errorf("%s is as it was: %w", p.o.title(), why)
}

var errEnding = fmt.Errorf("%w: the router is ending", sdk.ErrUnavailable)

// over says why ctx ended.
func (p *Process) over(ctx context.Context) error {
	if p.ending.Err() != nil {
		return errEnding
	}
	return ctx.Err()
}
