package promise_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// whole has strace show all of what is read and written.
const whole = "1000000"

// D1: every 202 comes after an fdatasync that began after the event was written.
func TestD1AcceptedIsSynced(t *testing.T) {
	r := newRouter(t, oneChannel)
	s := r.trace("-s", whole, "-e", recorded)
	const requests = 400
	each(requests, 8, func(i int) {
		id := fmt.Sprintf("synced-%d", i)
		a, err := r.edge.post(t.Context(), id, order("order.created", id, ""))
		if err != nil || a.says() != accepted {
			t.Errorf("%s: %s, %v", id, a.Body, err)
		}
	})
	s.detach()
	answered, wrong := s.answers(false)
	if answered != requests || len(wrong) > 0 {
		t.Errorf("%d of %d answers are in the trace, before a sync came those of %v", answered, requests, wrong)
	}
	proved(t, "%d times 202, each after its fdatasync", answered)
}

// D1: of two equal requests at once none is answered before the sync has ended,
// and both have its outcome.
func TestD1DuplicatesWaitForTheSync(t *testing.T) {
	for name, c := range map[string]struct {
		inject string
		want   map[string]int
	}{
		"slow":    {"inject=fdatasync:delay_enter=500000", map[string]int{accepted: 1, duplicate: 1}},
		"failing": {"inject=fdatasync:error=EIO:delay_enter=500000", map[string]int{"503 overloaded": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t, oneChannel)
			if _, err := r.edge.insist(t.Context(), "before", order("order.created", "before", "")); err != nil {
				t.Fatal(err)
			}
			s := r.trace("-s", whole, "-e", recorded, "-e", c.inject)
			got := make(map[string]int)
			var mu sync.Mutex
			each(2, 2, func(int) {
				a, err := r.edge.post(t.Context(), "twin", order("order.created", "twin", ""))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[a.says()]++
			})
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("answers are %v, want %v", got, c.want)
			}
			s.detach()
			r.kill()
			answered, wrong := s.answers(true)
			if answered != c.want[accepted]+c.want[duplicate] || len(wrong) > 0 {
				t.Errorf("%d answers, before the sync came those of %v", answered, wrong)
			}
			if calls := s.calls(); !containsSync(calls) {
				t.Error("the trace has no sync")
			}
		})
	}
}

func containsSync(calls []call) bool {
	for _, c := range calls {
		if c.name == "fdatasync" && strings.Contains(c.text, "INJECTED") || c.name == "fdatasync" && strings.Contains(c.text, "DELAYED") {
			return true
		}
	}
	return false
}
