package supervisor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// acting makes a plugin that takes events in a millisecond each, but for some.
func acting(on map[string]func(f *fake) error) *plant {
	return &plant{do: func(f *fake, in sdk.Input) (sdk.Outcome, error) {
		o, err := took(f, time.Millisecond)
		if act := on[in.Event.ID]; act != nil && err == nil {
			err = act(f)
		}
		return o, err
	}}
}

func crash(f *fake) error { f.end(segfault); return errGone }

func oom(f *fake) error { f.end(killed); return errGone }

func hang(f *fake) error {
	f.stop()
	return nil // pass waits for the deadline
}

func TestPoisonAmongAThousand(t *testing.T) {
	for name, c := range map[string]struct {
		act    func(*fake) error
		reason string
		stack  string
	}{
		"crash":  {crash, "crashed the plugin 3 times: signal: segmentation fault", "main.crash()"},
		"memory": {oom, "crashed the plugin 8 times: signal: killed", ""},
		"hang":   {hang, "made the plugin miss its deadline 3 times: no answer within its timeout of 10s", ""},
		"large":  {func(*fake) error { return host.ErrTooLarge }, "made the plugin answer too much 3 times: more bytes than a plugin call may have", ""},
		"breach": {func(*fake) error { return host.ErrBreach }, "made the plugin break the wire 3 times: breach of the plugin wire", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, acting(map[string]func(*fake) error{"777": c.act}), supervisor.Setting{}, func(r *rig) {
				var all sync.Map
				var going sync.WaitGroup
				for i := range 4 {
					going.Go(func() {
						list := numbered(i*256, 256)
						all.Store(i, failed(list, r.apply(list)))
					})
				}
				going.Wait()
				blamed := make(map[string]sdk.Outcome)
				for _, found := range all.Range {
					for id, o := range found.(map[string]sdk.Outcome) {
						blamed[id] = o
					}
				}
				r.only(blamed, "777")
				o := blamed["777"]
				if o.Retry || o.Reason != c.reason || !strings.HasPrefix(o.Stack, c.stack) {
					r.Errorf("outcome %+v", o)
				}
				want := 2 // the main one and one to try in
				if name == "hang" {
					want = 3 // and one that takes the main one's place
				}
				if r.most > want {
					r.Errorf("%d processes at a time, want %d", r.most, want)
				}
				if f := r.Facts(); f.Blamed != 1 || f.Failed != 1 || f.Isolated < 256 || f.LastError == "" {
					r.Errorf("facts %+v", f)
				}
			})
		})
	}
}

func TestPoisonsTogether(t *testing.T) {
	bubble(t, acting(map[string]func(*fake) error{"0": crash, "1": crash, "2": hang, "3": oom, "255": crash}), supervisor.Setting{}, func(r *rig) {
		list := numbered(0, 256)
		r.only(failed(list, r.apply(list)), "0", "1", "2", "255", "3")
	})
}

func TestPoisonAlone(t *testing.T) {
	bubble(t, acting(map[string]func(*fake) error{"bad": crash}), supervisor.Setting{}, func(r *rig) {
		r.ready()
		if _, _, err := r.Apply(r.Context(), events("bad")); !errors.Is(err, sdk.ErrUnavailable) {
			r.Errorf("nothing ever passed, and yet: %v", err)
		}
		r.apply(events("good"))
		r.only(failed(events("bad"), r.apply(events("bad"))), "bad") // now something has
	})
}

// TestPoisonInFront: so much of it comes first that a plugin tried in that order
// would seem to take nothing.
func TestPoisonInFront(t *testing.T) {
	bad := make(map[string]func(*fake) error)
	var want []string
	for i := range 30 {
		want = append(want, numbered(i, 1)[0].Event.ID)
		bad[want[i]] = crash
	}
	slices.Sort(want)
	bubble(t, acting(bad), supervisor.Setting{}, func(r *rig) {
		r.ready()
		list := numbered(0, 60)
		outcomes, _, err := r.Apply(r.Context(), list)
		if err != nil {
			r.Fatal(err)
		}
		r.only(failed(list, outcomes), want...)
	})
}

