package journal_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// channels are those of every rig.
var channels = []string{"a", "b", "c"}

// rig is a journal on a disk in memory under a random workload, and the oracle
// that watches it. The same seed does the same.
type rig struct {
	*testing.T
	disk   *disktest.Disk
	fs     disk.FS // instead of the disk itself
	j      *journal.Journal
	o      *oracle
	random *rand.Rand
	at     string // what is tried, to be told with a failure
	ids    int
	errs   []error  // of operations, in order
	w      *witness // nil for a journal that nobody follows
}

func newRig(t *testing.T, seed uint64) *rig {
	return &rig{T: t, disk: disktest.New(disktest.Options{}), o: newOracle(), random: rand.New(rand.NewPCG(seed, 1)), at: fmt.Sprintf("seed %d", seed)}
}

// on gives a rig like r on another disk, with its own oracle.
func (r *rig) on(d *disktest.Disk, seed uint64, at string) *rig {
	return &rig{T: r.T, disk: d, o: r.o.clone(), random: rand.New(rand.NewPCG(seed, 2)), at: r.at + ", " + at, ids: r.ids, w: r.w.clone()}
}

func (r *rig) options() journal.Options {
	o := journal.Options{FS: cmp.Or[disk.FS](r.fs, r.disk), Remember: remember, KeepStatus: keepStatus, MaxIDs: 1 << 20, Capacity: 64 << 20,
		MaxPending: make(map[string]int64), Segment: 72 << 10, NewestIDs: 8, Follow: r.w != nil, Log: zerolog.Nop()}
	for _, c := range channels {
		o.MaxPending[c] = 64 << 20
	}
	return o
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%s: %v", r.at, err)
	}
}

// open opens the journal and checks it. It reports whether the disk lived on.
func (r *rig) open() bool {
	r.Helper()
	j, err := journal.Open(r.options())
	if errors.Is(err, disktest.ErrStopped) {
		r.o.restarted() // it may have counted one already
		return false
	}
	r.must(err)
	r.j = j
	if err := r.o.reopened(j); errors.Is(err, disktest.ErrStopped) {
		r.o.restarted()
		return false
	} else {
		r.must(err)
	}
	return true
}

// use opens the journal with other options, and does not check it.
func (r *rig) use(o journal.Options) {
	r.Helper()
	j, err := journal.Open(o)
	r.must(err)
	r.j = j
}

// failed notes the error of an operation, and reports whether the disk is dead.
func (r *rig) failed(err error) bool {
	if err != nil {
		r.errs = append(r.errs, err)
	}
	return errors.Is(err, disktest.ErrStopped)
}

// work does so many random steps, or as many as the disk lives for. It reports
// whether that lived on.
func (r *rig) work(steps int) bool {
	r.Helper()
	for range steps {
		if !r.step() {
			return false
		}
	}
	return true
}

func (r *rig) step() bool {
	r.Helper()
	if r.w != nil && r.random.IntN(3) == 0 && !r.poll(r.random.IntN(8)) {
		return false
	}
	switch n := r.random.IntN(100); {
	case n < 38:
		return r.append(r.random.IntN(3) + 1)
	case n < 60:
		return r.ready(channels[r.random.IntN(len(channels))], r.random.IntN(6)+1)
	case n < 80:
		return r.settle(r.random.IntN(5) + 1)
	case n < 86:
		r.shelve()
		return true
	case n < 90:
		r.o.now = r.o.now.Add(time.Duration(r.random.IntN(int(10 * time.Minute))))
		return true
	case n < 98:
		return !r.failed(r.j.Tidy())
	default:
		return r.reopen()
	}
}

func (r *rig) reopen() bool {
	r.Helper()
	return !r.failed(r.j.Close()) && r.open()
}

// append appends so many entries in one call: mostly new ones.
func (r *rig) append(n int) bool {
	r.Helper()
	var list []*outbox.Entry
	for range n {
		if k := r.random.IntN(10); k == 0 && len(r.o.order) > 0 {
			if f := r.o.facts[r.o.order[r.random.IntN(len(r.o.order))]]; f.entry != nil {
				again := *f.entry
				again.Accepted = r.o.now
				list = append(list, &again)
			}
			continue
		}
		list = append(list, r.entry())
	}
	got := r.j.Append(context.Background(), list...)
	dead := false
	for i, e := range list {
		r.must(r.o.appended(e, got[i]))
		dead = r.failed(got[i].Err) || dead
	}
	return !dead
}

// entry makes a new one, for some of the channels.
func (r *rig) entry() *outbox.Entry {
	r.ids++
	var targets []outbox.Target
	for _, i := range r.random.Perm(len(channels))[:1+r.random.IntN(len(channels))] {
		t := outbox.Target{Channel: channels[i], Park: r.random.IntN(3) == 0}
		if k := r.random.IntN(5); k < 3 {
			t.Order = string(rune('x' + k))
		}
		targets = append(targets, t)
	}
	size := r.random.IntN(500)
	if r.random.IntN(4) == 0 {
		size += r.random.IntN(9000)
	}
	e := newEntry(fmt.Sprintf("e%d", r.ids), bytes.Repeat([]byte{'.'}, size), targets...)
	e.Accepted = r.o.now
	return e
}

func (r *rig) ready(channel string, most int) bool {
	r.Helper()
	items, _, err := r.j.Ready(channel, r.o.now, most)
	r.must(r.o.given(channel, items, most))
	return !r.failed(err)
}

// shelves are those of every channel.
var shelves = []string{"p", "q"}

