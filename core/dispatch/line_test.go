package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

// carriers counts the goroutines that are there for chains of transforms.
func carriers() int {
	text := make([]byte, 1<<20)
	text = text[:runtime.Stack(text, true)]
	return strings.Count(string(text), "dispatch.(*Channel).carry(") + strings.Count(string(text), "dispatch.(*telemetryLine).run(")
}

// TestChainsThatAreGoneLeaveNothing: configurations come and go for months, each
// with transforms of its own.
func TestChainsThatAreGoneLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := dispatch.NewTransforms(nil)
		r := newRig(t, nil, func(o *dispatch.Options) { o.Transforms = known })
		r.ch.Joined(1, "", "x")
		for i := range 100 {
			name := fmt.Sprint("t", i)
			known.Set(map[string]dispatch.Transform{name: pass()})
			r.accept(10, name)
			for range 10 {
				_, d := r.next()
				r.reply(d.Header, `"status":"done"`)
			}
			time.Sleep(time.Minute)
			if n := carriers(); n > 0 {
				t.Fatalf("%d are there for %d chains that have nothing", n, i+1)
			}
		}
		if n := len(r.ch.Facts().Chains); n > 11 {
			t.Errorf("%d chains are remembered", n)
		}
	})
}

// TestAChainThatNobodyKnowsEndsWithItsLastEvent, at the next change.
func TestAChainThatNobodyKnowsEndsWithItsLastEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := dispatch.NewTransforms(nil)
		r := newRig(t, nil, func(o *dispatch.Options) { o.Transforms = known })
		r.ch.Joined(1, "", "x")
		r.accept(2, "gone")
		r.until("they are shelved", func() bool { return r.store.Stats().Channels["c"].Shelved == 2 })
		time.Sleep(time.Hour)
		for seq := uint64(1); seq <= 2; seq++ {
			known.Set(nil)
			synctest.Wait()
			if carriers() != 1 || !r.ch.Facts().Chains[0].Away {
				t.Errorf("nobody waits for what is held: %d, %+v", carriers(), r.ch.Facts())
			}
			if err := r.store.Settle(t.Context(), []outbox.Outcome{{Seq: seq, Channel: "c", Action: outbox.Dropped, At: time.Now()}}); err != nil {
				t.Fatal(err)
			}
			r.ch.Forget(seq)
		}
		known.Set(nil)
		synctest.Wait()
		if carriers() != 0 || r.ch.Facts().Chains[0].Away {
			t.Errorf("somebody waits for nothing: %d, %+v", carriers(), r.ch.Facts())
		}
		if strings.Contains(r.log.String(), "there again") {
			t.Errorf("the log is %s", r.log)
		}
	})
}

// TestAnOutageIsOneFailure: however many batches a plugin had in hand when it went
// away, the pauses begin with the shortest, and then double.
func TestAnOutageIsOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const carriers, shortest = 4, 100 * time.Millisecond
		end := make(chan error, carriers)
		var outage, again atomic.Bool
		f := &fake{batch: func(_ context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
			switch {
			case outage.Load():
				return nil, <-end
			case again.CompareAndSwap(true, false):
				return nil, errors.New("boom")
			}
			return make([]sdk.Outcome, len(events)), nil
		}}
		r := newRig(t, nil, by(map[string]dispatch.Transform{"f": f}))
		r.ch.Joined(1, "", "x")
		for range 20 {
			outage.Store(true)
			before := f.calls()
			for i := range carriers {
				r.accept(1, "f")
				r.until("one more batch is under way", func() bool { return f.calls() == before+i+1 })
			}
			outage.Store(false)
			again.Store(true)
			began := time.Now()
			for range carriers {
				end <- errors.New("boom")
			}
			r.drain(carriers)
			if took := time.Since(began); took > shortest+2*shortest {
				t.Errorf("they came again after %s", took)
			}
		}
	})
}

// TestARefusalOfBatchesIsLoggedOnce, and again when it is another.
func TestARefusalOfBatchesIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said atomic.Value
		said.Store(errors.New("boom"))
		f := &fake{batch: func(context.Context, []sdk.Input) ([]sdk.Outcome, error) { return nil, said.Load().(error) }}
		r := newRig(t, nil, by(map[string]dispatch.Transform{"f": f, "p": pass()}))
		r.accept(1, "p", "f")
		r.ch.Joined(1, "", "x")
		told := func(what string, want int) {
			t.Helper()
			line := `"transform":"f","error":"transform f: ` + what + `","message":"a transform refuses whole batches: events wait, and come again until it takes them"`
			if n := strings.Count(r.log.String(), line); n != want {
				t.Errorf("%s is in the log %d times, want %d: %s", what, n, want, r.log)
			}
		}
		time.Sleep(5 * time.Minute)
		if f.calls() < 5 {
			t.Errorf("it is tried %d times", f.calls())
		}
		told("boom", 1)
		said.Store(errors.New("bang"))
		time.Sleep(5 * time.Minute)
		told("bang", 1)
		time.Sleep(10 * time.Minute)
		told("bang", 2)
		told("boom", 1)
		if strings.Contains(r.log.String(), "there again") {
			t.Errorf("the log is %s", r.log)
		}
	})
}

// TestAnUnknownTransformIsLoggedOnce: not for each chain and channel.
func TestAnUnknownTransformIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := dispatch.NewTransforms(map[string]dispatch.Transform{"p": pass()})
		lines := 0
		for range 2 {
			r := newRig(t, nil, func(o *dispatch.Options) { o.Transforms = known })
			r.accept(1, "gone")
			r.accept(1, "p", "gone")
			r.ch.Joined(1, "", "x")
			r.until("both are shelved", func() bool { return r.store.Stats().Channels["c"].Shelved == 2 })
			synctest.Wait()
			lines += strings.Count(r.log.String(), "events are held")
		}
		if lines != 1 {
			t.Errorf("it is logged %d times", lines)
		}
	})
}
