package consumer_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/headgate-io/headgate/sdk/consumer"
)

func TestMemoryForgetsTheOldest(t *testing.T) {
	m := consumer.NewMemory(3)
	for n := range 10 {
		m.Remember(fmt.Sprint(n), []byte(fmt.Sprint(n)))
		for back := range 10 {
			result, done := m.Recall(fmt.Sprint(back))
			if want := back <= n && back > n-3; done != want || want && string(result) != fmt.Sprint(back) {
				t.Errorf("after %d: %d is %q, %v", n, back, result, done)
			}
		}
	}
}

func TestMemoryKeepsEventsAndDropsResults(t *testing.T) {
	const size, events = 400, 1000
	large := bytes.Repeat([]byte("1"), 64<<10)
	m := consumer.NewMemory(size)
	for n := range events {
		m.Remember(fmt.Sprint(n), large)
		if kept, bytes := m.Size(); kept != min(n+1, size) || bytes > consumer.MaxResults {
			t.Fatalf("after %d: %d events, %d bytes", n, kept, bytes)
		}
	}
	if result, done := m.Recall(fmt.Sprint(events - size)); !done || result != nil {
		t.Errorf("the oldest: %d bytes, %v", len(result), done)
	}
	if result, done := m.Recall(fmt.Sprint(events - 1)); !done || len(result) != len(large) {
		t.Errorf("the newest: %d bytes, %v", len(result), done)
	}
	if _, bytes := m.Size(); bytes != consumer.MaxResults {
		t.Errorf("%d bytes are kept", bytes)
	}
}
