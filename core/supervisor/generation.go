package supervisor

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// generation is one process of an edition. It is opened once and closed once.
type generation struct {
	number    int
	edition   *edition
	process   process
	about     host.Description
	kind      host.Transform    // of a provider: name and schema
	given     [sha256.Size]byte // digest of the configuration that it was opened with
	transform sdk.Transform
	calls     gate
	adopted   chan struct{}    // closed once it is called, of a replacement
	relief    chan *generation // of the same edition, to take its place
	doubted   chan struct{}    // a signal: the plugin said that it cannot work
	doomed    chan struct{}    // closed once it is to end
	doom      sync.Once
	sentence  string // why, once doomed
}

// bounds of what a plugin is asked beside its work.
const (
	describeLimit  = 5 * time.Second // it answers within one
	configureLimit = 30 * time.Second
	healthLimit    = 3 * time.Second
	// closeLimit is for the drain of a process whose calls have all ended.
	closeLimit = 3 * time.Second
)

// launch starts a process. It is of no use before configure.
func (p *Process) launch(ctx context.Context, e *edition, number int) (*generation, error) {
	started, err := p.o.start(ctx, e.Command, host.Options{
		Log: p.lines(number), Level: p.log.GetLevel().String(), Version: p.o.Version, TempDir: p.o.TempDir,
		CallTimeout: max(e.Timeout, configureLimit),
	})
	if err != nil {
		return nil, err
	}
	return &generation{
		number: number, edition: e, process: started, adopted: make(chan struct{}), relief: make(chan *generation), doubted: make(chan struct{}, 1), doomed: make(chan struct{}),
	}, nil
}

// configure asks the plugin what it is and opens its transform or provider.
func (g *generation) configure(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, describeLimit)
	defer cancel()
	var err error
	if g.about, err = g.process.Describe(asking); err != nil {
		return g.explain("describe", err)
	}
	if want := g.edition.Plugin; want != "" && g.about.Name != want {
		return fmt.Errorf("%w: it calls itself %q, the configuration says plugin = %q", errUnfit, g.about.Name, want)
	}
	if err := g.choose(); err != nil {
		return err
	}
	config := json.RawMessage("{}")
	if g.edition.Resolve != nil {
		if config, err = g.edition.Resolve(g.kind.Schema); err != nil {
			return fmt.Errorf("%w: configuration: %w", errUnfit, err)
		}
	}
	g.given = sha256.Sum256(config)
	opening, cancel := context.WithTimeout(ctx, configureLimit)
	defer cancel()
	c := host.Configuration{Kind: g.kind.Name, Config: config}
	if provider := g.edition.Provider; provider != nil {
		c.Policy = provider.Policy
	} else {
		g.transform = g.process.Transform(g.kind.Name)
	}
	if err := g.process.Configure(opening, c); err != nil {
		return g.explain("configure", err)
	}
	return nil
}

// choose finds the kind that the edition names among those the plugin has.
func (g *generation) choose() error {
	noun, names, found := "transform", g.about.TransformNames(), false
	if g.edition.Provider != nil {
		var p host.Provider
		p, found = g.about.Provider(g.edition.Kind)
		g.kind = host.Transform{Name: p.Name, Schema: p.Schema}
		noun, names = "provider", g.about.ProviderNames()
	} else {
		g.kind, found = g.about.Transform(g.edition.Kind)
	}
	switch {
	case found:
		return nil
	case names == "":
		return fmt.Errorf("%w: plugin %s %s has no %ss", errUnfit, g.about.Name, g.about.Version, noun)
	case g.edition.Kind == "":
		return fmt.Errorf("%w: plugin %s %s has several %ss: set kind to one of %s", errUnfit, g.about.Name, g.about.Version, noun, names)
	}
	return fmt.Errorf("%w: plugin %s %s has no %s %q: set kind to one of %s", errUnfit, g.about.Name, g.about.Version, noun, g.edition.Kind, names)
}

// explain adds how the process ended to an error that says no more than that it
// did.
func (g *generation) explain(doing string, err error) error {
	if f, ok := judge(err, g.process, 0); ok && f.crime == died {
		return fmt.Errorf("%s: %w: %s", doing, err, f.what)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// call has the plugin transform events within its deadline. Where it fails to
// answer as it must, the fault says how.
func (g *generation) call(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, *fault, error) {
	began := time.Now()
	timeout := g.edition.Timeout
	calling, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	outcomes, err := g.transform.Transform(calling, events)
	if err == nil && len(outcomes) != len(events) {
		err = fmt.Errorf("%w: %d outcomes for %d events", host.ErrBreach, len(outcomes), len(events))
	}
	if err == nil {
		return outcomes, nil, nil
	}
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	after := time.Since(began)
	// The deadline travels with the call, so the other side may see it first. One
	// that comes much sooner is the plugin's own business.
	if calling.Err() != nil || errors.Is(err, context.DeadlineExceeded) && after > timeout/2 {
		return nil, &fault{crime: hung, what: fmt.Sprintf("no answer within its timeout of %s", timeout), fatal: true, after: after}, err
	}
	if errors.Is(err, sdk.ErrUnavailable) && !errors.Is(err, host.ErrEnded) {
		// Does it say so itself, or is it a connection that broke?
		if again := g.process.Health(ctx); errors.Is(again, host.ErrEnded) {
			err = again
		}
	}
	if f, ok := judge(err, g.process, after); ok {
		return nil, &f, err
	}
	return nil, nil, err
}

// condemn has the process replaced by another, for a reason.
func (g *generation) condemn(why string) {
	g.doom.Do(func() {
		g.sentence = why
		close(g.doomed)
	})
}

// gone tells whether the process has ended.
func (g *generation) gone() bool {
	select {
	case <-g.process.Exited():
		return true
	default:
		return false
	}
}

// retire lets the calls under way end, each within its deadline, and closes the
// process.
func (g *generation) retire(within time.Duration) error {
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case <-g.calls.close():
	case <-limit.C:
	case <-g.process.Exited():
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	return g.process.Close(ctx)
}

// kill ends the process without a drain. What Close says of that is no news.
func (g *generation) kill() {
	g.calls.close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = g.process.Close(ctx)
}

// open launches and configures; when it errs nothing is left running.
func (p *Process) open(ctx context.Context, e *edition, number int) (*generation, error) {
	g, err := p.launch(ctx, e, number)
	if err != nil {
		return nil, err
	}
	if err := g.configure(ctx); err != nil {
		g.kill()
		return nil, err
	}
	return g, nil
}
