package journal_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

var cuts = flag.Int("cuts", 1, "seeds of the power cut tests")

const (
	// cutSteps is how long a workload is that is cut at each of its operations.
	cutSteps = 60
	// mostMasks is up to how many choices all outcomes of a cut are tried.
	mostMasks = 10
	// someSeeds is how many outcomes are tried beside, with torn writes.
	someSeeds = 3
)

func TestWorkload(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10 * *cuts) {
		r := newRig(t, seed)
		if seed%2 == 1 {
			r.w = newWitness(seed%4 == 1)
		}
		r.open()
		r.work(1000)
		if len(r.errs) > 0 {
			t.Fatalf("%s: %v", r.at, r.errs[0])
		}
		r.drain()
	}
}

// TestPowerCut cuts the power at every operation of a workload, and looks at
// what may be left of it: what was acknowledged is there, before and after the
// work goes on, and when the power goes again while the journal opens.
func TestPowerCut(t *testing.T) {
	for seed := range uint64(*cuts) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			for n := 1; cutAt(t, newRig(t, seed), n); n++ {
			}
		})
	}
}

// TestPowerCutFollowed is TestPowerCut with somebody who follows: what was told
// before and after the cuts is what is durable, each once.
func TestPowerCutFollowed(t *testing.T) {
	for seed := range uint64(*cuts) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				r := newRig(t, seed)
				r.w = newWitness(n%2 == 0)
				if !cutAt(t, r, n) {
					break
				}
			}
		})
	}
}

// cutAt stops a workload at an operation. It reports whether there was one.
func cutAt(t *testing.T, r *rig, n int) bool {
	t.Helper()
	r.disk.StopAt(n)
	if r.open() && r.work(cutSteps) {
		return false
	}
	if choices := r.disk.Unsynced(); choices <= mostMasks {
		for mask := range uint64(1) << choices {
			r.found(r.disk.CutMask(mask), mask, fmt.Sprintf("operation %d, mask %b", n, mask))
		}
	}
	for s := range int64(someSeeds) {
		r.found(r.disk.CutSeed(s), uint64(s), fmt.Sprintf("operation %d, cut %d", n, s))
	}
	return true
}

// found opens what a power cut has left, also with another cut while it opens,
// works on, cuts once more and drains the rest.
func (r *rig) found(d *disktest.Disk, seed uint64, at string) {
	r.Helper()
	second := r.on(d, seed, at)
	stop := 1 + second.random.IntN(12)
	second.disk.StopAt(stop)
	if second.open() {
		second.disk.StopAt(0)
	} else {
		second = second.on(second.disk.CutSeed(int64(seed)), seed, fmt.Sprintf("opening stopped at %d", stop))
		second.open()
	}
	second.work(10)
	second.disk.StopAt(second.disk.Operations() + 1 + second.random.IntN(6))
	second.work(10)
	third := second.on(second.disk.CutSeed(int64(seed)+1), seed, "third time")
	third.open()
	third.drain()
}