// shelve puts some of what is out on a shelf, or opens one, and counts.
func (r *rig) shelve() {
	r.Helper()
	channel, name := channels[r.random.IntN(len(channels))], shelves[r.random.IntN(len(shelves))]
	if r.random.IntN(3) == 0 {
		r.j.Unshelve(channel, name)
		r.o.unshelved(channel, name)
	} else if items, legs := r.o.outs(channel); len(items) > 0 {
		from := r.random.IntN(len(items))
		r.j.Shelve(channel, name, items[from:])
		r.o.shelved(channel, name, legs[from:])
	}
	if got, want := r.j.Stats().Channels[channel].Shelved, r.o.counts(channel).Shelved; got != want {
		r.Fatalf("%s: %d are shelved on %s, want %d", r.at, got, channel, want)
	}
}

// settle settles so many legs in one call, each by chance.
func (r *rig) settle(n int) bool {
	r.Helper()
	var outcomes []outbox.Outcome
	for range n {
		if o, ok := r.outcome(); ok && !slices.ContainsFunc(outcomes, func(x outbox.Outcome) bool { return x.Seq == o.Seq && x.Channel == o.Channel }) {
			outcomes = append(outcomes, o)
		}
	}
	err := r.j.Settle(context.Background(), outcomes)
	r.o.settled(outcomes, err)
	if r.failed(err) {
		return false
	}
	if err != nil {
		r.must(r.o.looked(r.j, outcomes))
	}
	return true
}

// outcome makes one up: for what is out mostly.
func (r *rig) outcome() (x outbox.Outcome, ok bool) {
	var f *fact
	var l *leg
	for range 20 { // looks, until one is found that is out
		if len(r.o.order) == 0 {
			return x, false
		}
		if g := r.o.facts[r.o.order[r.random.IntN(len(r.o.order))]]; g.is == stored {
			for _, c := range channels {
				if m := g.legs[c]; m != nil && (f == nil || m.out) {
					f, l = g, m
				}
			}
		}
		if l != nil && l.out {
			break
		}
	}
	if f == nil {
		return x, false
	}
	x = outbox.Outcome{Seq: f.seq, Channel: l.Channel, Attempt: l.attempt, Failures: l.is.failures, At: r.o.now}
	operator := func(a outbox.Action) { x.Action, x.Attempt = a, 0 }
	switch n := r.random.IntN(100); {
	case n < 30:
		x.Action, x.Result = outbox.Done, fmt.Appendf(nil, `{"n":%d}`, r.random.IntN(100))
	case n < 40 && l.out:
		x.Action, x.Failures, x.What, x.Reason = outbox.Dead, l.is.failures+1, "failed", fmt.Sprint("reason ", r.random.IntN(100))
	case n < 55 && l.out:
		x.Action, x.Failures, x.What, x.Reason = outbox.Retry, l.is.failures+1, "lapsed", "no reply"
		x.Due = r.o.now.Add(time.Duration(r.random.IntN(int(5 * time.Minute))))
	case n < 62 && !l.leased: // a lease is the last word
		x.Action, x.Unsent = outbox.Retry, true
	case n < 70:
		operator(outbox.Redrive)
	case n < 80:
		operator(outbox.Hold)
	case n < 90:
		operator(outbox.Release)
	case n < 95:
		operator(outbox.Dropped)
		x.What, x.Reason = "cancelled", "by mistake"
	default:
		x.Action, x.Due = outbox.Lease, r.o.now.Add(time.Hour)
	}
	return x, true
}

// drain hands out and ends everything that is pending, and checks that nothing
// is left, through a restart too.
func (r *rig) drain() {
	r.Helper()
	r.witnessed()
	r.o.now = r.o.now.Add(2 * time.Hour)
	var release []outbox.Outcome
	for _, f := range r.o.facts {
		for _, l := range f.legs {
			x := outbox.Outcome{Seq: f.seq, Channel: l.Channel, At: r.o.now}
			switch {
			case l.is.held:
				x.Action = outbox.Release
				release = append(release, x)
			case l.is.state == outbox.StateFailed:
				x.Action = outbox.Dropped
				release = append(release, x)
			}
		}
	}
	r.end(release)
	r.finish()
	for id, f := range r.o.facts {
		if f.is == stored && !f.ended() {
			r.Fatalf("%s: %s was never handed out: %+v", r.at, id, f.legs)
		}
	}
	r.witnessed()
	r.must(r.j.Close())
	r.open()
	r.witnessed()
	for _, c := range channels {
		if items, _, err := r.j.Ready(c, r.o.now, 1); err != nil || len(items) > 0 {
			r.Fatalf("%s: %s gives %v, %v", r.at, c, items, err)
		}
	}
	r.must(r.j.Close())
}

func (r *rig) end(outcomes []outbox.Outcome) {
	r.Helper()
	r.must(r.j.Settle(context.Background(), outcomes))
	r.o.settled(outcomes, nil)
}

// finish hands out what can be handed out, and ends it, until nothing is left.
func (r *rig) finish() {
	r.Helper()
	for _, c := range channels {
		for _, name := range shelves {
			r.j.Unshelve(c, name)
			r.o.unshelved(c, name)
		}
	}
	for again := true; again; {
		again = false
		for _, c := range channels {
			items, _, err := r.j.Ready(c, r.o.now, 100)
			r.must(err)
			r.must(r.o.given(c, items, 100))
			again = again || len(items) > 0
		}
		var done []outbox.Outcome
		for _, f := range r.o.facts {
			for _, l := range f.legs {
				if l.out {
					done = append(done, outbox.Outcome{Seq: f.seq, Channel: l.Channel, Attempt: l.attempt, At: r.o.now})
				}
			}
		}
		again = again || len(done) > 0
		r.end(done)
	}
}
