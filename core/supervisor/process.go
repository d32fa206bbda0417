package supervisor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

const (
	// healthEvery is how often an idle plugin is asked whether it can work.
	healthEvery = 5 * time.Second
	// doubtEvery is the same for one that could not, or said nothing.
	doubtEvery = time.Second
	// probation is how long a replacement has to live for there to be no way back.
	probation = time.Minute
	// drainLimit is for the calls under way when Run ends; by then nobody who can
	// use their outcomes may be left.
	drainLimit = 5 * time.Second
)

// Process keeps one configured transform or identity provider at work. Its methods are safe for
// concurrent use; Start and Run are each called once at most.
type Process struct {
	o       Options
	log     zerolog.Logger
	swaps   chan *generation // replacements, to Run
	early   chan struct{}    // a signal: the next start is due earlier
	ending  context.Context  // ends with Run
	end     context.CancelFunc
	changes chan struct{}  // holds who replaces
	beside  sync.WaitGroup // what goes on beside Run

	dropped atomic.Int64 // lines of its log
	warned  atomic.Pointer[Warning]

	isolations gate
	bench      bench

	mu        sync.Mutex
	machine   machine
	numbers   int         // generations so far
	edition   *edition    // of the next start
	live      *generation // the newest that was Ready and has not ended
	fallback  *edition    // to go back to when the live one fails on probation
	strays    int         // errands without a caller
	available chan struct{}
	opened    bool // available is closed
	record    record
}

// New returns a process that does nothing until Start or Run.
func New(o Options) *Process {
	if o.start == nil {
		o.start = startHost
	}
	p := &Process{
		o: o, log: o.Log.With().Str("plugin", o.Name).Logger(), swaps: make(chan *generation), early: make(chan struct{}, 1),
		changes: make(chan struct{}, 1), bench: bench{turn: make(chan struct{}, 1)},
		machine: machine{state: Stopped, random: rand.Float64, tolerance: quarantineAfter}, edition: newEdition(o.Setting), available: make(chan struct{}),
	}
	p.ending, p.end = context.WithCancel(context.Background())
	return p
}

// Start brings up the first generation, and errs when that fails: then nothing
// is left running, and the error says why. Unless that is [Hopeless], or ctx
// ended, the Process is in Backoff, as it is when a later generation fails. Run
// goes on from there. A Process that was started and will not be run is closed.
func (p *Process) Start(ctx context.Context) error {
	_, err := p.bring(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && !Hopeless(err):
		p.fail(nil, failing{why: err.Error()})
	default:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.machine.stopped()
		p.record.err = err.Error()
	}
	return fmt.Errorf("%s: %w", p.o.title(), err)
}

// Run watches over the plugin, and starts it again when it fails, until ctx
// ends. Then it lets the calls under way end, for a few seconds at most, closes
// the plugin and returns nil.
func (p *Process) Run(ctx context.Context) error {
	for g := p.current(); ctx.Err() == nil; g = p.next(ctx) {
		if g != nil {
			p.watch(ctx, g)
		}
	}
	p.Close()
	return nil
}

// Close ends what Start or Run left, in bounded time. The Process is of no use
// any more.
func (p *Process) Close() {
	p.mu.Lock()
	g := p.live
	p.live = nil
	p.machine.draining()
	p.announce()
	p.mu.Unlock()
	p.end()
	if g != nil {
		p.dismiss(g, drainLimit)
	}
	<-p.isolations.close()
	p.beside.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.machine.stopped()
	p.log.Info().Msg("plugin is ended")
}

func (p *Process) current() *generation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live
}

// next waits until a start is due and brings up a generation, or takes a
// replacement. It is nil when that failed or ctx ended.
func (p *Process) next(ctx context.Context) *generation {
	p.mu.Lock()
	due := p.machine.due
	p.mu.Unlock()
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil
	case g := <-p.swaps:
		p.adopt(g)
		return g
	case <-p.early:
		return nil
	case <-timer.C:
	}
	g, err := p.bring(ctx)
	if err != nil && ctx.Err() == nil {
		p.fail(nil, failing{why: err.Error(), hopeless: Hopeless(err)})
	}
	return g
}

// bring starts and configures the next generation and has it called.
func (p *Process) bring(ctx context.Context) (*generation, error) {
	number := p.number()
	p.mu.Lock()
	e := p.edition
	p.machine.starting(number)
	p.mu.Unlock()
	p.log.Debug().Int("generation", number).Msg("plugin is started")
	g, err := p.launch(ctx, e, number)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.machine.configuring()
	p.mu.Unlock()
	if err := g.configure(ctx); err != nil {
		g.kill()
		return nil, err
	}
	p.mu.Lock()
	p.machine.serving(time.Now(), number)
	p.serve(g)
	p.mu.Unlock()
	p.log.Info().Int("generation", number).Int("pid", g.process.Facts().PID).Str("version", g.about.Version).Msg("plugin is ready")
	p.tell(Began, number, g, "")
	return g, nil
}

// number is that of another generation.
func (p *Process) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.numbers++
	return p.numbers
}

// serve has a generation called, which the machine has been told. Callers hold mu.
func (p *Process) serve(g *generation) {
	p.live = g
	p.edition = g.edition
	p.record.serving(g)
	p.announce()
	if g.edition.Provider != nil {
		p.beside.Go(func() { p.listen(g) })
	}
}

// announce has Available say what is so. Callers hold mu.
func (p *Process) announce() {
	callable := p.live != nil && p.machine.state == Ready
	switch {
	case callable && !p.opened:
		close(p.available)
	case !callable && p.opened:
		p.available = make(chan struct{})
	}
	p.opened = callable
}

// Available returns a channel that is closed while the transform can be called;
// a fresh one after it went away.
func (p *Process) Available() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.available
}
