package supervisor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// plant makes fake processes, in the fake time of a bubble.
type plant struct {
	// do takes one event in process f; it may end f.
	do     func(f *fake, in sdk.Input) (sdk.Outcome, error)
	begin  func(f *fake) error // of a start, nil for none
	health func(f *fake) error
	hides  string                                                // path of the plugin that redacts
	watch  func(f *fake, take func(sdk.TrustBundle) error) error // of a provider; nil for none

	mu      sync.Mutex
	started []*fake
	most    int // that ran at a time
}

// fake is one process of a plant.
type fake struct {
	plant   *plant
	number  int // of the plant's starts, from 1
	path    string
	config  string
	policy  sdk.ProviderPolicy
	hints   []string
	took    int // events
	gone    chan struct{}
	exit    host.Exit
	stopped bool // as by SIGSTOP: it answers nothing
	closed  bool
}

var (
	segfault = host.Exit{Code: -1, Signal: "segmentation fault", Tail: "main.crash()\n\tmain.go:7"}
	killed   = host.Exit{Code: -1, Signal: "killed"}
)

func (pl *plant) start(ctx context.Context, c host.Command, _ host.Options) (supervisor.Running, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	pl.mu.Lock()
	f := &fake{plant: pl, number: len(pl.started) + 1, path: c.Path, gone: make(chan struct{})}
	pl.started = append(pl.started, f)
	pl.mu.Unlock()
	time.Sleep(50 * time.Millisecond) // what a start takes
	if pl.begin != nil {
		if err := pl.begin(f); err != nil {
			f.end(host.Exit{Code: 1})
			f.closed = true
			return nil, err
		}
	}
	pl.mu.Lock()
	defer pl.mu.Unlock()
	pl.most = max(pl.most, len(pl.alive()))
	return f, nil
}

// alive lists what runs. Callers hold mu.
func (pl *plant) alive() []*fake {
	return slices.DeleteFunc(slices.Clone(pl.started), func(f *fake) bool { return f.dead() })
}

func (pl *plant) starts() int {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	return len(pl.started)
}

// last is the newest process.
func (pl *plant) last() *fake {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	return pl.started[len(pl.started)-1]
}

func (pl *plant) killAll() {
	pl.mu.Lock()
	alive := pl.alive()
	pl.mu.Unlock()
	for _, f := range alive {
		f.end(killed)
	}
}

func (f *fake) end(e host.Exit) {
	f.plant.mu.Lock()
	defer f.plant.mu.Unlock()
	if !f.dead() {
		f.exit = e
		f.exit.At = time.Now()
		close(f.gone)
	}
}

func (f *fake) dead() bool {
	select {
	case <-f.gone:
		return true
	default:
		return false
	}
}

// pass waits until ctx or the process ends, or for d.
func (f *fake) pass(ctx context.Context, d time.Duration) error {
	for f.freeze() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.gone:
			return errGone
		case <-time.After(time.Millisecond):
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.gone:
		return errGone
	case <-after(d):
	}
	if f.dead() {
		return errGone
	}
	return nil
}

// after is time.After, without a timer for what is due at once: such timers in a
// bubble crash the race detector's runtime now and then (go1.26.8).
func after(d time.Duration) <-chan time.Time {
	if d > 0 {
		return time.After(d)
	}
	due := make(chan time.Time, 1)
	due <- time.Now()
	return due
}

// errShort is what do returns for an event that is to have no outcome.
var errShort = errors.New("short")

var errGone = fmt.Errorf("%w: %w", host.ErrEnded, sdk.ErrUnavailable)

func (f *fake) freeze() bool {
	f.plant.mu.Lock()
	defer f.plant.mu.Unlock()
	return f.stopped
}

func (f *fake) stop() {
	f.plant.mu.Lock()
	defer f.plant.mu.Unlock()
	f.stopped = true
}

func (f *fake) Describe(ctx context.Context) (host.Description, error) {
	if err := f.pass(ctx, time.Millisecond); err != nil {
		return host.Description{}, err
	}
	if f.plant.watch != nil {
		return host.Description{Name: "idp", Version: "1.0.0", Providers: []host.Provider{{Name: "idp", Schema: json.RawMessage(`{"type":"object"}`)}}}, nil
	}
	return host.Description{Name: "mask", Version: "1.0.0+" + f.path, Transforms: []host.Transform{
		{Name: "mask", Schema: json.RawMessage(`{"type":"object"}`), Redacts: f.path != "" && f.path == f.plant.hides},
	}}, nil
}

func (f *fake) Configure(ctx context.Context, c host.Configuration) error {
	if err := f.pass(ctx, time.Millisecond); err != nil {
		return err
	}
	f.policy = c.Policy
	if f.config = string(c.Config); f.config == `{"bad":1}` {
		return sdk.Diagnostics{{Path: "/bad", Text: "unknown field"}}
	}
	return nil
}

