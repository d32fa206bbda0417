package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// gate is what takes the bundles of a provider.
type gate struct {
	mu   sync.Mutex
	took []string // generation and version
	says error
}

func (g *gate) take(generation int, b sdk.TrustBundle) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.took = append(g.took, fmt.Sprintf("%d/%d", generation, b.Version))
	return g.says
}

func (g *gate) seen() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.took, " ")
}

// provide runs a Process of a provider in a bubble.
func provide(t *testing.T, pl *plant, g *gate, script func(p *supervisor.Process)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "okta", Setting: supervisor.Setting{
			Provider: &supervisor.Provider{Policy: sdk.ProviderPolicy{Issuers: []string{"i"}}, Take: g.take}}}, pl.start))
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var going sync.WaitGroup
		going.Go(func() { _ = p.Run(ctx) })
		script(p)
		cancel()
		going.Wait()
		if len(pl.alive()) > 0 {
			t.Error("a process is left")
		}
	})
}

// TestBundlesBearTheirGeneration: a provider that is started again publishes
// under a higher number, and what it was configured with is the router's policy.
func TestBundlesBearTheirGeneration(t *testing.T) {
	g := &gate{}
	pl := &plant{watch: func(_ *fake, take func(sdk.TrustBundle) error) error {
		return errors.Join(take(sdk.TrustBundle{Version: 1}), take(sdk.TrustBundle{Version: 2}))
	}}
	provide(t, pl, g, func(p *supervisor.Process) {
		synctest.Wait()
		pl.started[0].end(killed)
		time.Sleep(time.Second)
		if got := g.seen(); got != "1/1 1/2 2/1 2/2" {
			t.Errorf("took %s", got)
		}
		if got := pl.started[1].policy.Issuers; !slices.Equal(got, []string{"i"}) {
			t.Errorf("policy for %v", got)
		}
		if f := p.Facts(); f.State != supervisor.Ready || f.Kind != "idp" || f.Failures != 1 {
			t.Errorf("facts %+v", f)
		}
	})
}

// TestARefusedBundleIsNoFailure: the plugin hears why, and lives.
func TestARefusedBundleIsNoFailure(t *testing.T) {
	g := &gate{says: errors.New("empty")}
	heard := make(chan error, 1)
	pl := &plant{watch: func(_ *fake, take func(sdk.TrustBundle) error) error {
		heard <- take(sdk.TrustBundle{Version: 1})
		return nil
	}}
	provide(t, pl, g, func(p *supervisor.Process) {
		time.Sleep(time.Minute)
		if err := <-heard; err == nil || err.Error() != "empty" {
			t.Errorf("the plugin heard %v", err)
		}
		if f := p.Facts(); f.State != supervisor.Ready || f.Failures != 0 || pl.starts() != 1 {
			t.Errorf("facts %+v", f)
		}
	})
}

// TestAProviderThatWatchesNoMoreIsStartedAgain: its bundles would never change.
func TestAProviderThatWatchesNoMoreIsStartedAgain(t *testing.T) {
	for name, end := range map[string]error{"breach": errors.New("no JSON"), "replaced": sdk.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			g := &gate{}
			pl := &plant{watch: func(f *fake, take func(sdk.TrustBundle) error) error {
				if err := take(sdk.TrustBundle{Version: 1}); err != nil || f.number > 1 {
					return err
				}
				return end
			}}
			provide(t, pl, g, func(p *supervisor.Process) {
				time.Sleep(time.Second)
				if got := g.seen(); got != "1/1 2/1" || p.Facts().State != supervisor.Ready {
					t.Errorf("took %s, %s", got, p.Facts().State)
				}
				if crash := p.Facts().LastCrash; crash == nil || !strings.Contains(crash.Reason, "it ended its watch: "+end.Error()) {
					t.Errorf("last crash %+v", crash)
				}
			})
		})
	}
}

// TestReplacedProvidersGoOn: the new one publishes, and nothing of the old one is
// held against it.
func TestReplacedProvidersGoOn(t *testing.T) {
	g := &gate{}
	pl := &plant{watch: func(_ *fake, take func(sdk.TrustBundle) error) error { return take(sdk.TrustBundle{Version: 1}) }}
	provide(t, pl, g, func(p *supervisor.Process) {
		synctest.Wait()
		err := p.Replace(context.Background(), supervisor.Setting{Command: host.Command{Path: "new"}, Provider: &supervisor.Provider{Take: g.take}})
		time.Sleep(time.Minute)
		if f := p.Facts(); err != nil || g.seen() != "1/1 2/1" || f.Failures != 0 || f.RolledBack != "" {
			t.Errorf("%v, took %s, facts %+v", err, g.seen(), f)
		}
	})
}

func TestHintsGoToTheProvider(t *testing.T) {
	pl := &plant{watch: func(*fake, func(sdk.TrustBundle) error) error { return nil }}
	provide(t, pl, &gate{}, func(p *supervisor.Process) {
		p.Hint(context.Background(), "i", "k")
		pl.started[0].end(killed)
		synctest.Wait()
		p.Hint(context.Background(), "i", "lost")
		time.Sleep(time.Second)
		p.Hint(context.Background(), "i", "l")
		pl.mu.Lock()
		defer pl.mu.Unlock()
		if got := fmt.Sprint(pl.started[0].hints, pl.started[1].hints); got != "[i k] [i l]" {
			t.Errorf("hints %s", got)
		}
	})
}

// TestAProviderIsNoTransform: the kinds of one are not offered for the other.
func TestAProviderIsNoTransform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &plant{watch: func(*fake, func(sdk.TrustBundle) error) error { return nil }}
		for want, c := range map[string]struct {
			pl *plant
			s  supervisor.Setting
		}{
			"transform x: plugin does not fit: plugin idp 1.0.0 has no transforms": {provider, supervisor.Setting{}},
			"auth x: plugin does not fit: plugin mask 1.0.0+ has no providers":     {&plant{}, supervisor.Setting{Provider: &supervisor.Provider{}}},
			`has no provider "a": set kind to one of idp`:                          {provider, supervisor.Setting{Kind: "a", Provider: &supervisor.Provider{}}},
		} {
			p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "x", Setting: c.s}, c.pl.start))
			if err := p.Start(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %s", err, want)
			}
			p.Close()
		}
	})
}
