package main

import "fmt"

// row is one line of the result: a measurement beside its baseline.
type row struct {
	Target   string    `json:"target"`
	What     string    `json:"what"`
	Unit     string    `json:"unit"`
	Against  string    `json:"against,omitempty"` // what the baseline is
	Aim      aim       `json:"aim,omitzero"`
	Baseline []float64 `json:"baseline,omitempty"` // one per round
	Measured []float64 `json:"measured,omitempty"` // one per round
	Note     string    `json:"note,omitempty"`
	Missing  string    `json:"missing,omitempty"` // why nothing was measured
	Commits  *commits  `json:"commits,omitempty"` // of the journal meanwhile
}

// add takes one round.
func (r *row) add(baseline, measured float64) {
	r.Baseline = append(r.Baseline, baseline)
	r.Measured = append(r.Measured, measured)
}

// aim is what a row should reach: a ratio to its baseline, or with Absolute a
// value in its unit. The zero aim is none.
type aim struct {
	Limit    float64 `json:"limit"`
	AtMost   bool    `json:"at_most,omitempty"`
	Absolute bool    `json:"absolute,omitempty"`
}

func atLeast(ratio float64) aim      { return aim{Limit: ratio} }
func atMost(ratio float64) aim       { return aim{Limit: ratio, AtMost: true} }
func atLeastValue(value float64) aim { return aim{Limit: value, Absolute: true} }
func atMostValue(value float64) aim  { return aim{Limit: value, AtMost: true, Absolute: true} }

// text gives the aim as it is printed beside values in unit.
func (a aim) text(unit string) string {
	if a.Limit == 0 {
		return ""
	}
	sign, value := ">=", fmt.Sprintf("%.2fx", a.Limit)
	if a.AtMost {
		sign = "<="
	}
	if a.Absolute {
		value = quantity(a.Limit, unit)
	}
	return sign + " " + value
}

// ratios gives measured to baseline, round by round.
func (r *row) ratios() []float64 {
	var out []float64
	for i := range min(len(r.Baseline), len(r.Measured)) {
		if r.Baseline[i] > 0 {
			out = append(out, r.Measured[i]/r.Baseline[i])
		}
	}
	return out
}

// verdict tells whether the median is where it should be: ok or short; empty
// when nothing was asked.
func (r *row) verdict() string {
	samples := r.ratios()
	if r.Aim.Absolute {
		samples = r.Measured
	}
	switch {
	case r.Missing != "":
		return "not measured"
	case r.Aim.Limit == 0 || len(samples) == 0:
		return ""
	}
	got := summarize(samples).Median
	if r.Aim.AtMost && got <= r.Aim.Limit || !r.Aim.AtMost && got >= r.Aim.Limit {
		return "ok"
	}
	return "short"
}
