package journal_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/outbox"
)

// TestACleanRestartCountsNothing closes a journal over and over: what was never
// handed out still comes as the first attempt, though a record says that it may
// have been, and what was out comes as one more each time. A kill leaves doubt.
func TestACleanRestartCountsNothing(t *testing.T) {
	for _, how := range []struct {
		name string
		next func(r *rig)
		want int // attempt of what was never handed out
	}{
		{"closed", func(r *rig) { r.must(r.j.Close()) }, 1},
		{"closed, its summaries lost", func(r *rig) {
			r.must(r.j.Close())
			for _, name := range r.disk.Names() {
				if len(name) == len("00000001.idx") && name[8:] == ".idx" {
					r.must(r.disk.Remove(name))
				}
			}
		}, 1},
		{"killed", func(r *rig) { r.disk = r.disk.CutSeed(1) }, 4},
	} {
		t.Run(how.name, func(t *testing.T) {
			r := newRig(t, 1)
			r.use(r.options())
			r.load(1, nil)
			r.take("a", 1, outbox.Done) // a record says now that all that follows may have been sent
			r.load(2, nil)
			for n := 1; n <= 3; n++ {
				items, _, err := r.j.Ready("a", r.o.now, 1)
				r.must(err)
				if len(items) != 1 || items[0].Attempt != n {
					t.Fatalf("opening %d: %+v", n, items)
				}
				how.next(r)
				r.use(r.options())
			}
			items, _, err := r.j.Ready("a", r.o.now, 2)
			r.must(err)
			if len(items) != 2 || items[0].Attempt != 4 || items[1].Attempt != how.want {
				t.Fatalf("%d items, attempts %d and %d, want 4 and %d", len(items), items[0].Attempt, items[1].Attempt, how.want)
			}
			r.must(r.j.Close())
		})
	}
}
