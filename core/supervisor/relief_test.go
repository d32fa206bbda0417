package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// looping makes a plugin that misses its deadline for one event, and goes on with
// others meanwhile.
func looping() *plant {
	return &plant{do: func(f *fake, in sdk.Input) (sdk.Outcome, error) {
		if in.Event.ID == "loop" {
			f.wait(10 * time.Second)
			return sdk.Outcome{}, context.DeadlineExceeded
		}
		return took(f, time.Millisecond)
	}}
}

// traffic applies healthy events without a pause until the returned function is
// called. None may fail.
func (r *rig) traffic() (stop func()) {
	ctx, cancel := context.WithCancel(r.Context())
	var going sync.WaitGroup
	going.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			list := numbered(n, 1)
			outcomes, _, err := r.Apply(r.Context(), list)
			time.Sleep(20 * time.Millisecond) // of fake time
			if err != nil || len(failed(list, outcomes)) > 0 {
				r.Errorf("%v %v", outcomes, err)
				return
			}
		}
	})
	return func() { cancel(); going.Wait() }
}

// TestHangIsRelieved: the process in which an event hung is ended although other
// events pass in it, without a gap, and without a failure of the plugin.
func TestHangIsRelieved(t *testing.T) {
	bubble(t, looping(), supervisor.Setting{}, func(r *rig) {
		r.ready()
		stop := r.traffic()
		defer stop()
		for i := range 8 { // more than failures for a quarantine
			stuck := r.Facts().Generation
			list := append(numbered(-5, 3), events("loop")...)
			r.only(failed(list, r.apply(list)), "loop")
			time.Sleep(20 * time.Second) // for the old one's last calls
			if f := r.Facts(); f.Generation == stuck || f.State != supervisor.Ready || f.Failures != 0 || f.Misses != i+1 {
				r.Errorf("facts %+v", f)
			}
			r.plant.mu.Lock()
			if n := len(r.alive()); n != 1 {
				r.Errorf("%d processes run", n)
			}
			r.plant.mu.Unlock()
		}
	})
}

// TestLoopIsFoundWithoutItsCaller: an event for which a plugin loops is found, and
// the process that loops replaced, although whoever brings it gives up before its
// deadline, and others bring events without a pause.
func TestLoopIsFoundWithoutItsCaller(t *testing.T) {
	bubble(t, looping(), supervisor.Setting{}, func(r *rig) {
		r.ready()
		stop := r.traffic()
		defer stop()
		for i := range 8 { // more than failures for a quarantine
			stuck, began := r.Facts().Generation, time.Now()
			ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
			_, _, err := r.Apply(ctx, append(numbered(-5, 3), events("loop")...))
			cancel()
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
				r.Errorf("error %v after %s", err, took)
			}
			time.Sleep(time.Minute)
			if f := r.Facts(); f.Generation == stuck || f.State != supervisor.Ready || f.Failures != 0 || f.Misses != i+1 || f.Blamed != i+1 || f.Failed != i+1 || f.InFlight > 1 {
				r.Errorf("facts %+v", f)
			}
		}
	})
}

// TestFewCallsOutliveTheirCallers: what is beyond their number ends with its
// caller, and those that go on end with the process.
func TestFewCallsOutliveTheirCallers(t *testing.T) {
	pl := acting(map[string]func(*fake) error{"hang": hang})
	bubble(t, pl, supervisor.Setting{Timeout: time.Hour}, func(r *rig) {
		r.ready()
		ctx, cancel := context.WithCancel(r.Context())
		var going sync.WaitGroup
		for range 20 {
			going.Go(func() {
				if _, _, err := r.Apply(ctx, events("hang")); !errors.Is(err, context.Canceled) {
					r.Errorf("error %v", err)
				}
			})
		}
		time.Sleep(time.Second)
		cancel()
		going.Wait()
		synctest.Wait()
		if n := r.Facts().InFlight; n != 3 {
			r.Errorf("%d calls go on", n)
		}
		began := time.Now()
		r.stop()
		if took := time.Since(began); took > time.Second {
			r.Errorf("the end took %s", took)
		}
		if f := r.Facts(); f.Misses != 0 || f.Failures != 0 {
			r.Errorf("facts %+v", f)
		}
	})
}

