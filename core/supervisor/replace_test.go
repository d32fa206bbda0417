package supervisor_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

func path(p string) supervisor.Setting {
	return supervisor.Setting{Command: host.Command{Path: p}}
}

// TestReplaceUnderLoad: calls go on all the time, and none fails.
func TestReplaceUnderLoad(t *testing.T) {
	pl := &plant{hides: "c", do: func(f *fake, _ sdk.Input) (sdk.Outcome, error) { return took(f, 3*time.Millisecond) }}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.ready()
		ctx, cancel := context.WithCancel(r.Context())
		var going sync.WaitGroup
		var mu sync.Mutex
		seen := make(map[string]int)
		for range 4 {
			going.Go(func() {
				for ctx.Err() == nil {
					_, by, err := r.Apply(r.Context(), numbered(0, 10))
					if err != nil {
						r.Error(err)
						return
					}
					mu.Lock()
					seen[by.Version]++
					mu.Unlock()
				}
			})
		}
		for _, v := range []string{"b", "c", "d"} {
			time.Sleep(time.Second)
			if err := r.Replace(r.Context(), path(v)); err != nil {
				r.Error(err)
			}
			if _, by, err := r.Apply(r.Context(), numbered(0, 1)); err != nil || by != (supervisor.Plugin{Version: "1.0.0+" + v, Redacts: v == "c"}) {
				r.Errorf("after Replace: %+v %v", by, err)
			}
		}
		time.Sleep(time.Second)
		cancel()
		going.Wait()
		if f := r.Facts(); len(seen) != 4 || f.Isolated != 0 || f.Failures != 0 {
			r.Errorf("versions %v, facts %+v", seen, f)
		}
		r.plant.mu.Lock()
		defer r.plant.mu.Unlock()
		if r.most != 2 || len(r.alive()) != 1 {
			r.Errorf("%d at most, %d now", r.most, len(r.alive()))
		}
	})
}

func TestReplaceThatFails(t *testing.T) {
	pl := &plant{begin: func(f *fake) error {
		if f.path == "hash" {
			return host.ErrHash
		}
		f.stopped = f.path == "mute"
		return nil
	}}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.ready()
		refused := path("b")
		refused.Resolve = config(`{"bad":1}`)
		for want, s := range map[string]supervisor.Setting{
			"transform mask-cards is as it was: plugin file differs": path("hash"),
			"transform mask-cards is as it was: configure: /bad":     refused,
			"transform mask-cards is as it was: describe: context":   path("mute"),
		} {
			if err := r.Replace(r.Context(), s); err == nil || !strings.HasPrefix(err.Error(), want) {
				r.Errorf("error %v, want %s", err, want)
			}
			if _, by, err := r.Apply(r.Context(), numbered(0, 1)); err != nil || by.Version != "1.0.0+a" {
				r.Errorf("%s %v", by.Version, err)
			}
		}
		r.plant.mu.Lock()
		defer r.plant.mu.Unlock()
		if len(r.alive()) != 1 {
			r.Errorf("%d processes run", len(r.alive()))
		}
	})
}

// TestRollback: a replacement that crashes soon is taken back; one that crashes
// later is started again.
func TestRollback(t *testing.T) {
	for want, after := range map[string]time.Duration{"a": 30 * time.Second, "b": 90 * time.Second} {
		t.Run(want, func(t *testing.T) {
			bubble(t, &plant{}, supervisor.Setting{}, func(r *rig) {
				r.ready()
				if err := r.Replace(r.Context(), path("b")); err != nil {
					r.Fatal(err)
				}
				time.Sleep(after)
				r.last().end(segfault)
				synctest.Wait()
				r.ready()
				_, by, err := r.Apply(r.Context(), numbered(0, 1))
				if err != nil || by.Version != "1.0.0+"+want {
					r.Errorf("%s %v", by.Version, err)
				}
				if back := r.Facts().RolledBack; (back != "") != (want == "a") {
					r.Errorf("rolled back: %q", back)
				}
				r.last().end(segfault) // there is no way back any more
				synctest.Wait()
				r.ready()
				if _, by, _ := r.Apply(r.Context(), numbered(0, 1)); by.Version != "1.0.0+"+want {
					r.Errorf("%s at last", by.Version)
				}
			})
		})
	}
}

// TestReplaceMends: a replacement ends a quarantine at once, and what never
// worked is no way back.
func TestReplaceMends(t *testing.T) {
	pl := &plant{begin: func(f *fake) error {
		if f.path == "a" {
			return host.ErrDied
		}
		return nil
	}}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.state(supervisor.Quarantined)
		if err := r.Replace(r.Context(), path("b")); err != nil {
			r.Fatal(err)
		}
		r.apply(numbered(0, 1))
		r.last().end(segfault)
		r.state(supervisor.Backoff) // not quarantined for what it replaced
		r.ready()
		if v := r.Facts().Version; v != "1.0.0+b" {
			r.Errorf("version %s", v)
		}
	})
}

// TestOutdated: what a plugin would be given now is held against what the process
// was that is called.
func TestOutdated(t *testing.T) {
	bubble(t, &plant{}, supervisor.Setting{Resolve: config(`{"secret":1}`)}, func(r *rig) {
		if outdated, err := r.Outdated(supervisor.Setting{Resolve: config(`{}`)}); outdated || err != nil {
			r.Errorf("before it is called: %v, %v", outdated, err)
		}
		r.ready()
		for text, want := range map[string]bool{`{"secret":1}`: false, `{"secret":2}`: true} {
			if outdated, err := r.Outdated(supervisor.Setting{Resolve: config(text)}); outdated != want || err != nil {
				r.Errorf("%s: %v, %v", text, outdated, err)
			}
		}
		next := path("b")
		next.Resolve = config(`{"secret":2}`)
		if err := r.Replace(r.Context(), next); err != nil {
			r.Fatal(err)
		}
		if outdated, err := r.Outdated(next); outdated || err != nil {
			r.Errorf("after it was replaced: %v, %v", outdated, err)
		}
		gone := errors.New("the file is gone")
		next.Resolve = func(json.RawMessage) (json.RawMessage, error) { return nil, gone }
		if _, err := r.Outdated(next); !errors.Is(err, gone) {
			r.Errorf("error %v", err)
		}
	})
}

func TestReplaceAtTheEnd(t *testing.T) {
	bubble(t, &plant{}, supervisor.Setting{}, func(r *rig) {
		r.ready()
		var going sync.WaitGroup
		going.Go(func() {
			if err := r.Replace(context.Background(), path("b")); err == nil {
				r.Error("replaced what is ending")
			}
		})
		time.Sleep(20 * time.Millisecond)
		r.stop()
		going.Wait()
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		if err := r.Replace(ctx, path("c")); err == nil || errors.Is(err, host.ErrDied) {
			r.Errorf("error %v", err)
		}
	})
}

// TestReplaceBeforeRun: nobody takes the replacement, and it does not stay.
func TestReplaceBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pl := &plant{}
		p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "x"}, pl.start))
		defer p.Close()
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Replace(ctx, path("b")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if n := len(pl.alive()); n != 1 {
			t.Errorf("%d processes run", n)
		}
	})
}
