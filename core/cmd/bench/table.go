package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// writeTable prints a line per row, then what is to be known of some.
func writeTable(to io.Writer, o options, rows []*row) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tWHAT\tAGAINST\tTARGET\tBASELINE\tMEASURED\tRATIO [MIN..MAX]\tVERDICT")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Target, r.What, r.Against, r.Aim.text(r.Unit),
			typical(r.Baseline, r.Unit), typical(r.Measured, r.Unit), spread(r.ratios()), r.verdict())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(to, "\nMedians of %d rounds, %s per side and round. Ratio: measured to baseline, round by round.\n", o.rounds, o.window)
	for _, r := range rows {
		for _, text := range []string{r.Missing, r.Note} {
			if text != "" {
				fmt.Fprintf(to, "%s %s: %s\n", r.Target, r.What, text)
			}
		}
		if text := r.Commits.table(); text != "" {
			fmt.Fprintf(to, "%s %s: %s", r.Target, r.What, text)
		}
	}
	return nil
}

// typical gives the median.
func typical(samples []float64, unit string) string {
	if len(samples) == 0 {
		return "-"
	}
	return quantity(summarize(samples).Median, unit)
}

func spread(ratios []float64) string {
	if len(ratios) == 0 {
		return "-"
	}
	s := summarize(ratios)
	return fmt.Sprintf("%.2f [%.2f..%.2f]", s.Median, s.Min, s.Max)
}

// quantity gives a value with its unit in about three digits.
func quantity(v float64, unit string) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2fM %s", v/1e6, unit)
	case v >= 1e4:
		return fmt.Sprintf("%.1fk %s", v/1e3, unit)
	case v >= 100:
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}
