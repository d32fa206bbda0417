package main

import (
	"strings"
	"testing"
	"time"
)

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		name string
		row  row
		want string
	}{
		{"no aim", row{Baseline: []float64{1}, Measured: []float64{1}}, ""},
		{"no samples", row{Aim: atLeast(1)}, ""},
		{"missing", row{Aim: atLeast(1), Missing: "install it"}, "not measured"},
		{"at least", row{Aim: atLeast(0.8), Baseline: []float64{10}, Measured: []float64{8}}, "ok"},
		{"below", row{Aim: atLeast(0.8), Baseline: []float64{10}, Measured: []float64{7.9}}, "short"},
		{"at most", row{Aim: atMost(3), Baseline: []float64{10}, Measured: []float64{30}}, "ok"},
		{"above", row{Aim: atMost(3), Baseline: []float64{10}, Measured: []float64{31}}, "short"},
		{"median of ratios, not ratio of medians", row{Aim: atLeast(1), Baseline: []float64{1, 10, 100}, Measured: []float64{2, 9, 90}}, "short"},
		{"value", row{Aim: atLeastValue(300), Measured: []float64{300}}, "ok"},
		{"value beside a baseline", row{Aim: atLeastValue(300), Baseline: []float64{1}, Measured: []float64{299}}, "short"},
		{"value at most", row{Aim: atMostValue(60), Measured: []float64{61}}, "short"},
	} {
		if got := test.row.verdict(); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestRatiosLeaveOutWhatCannotBeDivided(t *testing.T) {
	r := row{Baseline: []float64{0, 2, 4}, Measured: []float64{1, 1}}
	if got := r.ratios(); len(got) != 1 || got[0] != 0.5 {
		t.Errorf("ratios are %v, want [0.5]", got)
	}
}

func TestTable(t *testing.T) {
	rows := []*row{
		{Target: "S1", What: "push", Unit: "msg/s", Against: "libzmq", Aim: atLeast(1), Baseline: []float64{1e6, 2e6, 1e6}, Measured: []float64{2e6, 2e6, 3e6}, Note: "noted"},
		{Target: "S1", What: "deliveries", Unit: "msg/s", Aim: atLeastValue(300_000), Missing: "install libzmq3-dev"},
		{Target: "S8", What: "start", Unit: "ms", Aim: atMostValue(300), Measured: []float64{12.34}},
	}
	var out strings.Builder
	if err := writeTable(&out, options{rounds: 3, window: 700 * time.Millisecond}, rows); err != nil {
		t.Fatal(err)
	}
	want := `    WHAT        AGAINST  TARGET           BASELINE     MEASURED     RATIO [MIN..MAX]   VERDICT
S1  push        libzmq   >= 1.00x         1.00M msg/s  2.00M msg/s  2.00 [1.00..3.00]  ok
S1  deliveries           >= 300.0k msg/s  -            -            -                  not measured
S8  start                <= 300 ms        -            12.3 ms      -                  ok

Medians of 3 rounds, 700ms per side and round. Ratio: measured to baseline, round by round.
S1 push: noted
S1 deliveries: install libzmq3-dev
`
	if got := out.String(); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
}
