package main

import (
	"math"
	"slices"
)

// summary is what is told of a measurement's samples.
type summary struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// summarize needs at least one sample; of an even number the median is the
// mean of the middle two.
func summarize(samples []float64) summary {
	s := slices.Sorted(slices.Values(samples))
	half := len(s) / 2
	median := s[half]
	if len(s)%2 == 0 {
		median = (s[half-1] + s[half]) / 2
	}
	return summary{Median: median, Min: s[0], Max: s[len(s)-1]}
}

// percentile gives the smallest sample that p percent of them do not exceed
// (nearest rank), zero of none. sorted is in ascending order.
func percentile[T int64 | float64](sorted []T, p float64) T {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}
