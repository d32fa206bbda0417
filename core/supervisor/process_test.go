package supervisor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

func config(text string) func(json.RawMessage) (json.RawMessage, error) {
	return func(json.RawMessage) (json.RawMessage, error) { return json.RawMessage(text), nil }
}

// TestStart: what is wrong with a plugin is said at the start, and nothing is
// left of it.
func TestStart(t *testing.T) {
	for name, c := range map[string]struct {
		setting supervisor.Setting
		begin   error
		stopped bool
		want    string
		heals   bool
	}{
		"good":          {},
		"hash":          {begin: fmt.Errorf("%w: set sha256", host.ErrHash), want: "transform mask-cards: plugin file differs from its sha256: set sha256"},
		"configuration": {setting: supervisor.Setting{Resolve: config(`{"bad":1}`)}, want: "/bad: unknown field"},
		"secret": {setting: supervisor.Setting{Resolve: func(json.RawMessage) (json.RawMessage, error) { return nil, errors.New("env:KEY is not set") }},
			want: "env:KEY is not set"},
		"kind":   {setting: supervisor.Setting{Kind: "msak"}, want: `plugin mask 1.0.0+ has no transform "msak": set kind to one of mask`},
		"name":   {setting: supervisor.Setting{Plugin: "jq"}, want: `it calls itself "mask", the configuration says plugin = "jq"`},
		"absent": {begin: fmt.Errorf("opening plugin: %w", fs.ErrNotExist), want: "file does not exist"},
		"locked": {begin: fmt.Errorf("starting plugin: %w", syscall.EACCES), want: "permission denied"},
		"user":   {begin: host.ErrUser, want: "cannot run as its user"},
		"limits": {begin: host.ErrLimits, want: "cannot be limited"},
		"dead":   {begin: host.ErrDied, want: "ended before it was ready", heals: true},
		"silent": {begin: host.ErrSilent, want: "said nothing", heals: true},
		"away":   {begin: sdk.ErrUnavailable, want: "unavailable", heals: true},
		"full":   {begin: fmt.Errorf("starting plugin: %w", syscall.EAGAIN), want: "temporarily unavailable", heals: true},
		"mute":   {stopped: true, want: "describe: context deadline exceeded", heals: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pl := &plant{begin: func(f *fake) error { f.stopped = c.stopped; return c.begin }}
				p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "mask-cards", Setting: c.setting}, pl.start))
				defer p.Close()
				err := p.Start(t.Context())
				if c.want == "" {
					if err != nil || p.Facts().State != supervisor.Ready {
						t.Errorf("%v, %s", err, p.Facts().State)
					}
					p.Close()
				} else if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %s", err, c.want)
				} else if f := p.Facts(); c.heals != (f.State == supervisor.Backoff) || !c.heals && f.State != supervisor.Stopped || c.heals == supervisor.Hopeless(err) || f.LastError == "" {
					t.Errorf("hopeless: %v, facts %+v", supervisor.Hopeless(err), f)
				}
				if len(pl.alive()) > 0 {
					t.Error("a process is left")
				}
			})
		})
	}
}

func TestRunGoesOnFromStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pl := &plant{do: func(f *fake, _ sdk.Input) (sdk.Outcome, error) { return took(f, time.Millisecond) }}
		p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "x"}, pl.start))
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var going sync.WaitGroup
		going.Go(func() { _ = p.Run(ctx) })
		if o, by, err := p.Apply(t.Context(), numbered(0, 3)); err != nil || by != (supervisor.Plugin{Version: "1.0.0+"}) || len(o) != 3 {
			t.Errorf("%v %+v %v", o, by, err)
		}
		if pl.starts() != 1 {
			t.Errorf("%d starts", pl.starts())
		}
		cancel()
		going.Wait()
		select {
		case <-p.Available():
			t.Error("available after the end")
		default:
		}
		if _, _, err := p.Apply(t.Context(), numbered(0, 3)); !errors.Is(err, sdk.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
	})
}