// TestCanaryTurnsPoison: the last event that passed is the one that fails now.
func TestCanaryTurnsPoison(t *testing.T) {
	var bad atomic.Bool
	pl := acting(map[string]func(*fake) error{"x": func(f *fake) error {
		if bad.Load() {
			return crash(f)
		}
		return nil
	}})
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.apply(events("x"))
		bad.Store(true)
		r.ready()
		if _, _, err := r.Apply(r.Context(), events("x")); !errors.Is(err, sdk.ErrUnavailable) {
			r.Errorf("nothing passes now, and yet: %v", err)
		}
		list := append(numbered(0, 5), events("x")...)
		r.only(failed(list, r.apply(list)), "x")
	})
}

// TestIsolationInItsOwnVersion: events that failed in one version are not tried
// in another.
func TestIsolationInItsOwnVersion(t *testing.T) {
	pl := acting(map[string]func(*fake) error{
		"1":   func(f *fake) error { f.wait(5 * time.Second); return nil }, // the second waits for its turn meanwhile
		"bad": func(*fake) error { return host.ErrBreach },
	})
	pl.hides = "b"
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.apply(numbered(0, 1))
		var going sync.WaitGroup
		version := func(want string) {
			_, got, err := r.Apply(r.Context(), append(numbered(0, 3), events("bad")...))
			if err != nil || got != (supervisor.Plugin{Version: "1.0.0+" + want, Redacts: want == "b"}) {
				r.Errorf("%+v, %v, want %s", got, err, want)
			}
		}
		going.Go(func() { version("a") })
		time.Sleep(time.Second)
		if err := r.Replace(r.Context(), path("b")); err != nil {
			r.Fatal(err)
		}
		going.Go(func() { version("b") })
		going.Wait()
		if r.most > 3 {
			r.Errorf("%d processes at a time", r.most)
		}
	})
}

func TestNothingPasses(t *testing.T) {
	for name, act := range map[string]func(*fake) error{"crash": crash, "hang": hang, "breach": func(*fake) error { return host.ErrBreach }} {
		t.Run(name, func(t *testing.T) {
			pl := acting(nil)
			bubble(t, pl, supervisor.Setting{}, func(r *rig) {
				r.apply(numbered(0, 10)) // it was well once
				r.plant.mu.Lock()
				pl.do = func(f *fake, _ sdk.Input) (sdk.Outcome, error) { return sdk.Outcome{}, act(f) }
				r.plant.mu.Unlock()
				if o, _, err := r.Apply(r.Context(), numbered(0, 256)); !errors.Is(err, sdk.ErrUnavailable) {
					r.Errorf("%d outcomes, %v", len(o), err)
				}
				if f := r.Facts(); f.Blamed != 0 {
					r.Errorf("%d events blamed for a broken plugin", f.Blamed)
				}
			})
		})
	}
}

// TestFlakyCanary: an event that passed once and never again must not stand in
// the way of all others.
func TestFlakyCanary(t *testing.T) {
	var first sync.Once
	pl := acting(nil)
	pl.do = func(f *fake, in sdk.Input) (sdk.Outcome, error) {
		o, err := took(f, time.Millisecond)
		fresh := false
		first.Do(func() { fresh = true })
		if in.Event.ID == "bad" || in.Event.ID == "flaky" && !fresh {
			err = crash(f)
		}
		return o, err
	}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.apply(events("flaky"))
		list := append(numbered(0, 20), events("bad")...)
		r.only(failed(list, r.apply(list)), "bad")
	})
}

// TestKillsFromWithout kills every process over and over, at several rates and
// in step with their starts. No event is to blame.
func TestKillsFromWithout(t *testing.T) {
	for name, every := range map[string]func(*rig) time.Duration{
		"seldom":    random(2 * time.Second),
		"often":     random(300 * time.Millisecond),
		"madly":     random(120 * time.Millisecond),
		"regularly": func(*rig) time.Duration { return 110 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			pl := &plant{do: func(f *fake, in sdk.Input) (sdk.Outcome, error) {
				return took(f, time.Duration(1+len(in.Event.ID)*4)*time.Millisecond)
			}}
			bubble(t, pl, supervisor.Setting{}, func(r *rig) {
				ctx, cancel := context.WithCancel(r.Context())
				var killing sync.WaitGroup
				killing.Go(func() {
					for ctx.Err() == nil {
						time.Sleep(every(r))
						r.killAll()
					}
				})
				for i := range 100 {
					list := numbered(i*40, 40)
					r.only(failed(list, r.persist(list)))
				}
				cancel()
				killing.Wait()
				if f := r.Facts(); f.Blamed != 0 || f.Isolated == 0 || f.Failures == 0 {
					r.Errorf("facts %+v", f)
				}
			})
		})
	}
}

