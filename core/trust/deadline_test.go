package trust_test

import (
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/trust"
)

// What is over by either clock is over: one that is set back revives nothing.
func TestDeadline(t *testing.T) {
	began := time.Now()
	at := func(after time.Duration) time.Time { return began.Add(after) }
	for name, c := range map[string]struct {
		wall, steady, now time.Duration
		passed            bool
	}{
		"before":           {time.Hour, time.Hour, time.Hour - 1, false},
		"after":            {time.Hour, time.Hour, time.Hour, true},
		"set back":         {3 * time.Hour, time.Hour, time.Hour, true},      // by 2 h since
		"ahead, or asleep": {time.Hour, 3 * time.Hour, time.Hour, true},      // by 2 h
		"and right again":  {3 * time.Hour, 3 * time.Hour, time.Hour, false}, //
	} {
		if got := trust.Passed(at(c.wall).Round(0), at(c.steady), at(c.now)); got != c.passed {
			t.Errorf("%s: %v", name, got)
		}
	}
	wall, steady := trust.Deadline(at(time.Hour).UTC().Round(0), began)
	if wall != wall.Round(0) || steady == steady.Round(0) || !steady.Equal(wall) || steady.Sub(began).Round(time.Millisecond) != time.Hour {
		t.Errorf("on the wall %v, and else %v", wall, steady)
	}
}