// TestStartHeals: a plugin that cannot work at the start, and later can, is there
// by itself then.
func TestStartHeals(t *testing.T) {
	for name, begin := range map[string]func(f *fake) error{
		"dies": func(*fake) error { return host.ErrDied },
		"dies when asked": func(f *fake) error {
			time.AfterFunc(time.Nanosecond, func() { f.end(segfault) })
			return nil
		},
		"mute": func(f *fake) error { f.stop(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pl := &plant{do: func(f *fake, _ sdk.Input) (sdk.Outcome, error) { return took(f, time.Millisecond) }}
				pl.begin = func(f *fake) error {
					if f.number < 4 {
						return begin(f)
					}
					return nil
				}
				var log bytes.Buffer
				p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "mask-cards", Log: zerolog.New(&log)}, pl.start))
				if err := p.Start(t.Context()); err == nil || supervisor.Hopeless(err) || p.Facts().State != supervisor.Backoff || p.Facts().Next.IsZero() {
					t.Errorf("error %v, facts %+v", err, p.Facts())
				}
				if !strings.Contains(log.String(), `"level":"error","plugin":"mask-cards"`) || !strings.Contains(log.String(), "plugin did not start: what needs it waits, and it is started again") {
					t.Errorf("log %s", log.String())
				}
				if _, _, err := p.Apply(t.Context(), numbered(0, 1)); !errors.Is(err, sdk.ErrUnavailable) {
					t.Errorf("error %v", err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var going sync.WaitGroup
				going.Go(func() { _ = p.Run(ctx) })
				<-p.Available()
				if o, _, err := p.Apply(t.Context(), numbered(0, 3)); err != nil || len(o) != 3 || p.Facts().Failures != 3 {
					t.Errorf("%v %v, facts %+v", o, err, p.Facts())
				}
				cancel()
				going.Wait()
			})
		})
	}
}

// TestStartEndsWithItsContext: that is no failure of the plugin.
func TestStartEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pl := &plant{begin: func(f *fake) error { f.stop(); return nil }}
		p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "x"}, pl.start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Start(ctx); !errors.Is(err, context.DeadlineExceeded) || p.Facts().Failures != 0 || p.Facts().State != supervisor.Stopped {
			t.Errorf("error %v, facts %+v", err, p.Facts())
		}
		p.Close()
		if len(pl.alive()) > 0 {
			t.Error("a process is left")
		}
	})
}

func TestCrashLoop(t *testing.T) {
	pl := &plant{begin: func(f *fake) error {
		if f.number > 1 && f.number < 8 {
			return host.ErrDied
		}
		return nil
	}}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.ready()
		r.last().end(segfault)
		r.state(supervisor.Quarantined)
		if n := r.starts(); n != 5 {
			r.Errorf("%d starts before the quarantine", n)
		}
		if _, _, err := r.Apply(r.Context(), numbered(0, 1)); !errors.Is(err, sdk.ErrUnavailable) || !strings.Contains(err.Error(), "quarantined; its last error: plugin ended before it was ready") {
			r.Errorf("error %v", err)
		}
		f := r.Facts()
		if f.Failures != 5 || f.LastCrash.Reason != host.ErrDied.Error() || time.Until(f.Next) <= 0 {
			r.Errorf("facts %+v", f)
		}
		began := time.Now()
		r.ready()
		if took := time.Since(began); took < 2*time.Minute || took > 4*time.Minute {
			r.Errorf("ready %s after the quarantine began, want the third probe", took)
		}
	})
}

func TestHopelessIsNotRetriedInALoop(t *testing.T) {
	pl := &plant{begin: func(f *fake) error {
		if f.number > 1 {
			return host.ErrHash
		}
		return nil
	}}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.ready()
		r.last().end(killed)
		time.Sleep(10 * time.Minute)
		if n := r.starts(); n > 12 {
			r.Errorf("%d starts in ten minutes", n)
		}
	})
}

