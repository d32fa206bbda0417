package intake_test

import (
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/route"
)

// admitting is a bench with bounds of admission.
func admitting(t *testing.T, a intake.Admission) *bench {
	t.Helper()
	g := generation(t, 1, route.Rate{})
	g.Admission = a
	return newBench(t, intake.Options{}, g)
}

// shed wants a refusal that asks the sender to come back.
func shed(t *testing.T, err error) {
	t.Helper()
	var p *intake.Problem
	if !errors.As(err, &p) || p.Code != intake.Overloaded || p.RetryAfter < 1 {
		t.Errorf("got %v, want overloaded", err)
	}
}

func TestAdmissionIsARate(t *testing.T) {
	b := admitting(t, intake.Admission{PerSecond: 2})
	admit := func() error { w, err := b.Admit("edge", 0, 0); w.Done(); return err }
	for range 2 {
		if err := admit(); err != nil {
			t.Fatal(err)
		}
	}
	shed(t, admit())
	b.now = b.now.Add(500 * time.Millisecond)
	if err := admit(); err != nil {
		t.Error(err)
	}
	b.Use(generation(t, 1, route.Rate{})) // no limit
	for range 100 {
		if err := admit(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWorkIsBounded(t *testing.T) {
	b := admitting(t, intake.Admission{Bytes: 100})
	one, err := b.Admit("edge", 60, 60)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Admit("edge", 41, 41)
	shed(t, err)
	_, err = b.Admit("edge", 1, 41) // it would not fit when all of it had come
	shed(t, err)
	_, err = b.Admit("edge", 1, math.MaxInt64)
	shed(t, err)
	two, err := b.Admit("edge", 10, 40)
	if err != nil {
		t.Fatal(err)
	}
	shed(t, one.Grow(31))
	if err := one.Grow(30); err != nil {
		t.Error(err)
	}
	one.Done()
	one.Done() // once is enough
	if err := two.Grow(90); err != nil {
		t.Error(err)
	}
	shed(t, two.Grow(1))
	two.Done()
	all, err := b.Admit("edge", 100, 100)
	if err != nil {
		t.Errorf("when all is done: %v", err)
	}
	all.Done()
}

// TestWorkIsBoundedAtOnce: however many ask at the same time.
func TestWorkIsBoundedAtOnce(t *testing.T) {
	b := admitting(t, intake.Admission{Bytes: 100})
	var going sync.WaitGroup
	var holds, admitted, beyond atomic.Int64
	for range 8 {
		going.Go(func() {
			for range 2000 {
				w, err := b.Admit("edge", 30, 30)
				if err != nil {
					continue
				}
				admitted.Add(1)
				if holds.Add(30) > 100 {
					beyond.Add(1)
				}
				holds.Add(-30)
				w.Done()
			}
		})
	}
	going.Wait()
	if admitted.Load() == 0 || beyond.Load() > 0 {
		t.Errorf("%d admitted, %d of them beyond the bound", admitted.Load(), beyond.Load())
	}
	if w, err := b.Admit("edge", 100, 100); err != nil {
		t.Errorf("when all is done: %v", err)
	} else {
		w.Done()
	}
}

// TestWhatIsShedIsToldOnce: once a second, and how many.
func TestWhatIsShedIsToldOnce(t *testing.T) {
	b := admitting(t, intake.Admission{Bytes: 1})
	for range 1000 {
		_, err := b.Admit("edge", 2, 2)
		shed(t, err)
	}
	b.now = b.now.Add(time.Second)
	_, err := b.Admit("edge", 2, 2)
	shed(t, err)
	log := b.log.String()
	if strings.Count(log, "\n") != 2 || !strings.Contains(log, `"requests":1,`) || !strings.Contains(log, `"requests":1000,`) || !strings.Contains(log, "limits.work_bytes") {
		t.Errorf("the log has\n%s", log)
	}
	if n := b.Counts().Refused; n != 1001 {
		t.Errorf("%d are counted", n)
	}
}

// TestRateAtAnIngress: each principal has its own at each ingress, an event of a
// batch counts as one, and so does what cannot be read.
func TestRateAtAnIngress(t *testing.T) {
	g := generation(t, 2, route.Rate{})
	g.Rates = map[string]route.Rate{"edge": {PerSecond: 1, Burst: 3}}
	b := newBench(t, intake.Options{Rates: 10}, g)
	b.want(b.code(1, "e1", `,"data":`), intake.Malformed)
	body := []byte(`[` + string(event("e2", "")) + `,` + string(event("e3", "")) + `,` + string(event("e4", "")) + `]`)
	s := b.submission(1, "b1", body)
	s.Batch = true
	got, err := b.Accept(t.Context(), s)
	if err != nil || got.Results[0].Problem != nil || got.Results[1].Problem != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if p := got.Results[2].Problem; p == nil || p.Code != intake.RateLimited || p.RetryAfter != 2 || got.Results[2].ID != "e4" {
		t.Errorf("the fourth: %+v", got.Results[2])
	}
	b.want(b.code(1, "e5", ""), intake.RateLimited)
	b.want(b.code(2, "e6", ""), "")
	s = b.submission(1, "e7", event("e7", ""))
	s.Ingress = "another"
	if _, err := b.Accept(t.Context(), s); err != nil {
		t.Errorf("at another ingress: %v", err)
	}
}
