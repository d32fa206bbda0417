package supervisor_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
)

// rounds is how often chance may go against an event.
const rounds = 40

// TestDeathByCountBlamesNobody: the plugin dies at its n-th call, whatever it is
// given.
func TestDeathByCountBlamesNobody(t *testing.T) {
	for n := 2; n <= 12; n++ {
		pl := &plant{do: func(f *fake, _ sdk.Input) (sdk.Outcome, error) {
			if f.took >= n-1 {
				return sdk.Outcome{}, crash(f)
			}
			return took(f, time.Duration(1+rand.IntN(20))*time.Millisecond)
		}}
		if blamed := tried(t, pl); blamed > 0 {
			t.Errorf("dying at call %d: %d blamed", n, blamed)
		}
	}
}

// TestDeathByTimeHardlyBlames: the plugin dies some time after its first call,
// whatever it is given. Three times in a row by chance is rare.
func TestDeathByTimeHardlyBlames(t *testing.T) {
	blamed := 0
	for _, after := range []time.Duration{100, 150, 210, 290, 400} {
		pl := &plant{do: func(f *fake, _ sdk.Input) (sdk.Outcome, error) {
			if f.took == 0 {
				time.AfterFunc(after*time.Millisecond, func() { f.end(segfault) })
			}
			return took(f, time.Duration(30+rand.IntN(60))*time.Millisecond)
		}}
		blamed += tried(t, pl)
	}
	if blamed > 3 {
		t.Errorf("%d blamed", blamed)
	}
}

// tried is how many of eight healthy events are given up, in so many rounds.
func tried(t *testing.T, pl *plant) (blamed int) {
	t.Helper()
	for range rounds {
		pl.started = nil
		bubble(t, pl, supervisor.Setting{}, func(r *rig) {
			for range 3 {
				list := numbered(0, 8)
				r.ready()
				outcomes, _, err := r.Apply(r.Context(), list)
				if err != nil && !errors.Is(err, sdk.ErrUnavailable) {
					r.Error(err)
				}
				blamed += len(failed(list, outcomes))
			}
		})
	}
	return blamed
}