// TestCrashIsNamed: how a process ended is in the facts, with its last words.
func TestCrashIsNamed(t *testing.T) {
	for want, exit := range map[string]host.Exit{"signal: segmentation fault": segfault, "exit code 3": {Code: 3, Tail: "bye"}, "exit code 0": {}} {
		t.Run(want, func(t *testing.T) {
			bubble(t, &plant{}, supervisor.Setting{}, func(r *rig) {
				r.ready()
				gone := r.Available()
				r.last().end(exit)
				r.state(supervisor.Backoff)
				if c := r.Facts().LastCrash; c == nil || c.Reason != want || c.Stack != exit.Tail || c.Generation != 1 {
					r.Errorf("crash %+v", c)
				}
				if r.Available() == gone {
					r.Error("still available by the old channel")
				}
				r.ready()
				if f := r.Facts(); f.Generation != 2 || f.PID != 1002 {
					r.Errorf("facts %+v", f)
				}
			})
		})
	}
}

// TestThreeDeadlinesRestart: three in a row, in whose processes of their own the
// events are quick, are the plugin's failure.
func TestThreeDeadlinesRestart(t *testing.T) {
	pl := &plant{do: func(f *fake, in sdk.Input) (sdk.Outcome, error) {
		if in.Event.ID == "slow" && f.number == 1 {
			f.wait(time.Second)
			return sdk.Outcome{}, context.DeadlineExceeded // that the other side saw
		}
		return took(f, time.Millisecond)
	}}
	bubble(t, pl, supervisor.Setting{Timeout: time.Second}, func(r *rig) {
		r.ready()
		var going sync.WaitGroup
		for range 3 {
			going.Go(func() { r.apply(events("slow")) })
		}
		going.Wait()
		time.Sleep(time.Second) // more than the first pause
		if c := r.Facts().LastCrash; !strings.Contains(c.Reason, "3 calls in a row missed their deadline of 1s") {
			r.Errorf("crash %+v", c)
		}
		r.ready()
		r.apply(events("slow"))
		if f := r.Facts(); f.Misses != 3 || f.Failures != 1 {
			r.Errorf("facts %+v", f)
		}
	})
}

// TestDeadlineOfItsOwn: one that a plugin met itself is an error like any other.
func TestDeadlineOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		after  time.Duration
		missed bool
	}{{time.Second, false}, {9990 * time.Millisecond, true}} {
		pl := &plant{do: func(f *fake, in sdk.Input) (sdk.Outcome, error) {
			if f.number > 1 {
				return took(f, time.Millisecond)
			}
			f.wait(c.after)
			return sdk.Outcome{}, fmt.Errorf("database: %w", context.DeadlineExceeded)
		}}
		bubble(t, pl, supervisor.Setting{}, func(r *rig) {
			r.ready()
			_, _, err := r.Apply(r.Context(), numbered(0, 1))
			if c.missed != (err == nil) || err != nil && errors.Is(err, sdk.ErrUnavailable) {
				r.Errorf("after %s: %v", c.after, err)
			}
		})
	}
}

// TestApplyFindsTheEnd: whoever sees first that a process ended has Available
// say so, that nobody asks in a loop.
func TestApplyFindsTheEnd(t *testing.T) {
	bubble(t, &plant{}, supervisor.Setting{}, func(r *rig) {
		r.ready()
		synctest.Wait()
		r.last().end(segfault)
		if _, _, err := r.Apply(r.Context(), numbered(0, 1)); !errors.Is(err, sdk.ErrUnavailable) {
			r.Errorf("error %v", err)
		}
		select {
		case <-r.Available():
			r.Error("available")
		default:
		}
		if f := r.Facts(); f.Isolated != 0 {
			r.Errorf("facts %+v", f)
		}
	})
}

// TestLateNews: a connection may break before the process is seen to end.
func TestLateNews(t *testing.T) {
	pl := acting(map[string]func(*fake) error{"bad": func(f *fake) error { f.end(segfault); return sdk.ErrUnavailable }})
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		list := append(numbered(0, 5), events("bad")...)
		r.only(failed(list, r.apply(list)), "bad")
	})
}