// TestOneReliefForManyHangs: calls that hung in one process have it replaced once.
func TestOneReliefForManyHangs(t *testing.T) {
	bubble(t, looping(), supervisor.Setting{}, func(r *rig) {
		r.ready()
		stop := r.traffic()
		defer stop()
		var going sync.WaitGroup
		for range 4 {
			going.Go(func() { r.apply(append(numbered(-5, 3), events("loop")...)) })
			time.Sleep(time.Second) // not three misses in a row
		}
		going.Wait()
		time.Sleep(time.Minute)
		if f := r.Facts(); f.Generation != 2 || f.Failures != 0 {
			r.Errorf("facts %+v", f)
		}
	})
}

// TestReliefThatFails: what cannot be replaced works on.
func TestReliefThatFails(t *testing.T) {
	pl := looping()
	var running atomic.Pointer[rig]
	refused := 0
	pl.begin = func(*fake) error {
		if r := running.Load(); r != nil && r.Facts().Blamed == 1 && refused == 0 {
			refused++
			return host.ErrHash
		}
		return nil
	}
	bubble(t, pl, supervisor.Setting{}, func(r *rig) {
		r.ready()
		running.Store(r)
		stop := r.traffic()
		defer stop()
		r.apply(append(numbered(-5, 3), events("loop")...))
		time.Sleep(time.Minute)
		if f := r.Facts(); refused != 1 || f.Generation != 1 || f.State != supervisor.Ready {
			r.Errorf("%d refused, facts %+v", refused, f)
		}
		r.apply(append(numbered(-5, 3), events("loop")...))
		time.Sleep(time.Minute)
		if f := r.Facts(); f.Generation == 1 || f.Failures != 0 {
			r.Errorf("facts %+v", f)
		}
	})
}

// TestReliefIsOnProbation: a process in the place of a replacement is as new as
// that, no newer.
func TestReliefIsOnProbation(t *testing.T) {
	for want, after := range map[string]time.Duration{"a": 0, "b": 30 * time.Second} {
		bubble(t, looping(), supervisor.Setting{}, func(r *rig) {
			r.ready()
			if err := r.Replace(r.Context(), path("b")); err != nil {
				r.Fatal(err)
			}
			stop := r.traffic()
			r.apply(append(numbered(-5, 3), events("loop")...)) // takes 40 s
			time.Sleep(time.Second + after)
			stop()
			if f := r.Facts(); f.Generation != 3 {
				r.Errorf("facts %+v", f)
			}
			r.last().end(segfault)
			time.Sleep(time.Second)
			r.ready()
			if v := r.Facts().Version; v != "1.0.0+"+want {
				r.Errorf("version %s, want that of %s", v, want)
			}
		})
	}
}

// TestRealLoop: a process that loops for an event it was given is gone in the
// end, though other events pass in it all the time.
func TestRealLoop(t *testing.T) {
	s := beast("1.0.0")
	s.Timeout = 500 * time.Millisecond
	p := begun(t, s)
	first := p.Facts().PID
	ctx, cancel := context.WithCancel(t.Context())
	var going sync.WaitGroup
	going.Go(func() {
		for n := 1000; ctx.Err() == nil; n++ {
			list := batch(n, 1, nil)
			check(t, list, insist(t, p, list))
		}
	})
	list := batch(0, 10, map[int]string{4: "loop"})
	check(t, list, insist(t, p, list), 4)
	await(t, fmt.Sprintf("the end of process %d", first), func() bool { return syscall.Kill(first, 0) != nil })
	cancel()
	going.Wait()
	if f := p.Facts(); f.Failures != 0 || f.State != supervisor.Ready {
		t.Errorf("facts %+v", f)
	}
}
