package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
)

// report is the JSON of a run.
type report struct {
	Go      string       `json:"go"`
	System  string       `json:"system"`
	CPUs    int          `json:"cpus"`
	Rounds  int          `json:"rounds"`
	Seconds float64      `json:"seconds"` // per side and round
	Rows    []reportLine `json:"rows"`
}

// reportLine is a row with what follows from its samples.
type reportLine struct {
	*row
	BaselineIs *summary `json:"baseline_summary,omitempty"`
	MeasuredIs *summary `json:"measured_summary,omitempty"`
	Ratio      *summary `json:"ratio,omitempty"`
	Verdict    string   `json:"verdict,omitempty"`
}

func writeJSON(o options, rows []*row) error {
	r := report{Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Rounds: o.rounds,
		Seconds: o.window.Seconds(), Rows: make([]reportLine, len(rows))}
	for i, one := range rows {
		r.Rows[i] = reportLine{row: one, BaselineIs: summaryOf(one.Baseline), MeasuredIs: summaryOf(one.Measured),
			Ratio: summaryOf(one.ratios()), Verdict: one.verdict()}
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.WriteFile(o.json, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func summaryOf(samples []float64) *summary {
	if len(samples) == 0 {
		return nil
	}
	s := summarize(samples)
	return &s
}
