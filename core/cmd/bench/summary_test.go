package main

import "testing"

func TestSummarize(t *testing.T) {
	for _, test := range []struct {
		samples []float64
		want    summary
	}{
		{[]float64{3}, summary{3, 3, 3}},
		{[]float64{9, 1, 2}, summary{2, 1, 9}},
		{[]float64{4, 1, 3, 100}, summary{3.5, 1, 100}},
	} {
		given := append([]float64(nil), test.samples...)
		if got := summarize(test.samples); got != test.want {
			t.Errorf("summarize(%v) = %v, want %v", test.samples, got, test.want)
		}
		for i := range given {
			if given[i] != test.samples[i] {
				t.Errorf("summarize changed its samples to %v", test.samples)
			}
		}
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = int64(i + 1)
	}
	for _, test := range []struct {
		sorted []int64
		p      float64
		want   int64
	}{
		{nil, 50, 0},
		{[]int64{7}, 99, 7},
		{[]int64{1, 2}, 50, 1},
		{hundred, 0, 1},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
	} {
		if got := percentile(test.sorted, test.p); got != test.want {
			t.Errorf("percentile of %d samples, %v: %d, want %d", len(test.sorted), test.p, got, test.want)
		}
	}
}
