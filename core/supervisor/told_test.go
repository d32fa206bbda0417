package supervisor_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// TestToldMayAsk: whoever is told what became of a plugin may ask the process, and
// keeps nobody else from asking.
func TestToldMayAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pl := &plant{
			do: func(f *fake, _ sdk.Input) (sdk.Outcome, error) { return sdk.Outcome{}, nil },
			begin: func(f *fake) error {
				if f.number == 1 {
					return host.ErrDied
				}
				return nil
			},
		}
		told, let := make(chan supervisor.Event), make(chan struct{})
		o := supervisor.Options{Name: "mask-cards", Setting: path("a"), Told: func(e supervisor.Event) { told <- e; <-let }}
		p := supervisor.New(supervisor.StartedBy(o, pl.start))
		ctx, cancel := context.WithCancel(t.Context())
		var going sync.WaitGroup
		hear := func(want string) {
			t.Helper()
			if e := <-told; e.What != want {
				t.Errorf("told %+v, want %s", e, want)
			}
			synctest.Wait()
			if !supervisor.Answers(p) {
				t.Errorf("nobody may ask while somebody is told of a %s", want)
			}
			let <- struct{}{}
		}
		going.Go(func() {
			if err := p.Start(ctx); err == nil {
				t.Error("it started")
			}
			if err := p.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		hear(supervisor.Crashed)
		hear(supervisor.Began)
		going.Go(func() {
			if err := p.Replace(ctx, path("b")); err != nil {
				t.Error(err)
			}
		})
		hear(supervisor.Replaced)
		pl.last().end(segfault)
		hear(supervisor.Crashed)
		hear(supervisor.Began)
		cancel()
		going.Wait()
	})
}