func TestStoppedWhileIdle(t *testing.T) {
	bubble(t, &plant{}, supervisor.Setting{}, func(r *rig) {
		r.ready()
		r.last().stop()
		r.state(supervisor.Degraded)
		if _, _, err := r.Apply(r.Context(), numbered(0, 1)); !errors.Is(err, sdk.ErrUnavailable) {
			r.Errorf("error %v", err)
		}
		for r.starts() == 1 {
			time.Sleep(time.Millisecond)
		}
		if c := r.Facts().LastCrash; !strings.Contains(c.Reason, "3 health questions in a row without an answer") {
			r.Errorf("crash %+v", c)
		}
		r.apply(numbered(0, 1))
	})
}

// TestBusyIsNotSilent: a plugin that works on a long call does not answer for
// its health meanwhile, and is left alone.
func TestBusyIsNotSilent(t *testing.T) {
	pl := &plant{do: func(f *fake, _ sdk.Input) (sdk.Outcome, error) { return took(f, 50*time.Second) }}
	pl.health = func(f *fake) error { return context.DeadlineExceeded }
	bubble(t, pl, supervisor.Setting{Timeout: time.Minute}, func(r *rig) {
		r.apply(numbered(0, 1))
		if r.starts() != 1 {
			r.Errorf("%d starts", r.starts())
		}
	})
}

// TestUnfit: a plugin that says it cannot work is not called, nor started again,
// until it can.
func TestUnfit(t *testing.T) {
	var mu sync.Mutex
	var unfit error
	set := func(to error) { mu.Lock(); unfit = to; mu.Unlock() }
	get := func() error { mu.Lock(); defer mu.Unlock(); return unfit }
	pl := &plant{health: func(*fake) error { return get() }}
	pl.do = func(f *fake, _ sdk.Input) (sdk.Outcome, error) {
		if err := get(); err != nil {
			return sdk.Outcome{}, err
		}
		return took(f, time.Millisecond)
	}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.ready()
		set(fmt.Errorf("%w: no database", sdk.ErrUnavailable))
		for range 3 {
			if _, _, err := r.Apply(r.Context(), numbered(0, 1)); !errors.Is(err, sdk.ErrUnavailable) || !strings.Contains(err.Error(), "no database") {
				r.Errorf("error %v", err)
			}
		}
		if f := r.Facts(); f.State != supervisor.Degraded || f.Calls != 1 {
			r.Errorf("facts %+v", f)
		}
		time.Sleep(10 * time.Minute)
		if r.starts() != 1 {
			r.Errorf("%d starts", r.starts())
		}
		set(nil)
		began := time.Now()
		r.apply(numbered(0, 1))
		if took := time.Since(began); took > 2*time.Second {
			r.Errorf("it took %s to see that it can", took)
		}
	})
}

func TestPluginErrorIsNoFault(t *testing.T) {
	oops := errors.New("oops")
	pl := &plant{do: func(*fake, sdk.Input) (sdk.Outcome, error) { return sdk.Outcome{}, oops }}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.ready()
		if _, _, err := r.Apply(r.Context(), numbered(0, 9)); !errors.Is(err, oops) || errors.Is(err, sdk.ErrUnavailable) {
			r.Errorf("error %v", err)
		}
		if f := r.Facts(); f.Isolated != 0 || f.State != supervisor.Ready {
			r.Errorf("facts %+v", f)
		}
	})
}

// TestFailedIsCounted: an outcome is no fault of the plugin, and is in the facts.
func TestFailedIsCounted(t *testing.T) {
	pl := &plant{do: func(_ *fake, in sdk.Input) (sdk.Outcome, error) {
		if in.Event.ID < "3" {
			return sdk.Outcome{Verdict: sdk.Fail, Reason: "no"}, nil
		}
		return sdk.Outcome{}, nil
	}}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.apply(numbered(0, 9))
		r.apply(numbered(2, 2))
		if f := r.Facts(); f.Failed != 4 || f.Blamed != 0 || f.Failures != 0 {
			r.Errorf("facts %+v", f)
		}
	})
}