func (f *fake) Health(ctx context.Context) error {
	if err := f.pass(ctx, time.Millisecond); err != nil {
		return err
	}
	if f.plant.health != nil {
		return f.plant.health(f)
	}
	return nil
}

func (f *fake) Transform(string) sdk.Transform { return f.transform() }

func (f *fake) WatchTrust(ctx context.Context, _ string, take func(sdk.TrustBundle) error) error {
	if err := f.plant.watch(f, take); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.gone:
		return errGone
	}
}

func (f *fake) Hint(_ context.Context, _, issuer, kid string) error {
	f.plant.mu.Lock()
	defer f.plant.mu.Unlock()
	f.hints = append(f.hints, issuer+" "+kid)
	return nil
}

type transform func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error)

func (t transform) Transform(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
	return t(ctx, events)
}

func (f *fake) transform() transform {
	return func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		var outcomes []sdk.Outcome
		for _, in := range events {
			o, err := f.plant.do(f, in)
			if err == nil {
				err = f.pass(ctx, 0)
			}
			if errors.Is(err, errShort) {
				continue
			}
			if err != nil {
				return nil, err
			}
			outcomes = append(outcomes, o)
			f.plant.mu.Lock()
			f.took++
			f.plant.mu.Unlock()
		}
		return outcomes, nil
	}
}

func (f *fake) Exited() <-chan struct{} { return f.gone }

func (f *fake) Exit() host.Exit {
	f.plant.mu.Lock()
	defer f.plant.mu.Unlock()
	return f.exit
}

func (f *fake) Facts() host.Facts { return host.Facts{PID: 1000 + f.number} }

func (f *fake) Close(context.Context) error {
	f.end(killed)
	f.plant.mu.Lock()
	defer f.plant.mu.Unlock()
	f.closed = true
	return nil
}

// wait passes time, whatever happens to the process.
func (f *fake) wait(d time.Duration) { time.Sleep(d) }

// took answers an event after d, or as what happens to the process meanwhile.
func took(f *fake, d time.Duration) (sdk.Outcome, error) {
	return sdk.Outcome{Verdict: sdk.Drop, Reason: "taken"}, f.pass(context.Background(), d)
}

// poison is an event by its id, which do acts on.
func events(ids ...string) []sdk.Input {
	list := make([]sdk.Input, len(ids))
	for i, id := range ids {
		list[i] = sdk.Input{Event: &sdk.Event{ID: id, Source: "/test"}}
	}
	return list
}

func numbered(from, n int) []sdk.Input {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(from + i)
	}
	return events(ids...)
}

// rig is a running Process in a bubble.
type rig struct {
	*testing.T
	*plant
	*supervisor.Process
	stop func() // ends Run and waits for it
}

// bubble runs a story with a process over a plant, in fake time.
func bubble(t *testing.T, pl *plant, setting supervisor.Setting, story func(r *rig)) {
	t.Helper()
	if pl.do == nil {
		pl.do = func(f *fake, _ sdk.Input) (sdk.Outcome, error) { return took(f, time.Millisecond) }
	}
	synctest.Test(t, func(t *testing.T) {
		if setting.Command.Path == "" {
			setting.Command.Path = "a"
		}
		p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "mask-cards", Setting: setting}, pl.start))
		ctx, cancel := context.WithCancel(t.Context())
		var going sync.WaitGroup
		stop := func() { cancel(); going.Wait() }
		defer func() {
			stop()
			for _, f := range pl.started {
				if !f.closed {
					t.Errorf("process %d is left", f.number)
				}
			}
		}()
		going.Go(func() {
			if err := p.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		story(&rig{T: t, plant: pl, Process: p, stop: stop})
	})
}

// ready waits until the plugin can be called.
func (r *rig) ready() { <-r.Available() }

// apply gives events until they are taken, as dispatch does.
func (r *rig) apply(list []sdk.Input) []sdk.Outcome {
	r.Helper()
	for {
		r.ready()
		outcomes, _, err := r.Apply(r.Context(), list)
		if err == nil {
			if len(outcomes) != len(list) {
				r.Errorf("%d outcomes for %d events", len(outcomes), len(list))
			}
			return outcomes
		}
		if !errors.Is(err, sdk.ErrUnavailable) {
			r.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// failed lists the events that were given up, with their outcomes.
func failed(list []sdk.Input, outcomes []sdk.Outcome) map[string]sdk.Outcome {
	found := make(map[string]sdk.Outcome)
	for i, o := range outcomes {
		if o.Verdict == sdk.Fail {
			found[list[i].Event.ID] = o
		}
	}
	return found
}

// only checks that exactly these were given up.
func (r *rig) only(got map[string]sdk.Outcome, ids ...string) {
	r.Helper()
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, ids) {
		r.Errorf("given up: %v, want %v", names, ids)
	}
}

// state waits until the process is in a state.
func (r *rig) state(want supervisor.State) {
	r.Helper()
	for end := time.Now().Add(time.Hour); r.Facts().State != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("it is %s, want %s", r.Facts().State, want)
		}
	}
}
