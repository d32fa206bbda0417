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

func TestMemoryKeepsEventsAndDropsTheOldestResults(t *testing.T) {
	const size, small, events = 400, 600, 1000
	large := bytes.Repeat([]byte("1"), 64<<10)
	m := consumer.NewMemory(size)
	for n := range events {
		if n < small {
			m.Remember(fmt.Sprint(n), large[:1])
			continue
		}
		m.Remember(fmt.Sprint(n), large)
		if kept, bytes := m.Size(); kept != size || bytes > consumer.MaxResults {
			t.Fatalf("after %d: %d events, %d bytes", n, kept, bytes)
		}
		bare := false
		for back := n; back > n-size; back-- {
			result, done := m.Recall(fmt.Sprint(back))
			if !done || bare && result != nil {
				t.Fatalf("after %d: %d is remembered: %v, with %d bytes beyond a newer one without", n, back, done, len(result))
			}
			bare = result == nil
		}
	}
	if _, bytes := m.Size(); bytes != consumer.MaxResults {
		t.Errorf("%d bytes are kept", bytes)
	}
}
