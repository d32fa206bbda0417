package supervisor

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

func inOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// company is the alibi of a process that others passed.
var company = alibi{passes: 1, busy: time.Hour}

func TestTrialBlamesTheOneThatFailsAlone(t *testing.T) {
	tr := newTrial(4, inOrder)
	runs := make([]int, 4)
	passes := 0
	for {
		i, _, ok := tr.next()
		if !ok {
			break
		}
		runs[i]++
		if i == 1 {
			if gone := tr.failed(fault{crime: died, what: "signal: segmentation fault", stack: "main.go:1"}, alibi{passes: passes}); gone != (runs[1] == 3) {
				t.Errorf("given up after %d runs: %v", runs[1], gone)
			}
			continue
		}
		tr.passed(sdk.Outcome{Verdict: sdk.Drop})
		passes++
	}
	if got := tr.results[1]; got.Verdict != sdk.Fail || got.Retry || got.Reason != "crashed the plugin 3 times: signal: segmentation fault" || got.Stack != "main.go:1" {
		t.Errorf("outcome %+v", got)
	}
	for i, want := range []int{1, 3, 1, 1} {
		if runs[i] != want {
			t.Errorf("event %d ran %d times, want %d", i, runs[i], want)
		}
	}
	if tr.blamed != 1 || tr.results[0].Verdict != sdk.Drop {
		t.Errorf("blamed %d", tr.blamed)
	}
}

func TestTrialBlamesNobodyWhenNothingPasses(t *testing.T) {
	tr := newTrial(100, inOrder)
	runs := 0
	for ; !tr.futile(); runs++ {
		tr.failed(fault{crime: died}, alibi{})
	}
	if tr.blamed != 0 || runs != maxWasted {
		t.Errorf("blamed %d after %d runs", tr.blamed, runs)
	}
}

func TestTrialStrikes(t *testing.T) {
	own, kill := fault{crime: hung}, fault{crime: died, what: "signal: killed", sent: true, after: time.Second}
	short := alibi{passes: 1, busy: 2*time.Second - 1}
	for name, c := range map[string]struct {
		faults []fault
		alibi  alibi
		wiped  int // an acquittal before this fault
		blamed bool
	}{
		"two are chance":                  {faults: []fault{own, own}, alibi: company},
		"three are not":                   {faults: []fault{own, own, own}, alibi: company, blamed: true},
		"unless nobody vouches":           {faults: []fault{own, own, own}},
		"a failed control wipes them":     {faults: []fault{own, own, own, own}, alibi: company, wiped: 2},
		"kills need more":                 {faults: []fault{kill, kill, kill, kill, kill, kill, kill}, alibi: company},
		"eight kills are not chance":      {faults: []fault{kill, kill, kill, kill, kill, kill, kill, kill}, alibi: company, blamed: true},
		"kills after too short a control": {faults: []fault{kill, kill, kill, kill, kill, kill, kill, kill, kill}, alibi: short},
		"kills do not make own faults":    {faults: []fault{kill, kill, own, own}, alibi: company},
		"own faults count among kills":    {faults: []fault{kill, kill, own, own, own}, alibi: company, blamed: true},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(1, inOrder)
			for i, f := range c.faults {
				if c.wiped > 0 && i == c.wiped {
					tr.acquit()
				}
				tr.failed(f, c.alibi)
			}
			if got := tr.blamed == 1; got != c.blamed {
				t.Errorf("blamed: %v", got)
			}
		})
	}
}

func TestControlIsLongEnough(t *testing.T) {
	s := suspicion{longest: 10 * time.Millisecond}
	if short, long := s.control(0), s.control(0.9999); short != 20*time.Millisecond || long < 59*time.Millisecond {
		t.Errorf("controls of %s to %s", short, long)
	}
	if got := (suspicion{roused: true}).control(0.5); got != 0 {
		t.Errorf("a fault of its own has a control of %s: one pass is enough", got)
	}
}

// TestRandomKillsBlameNobody plays suspicions against kills at several rates: an
// innocent event, which takes a second, is struck once and then tried until it
// passes, is given up, or nothing can be learned.
func TestRandomKillsBlameNobody(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for _, rate := range []float64{0.03, 0.2, 0.4, 0.8, 2, 10} {
		blamed, passed := 0, 0
		dies := func() float64 { return chance.ExpFloat64() / rate }
		for range 20_000 {
			tr := newTrial(1, inOrder)
			tr.failed(fault{crime: died, sent: true, after: seconds(chance.Float64())}, company)
			for !tr.futile() {
				_, s, more := tr.next()
				if !more {
					break
				}
				control := s.control(chance.Float64())
				if seconds(dies()) < control {
					tr.acquit()
				} else if after := dies(); after < 1 {
					tr.failed(fault{crime: died, sent: true, after: seconds(after)}, alibi{passes: 1, busy: control})
				} else {
					tr.passed(sdk.Outcome{})
					passed++
				}
			}
			blamed += tr.blamed
		}
		if blamed > 0 || passed == 0 && rate < 2 {
			t.Errorf("at %g kills a second: %d blamed, %d passed", rate, blamed, passed)
		}
	}
}

// TestRandomFailuresHardlyBlame plays suspicions against a plugin that fails at
// any call by the same chance. Three in a row stay possible; they are rare.
func TestRandomFailuresHardlyBlame(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	const suspects = 20_000
	for _, rate := range []float64{0.05, 0.1, 0.2, 0.3, 0.5} {
		fails := func() bool { return chance.Float64() < rate }
		blamed := 0
		for range suspects {
			tr := newTrial(1, inOrder)
			tr.failed(fault{crime: hung}, company)
		next:
			for !tr.futile() {
				_, s, more := tr.next()
				if !more {
					break
				}
				for range s.calls(chance.IntN(leastControls)) {
					if fails() {
						tr.acquit()
						continue next
					}
				}
				if fails() {
					tr.failed(fault{crime: hung}, company)
				} else {
					tr.passed(sdk.Outcome{})
				}
			}
			blamed += tr.blamed
		}
		if blamed > suspects/50 {
			t.Errorf("at a chance of %g: %d of %d blamed", rate, blamed, suspects)
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
