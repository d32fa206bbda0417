package main

import (
	"errors"
	"testing"
	"time"
)

// A figure for what fails would be one for something else.
func TestChecksPass(t *testing.T) {
	list, about, err := newChecks()
	if err != nil || about == "" {
		t.Fatal(err)
	}
	for _, c := range list {
		if err := c.once(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestTimedEndsWithAnError(t *testing.T) {
	bad := errors.New("bad")
	calls := 0
	if _, err := timed(time.Hour, func() error { calls++; return bad }); err != bad || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	if took, err := timed(1, func() error { return nil }); err != nil || took <= 0 {
		t.Errorf("timed gives %v, %v", took, err)
	}
}