func TestWrongCountIsIsolated(t *testing.T) {
	pl := acting(map[string]func(*fake) error{"bad": func(*fake) error { return errShort }})
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		list := append(numbered(0, 5), events("bad")...)
		r.only(failed(list, r.apply(list)), "bad")
		if r.Facts().Failures != 0 {
			r.Error("a breach ended a process that works")
		}
	})
}

func TestEndLetsCallsEnd(t *testing.T) {
	pl := &plant{do: func(f *fake, _ sdk.Input) (sdk.Outcome, error) { return took(f, 2*time.Second) }}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.ready()
		var going sync.WaitGroup
		going.Go(func() {
			if _, _, err := r.Apply(r.Context(), numbered(0, 1)); err != nil {
				r.Error(err)
			}
		})
		synctest.Wait()
		going.Go(r.stop)
		synctest.Wait()
		if s := r.Facts().State; s != supervisor.Draining {
			r.Error(s)
		}
		going.Wait()
		if s := r.Facts().State; s != supervisor.Stopped {
			r.Error(s)
		}
	})
}

func TestEndOfAStoppedPlugin(t *testing.T) {
	bubble(t, &plant{}, supervisor.Setting{}, func(r *rig) {
		r.ready()
		r.last().stop()
		began := time.Now()
		r.stop()
		if took := time.Since(began); took > 10*time.Second {
			r.Errorf("the end took %s", took)
		}
	})
}

// rationed lets so many lines through.
type rationed struct{ left int }

func (r *rationed) Sample(zerolog.Level) bool { r.left--; return r.left >= 0 }

// TestNoiseSilencesNobody: what a plugin logs takes nothing of what the router
// may say.
func TestNoiseSilencesNobody(t *testing.T) {
	var log bytes.Buffer
	var say func(host.Line)
	p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "noisy", Log: zerolog.New(&log).Sample(&rationed{3})},
		func(_ context.Context, _ host.Command, o host.Options) (supervisor.Running, error) {
			say = o.Log
			return nil, host.ErrSilent
		}))
	if err := p.Start(t.Context()); !errors.Is(err, host.ErrSilent) {
		t.Fatal(err)
	}
	log.Reset()
	const lines = 1000
	for range lines {
		say(host.Line{Level: "error", Text: "noise"})
	}
	if n := strings.Count(log.String(), "noise"); n != lines {
		t.Errorf("%d lines of %d", n, lines)
	}
	p.Close()
	if !strings.Contains(log.String(), "plugin is ended") {
		t.Error("the router's own line is missing")
	}
}

// TestLog: what a plugin logs arrives with its name, and cannot forge the
// router's own fields.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	var say func(host.Line)
	p := supervisor.New(supervisor.StartedBy(supervisor.Options{Name: "mask-cards", Log: zerolog.New(&log).Level(zerolog.InfoLevel)},
		func(_ context.Context, _ host.Command, o host.Options) (supervisor.Running, error) {
			say = o.Log
			if o.Level != "info" {
				t.Errorf("level %q", o.Level)
			}
			return nil, host.ErrSilent
		}))
	if err := p.Start(t.Context()); !errors.Is(err, host.ErrSilent) {
		t.Fatal(err)
	}
	log.Reset()
	say(host.Line{Level: "warn", Text: "odd", Fields: map[string]any{"plugin": "other", "n": 1}, Dropped: 41})
	say(host.Line{Level: "debug", Text: "unseen"})
	p.Close()
	want := `{"level":"warn","plugin":"mask-cards","generation":1,"lines":41,"message":"plugin logs too fast: lines were dropped"}
{"level":"warn","plugin":"mask-cards","generation":1,"fields":{"n":1,"plugin":"other"},"message":"odd"}
{"level":"info","plugin":"mask-cards","message":"plugin is ended"}
`
	if log.String() != want {
		t.Errorf("log\n%s", log.String())
	}
	if f := p.Facts(); f.Dropped != 41 || f.Warned == nil || f.Warned.Text != "odd n=1 plugin=other" || f.Warned.At.IsZero() {
		t.Errorf("facts %+v", f)
	}
}
