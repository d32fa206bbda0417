package core_test

import (
	"testing"
	"time"

	"github.com/headgate-io/headgate/core"
)

// TestClockNeverGoesBack turns the wall clock while time passes.
func TestClockNeverGoesBack(t *testing.T) {
	began := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		base  time.Duration   // of the newest time in the store, after began
		steps []time.Duration // where the wall clock stands after each second, after began
		want  []time.Duration
	}{
		{"steady", 0, []time.Duration{1, 2, 3}, []time.Duration{1, 2, 3}},
		{"slewed", 0, []time.Duration{2, 3, 4}, []time.Duration{2, 3, 4}},
		{"back by a minute", 0, []time.Duration{1, -58, -57}, []time.Duration{1, 2, 3}},
		{"ahead by a minute", 0, []time.Duration{1, 62, 63}, []time.Duration{1, 62, 63}},
		{"ahead and back", 0, []time.Duration{61, 2, 3}, []time.Duration{61, 62, 63}},
		{"back and caught up", 0, []time.Duration{-59, -58, 9}, []time.Duration{1, 2, 9}},
		{"behind the store", 60, []time.Duration{1, 2, 3}, []time.Duration{61, 62, 63}},
		{"behind the store and caught up", 2, []time.Duration{1, 7, 8}, []time.Duration{3, 7, 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var wall time.Time
			var passed time.Duration
			now := core.Clock(began.Add(c.base*time.Second), func() time.Time { return wall }, func() time.Duration { return passed })
			for i, at := range c.steps {
				wall, passed = began.Add(at*time.Second), time.Duration(i+1)*time.Second
				if got, want := now(), began.Add(c.want[i]*time.Second); !got.Equal(want) {
					t.Errorf("second %d, wall clock at %v: %v, want %v", i+1, wall, got, want)
				}
			}
		})
	}
}
