package main

import (
	"slices"
	"testing"
)

func TestFigures(t *testing.T) {
	want := []float64{19.625, 0, -3, 1e9}
	sayFigures(func(line string) {
		got, err := parseFigures(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is read as %v, %v", line, got, err)
		}
	}, want...)
	if _, err := parseFigures("1 x"); err == nil {
		t.Error("a word is read as a figure")
	}
}