func random(mean time.Duration) func(*rig) time.Duration {
	return func(*rig) time.Duration { return time.Duration(rand.ExpFloat64() * float64(mean)) }
}

// persist gives events until they are taken, in parts when they are not.
func (r *rig) persist(list []sdk.Input) []sdk.Outcome {
	r.Helper()
	for range 100 {
		r.ready()
		if outcomes, _, err := r.Apply(r.Context(), list); err == nil {
			return outcomes
		}
		if len(list) > 1 {
			half := len(list) / 2
			return slices.Concat(r.persist(list[:half]), r.persist(list[half:]))
		}
	}
	r.Error("an event is never taken")
	return make([]sdk.Outcome, len(list))
}

// TestTrialGoesOnWithoutItsCaller: callers that give up stop no trial that has
// begun, and leave few that have not. In the end nothing is left of it.
func TestTrialGoesOnWithoutItsCaller(t *testing.T) {
	bubble(t, acting(map[string]func(*fake) error{"bad": crash}), supervisor.Setting{}, func(r *rig) {
		r.apply(events("good"))
		ctx, cancel := context.WithCancel(r.Context())
		var going sync.WaitGroup
		for range 12 {
			going.Go(func() {
				if _, _, err := r.Apply(ctx, append(numbered(0, 200), events("bad")...)); !errors.Is(err, context.Canceled) {
					r.Errorf("error %v", err)
				}
			})
		}
		time.Sleep(400 * time.Millisecond)
		cancel()
		going.Wait()
		if f := r.Facts(); f.Blamed != 0 {
			r.Error("the trial was over too soon for this test")
		}
		time.Sleep(time.Minute)
		if f := r.Facts(); f.Blamed < 3 || f.Blamed > 4 || f.Isolated != f.Blamed*201 {
			r.Errorf("facts %+v, want three trials, and the one that had its turn", f)
		}
		r.plant.mu.Lock()
		defer r.plant.mu.Unlock()
		if n := len(r.alive()); n != 1 {
			r.Errorf("%d processes run", n)
		}
	})
}

// TestImpatientCallersArePardoned: nobody ever waits for a trial's end, and yet
// the plugin is not quarantined for the poison.
func TestImpatientCallersArePardoned(t *testing.T) {
	bubble(t, acting(map[string]func(*fake) error{"bad": crash}), supervisor.Setting{}, func(r *rig) {
		r.apply(numbered(0, 4))
		for i := range 20 {
			r.ready()
			ctx, cancel := context.WithTimeout(r.Context(), 100*time.Millisecond)
			_, _, err := r.Apply(ctx, append(numbered(10*i, 3), events("bad")...))
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				r.Errorf("error %v: the trial was over too soon for this test", err)
			}
			time.Sleep(time.Second)
		}
		if f := r.Facts(); f.Blamed != 20 || f.State != supervisor.Ready {
			r.Errorf("facts %+v", f)
		}
	})
}

// TestIsolationIsPardoned: poison does not quarantine its plugin.
func TestIsolationIsPardoned(t *testing.T) {
	bad := make(map[string]func(*fake) error)
	for i := range 20 {
		bad[numbered(i*10, 1)[0].Event.ID] = crash
	}
	bubble(t, acting(bad), supervisor.Setting{}, func(r *rig) {
		began := time.Now()
		blamed := 0
		for i := range 20 {
			list := numbered(i*10, 10)
			blamed += len(failed(list, r.apply(list)))
		}
		if blamed != 20 {
			r.Errorf("%d blamed", blamed)
		}
		if took := time.Since(began); took > 30*time.Second {
			r.Errorf("20 poisonous events took %s: the plugin was quarantined for them", took)
		}
	})
}

// TestEndDuringIsolation: Run ends soon although an isolation would take long.
func TestEndDuringIsolation(t *testing.T) {
	bubble(t, acting(map[string]func(*fake) error{"bad": hang}), supervisor.Setting{}, func(r *rig) {
		r.apply(events("good"))
		var going sync.WaitGroup
		going.Go(func() {
			if _, _, err := r.Apply(r.Context(), events("0", "bad", "1")); err == nil {
				r.Error("it ended well")
			}
		})
		time.Sleep(12 * time.Second)
		began := time.Now()
		r.stop()
		going.Wait()
		if took := time.Since(began); took > 6*time.Second {
			r.Errorf("the end took %s", took)
		}
	})
}
