package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// followed gives a rig whose journal is kept for a follower.
func followed(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, 1)
	r.w = newWitness(true)
	return r
}

// facts gives all facts after a position.
func (r *rig) facts(after outbox.Position) []string {
	r.Helper()
	w := newWitness(true)
	w.to = after
	r.must(r.follow(w, 1<<30))
	if p := r.j.Position(); w.to != p {
		r.Fatalf("%s: followed to %+v of %+v", r.at, w.to, p)
	}
	return w.facts
}

// TestWhatIsNotFollowedIsKept ends everything long ago: segments stay until they
// are followed, and no longer.
func TestWhatIsNotFollowedIsKept(t *testing.T) {
	r := followed(t)
	o := r.options()
	o.Capacity = 1 << 20 // the ends are forgotten early
	r.use(o)
	r.churn(400)
	r.o.now = r.o.now.Add(2 * keepStatus)
	r.churn(1)
	r.tidy()
	all := r.facts(outbox.Position{})
	if len(all) != 802 {
		t.Fatalf("%d facts are told", len(all))
	}
	segments := r.j.Stats().Disk.Segments
	for _, p := range []outbox.Position{{}, {Event: 1 << 40}, {State: 1 << 40}} { // of one kind only is not followed
		r.must(r.j.Close())
		r.use(o)
		r.j.Followed(p)
		r.tidy()
		if n := r.j.Stats().Disk.Segments; n < segments {
			t.Fatalf("followed to %+v, %d segments of %d are left", p, n, segments)
		}
	}
	r.j.Followed(outbox.Position{Event: 200, State: 200})
	r.tidy()
	r.wantGone()
	first := r.disk.Names()[0] // the summary of the oldest
	if own := r.segmentOf(`"m200"`); strings.TrimSuffix(first, ".idx") != strings.TrimSuffix(own, ".seg") {
		t.Errorf("half is followed, to %s; left are %v", own, r.disk.Names())
	}
	if rest := r.facts(outbox.Position{Event: 200, State: 200}); !slices.Equal(rest, all[400:]) {
		t.Errorf("%d facts are told after half", len(rest))
	}
	r.j.Followed(r.j.Position())
	r.tidy()
	if n := r.j.Stats().Disk.Segments; n > 6 {
		t.Errorf("all is followed, %d segments of %d are left", n, segments)
	}
	r.must(r.j.Close())
}

// TestPositionsOutliveTheirFacts drops every record that has an outcome, or an
// event: what comes then is beyond them all the same, after a restart too.
func TestPositionsOutliveTheirFacts(t *testing.T) {
	r := followed(t)
	r.use(r.options())
	r.churn(60)
	last := r.j.Position()
	r.must(r.j.Close())
	r.use(r.options())
	r.o.now = r.o.now.Add(2 * keepStatus)
	r.take("a", 1, outbox.Done) // time passes by what is asked
	r.j.Followed(last)
	r.tidy()
	if n := r.j.Stats().Disk.Segments; n != 1 {
		t.Fatalf("%d segments are left", n)
	}
	for range 2 {
		if p := r.j.Position(); p != last {
			t.Errorf("it is at %+v, was at %+v", p, last)
		}
		r.must(r.j.Close())
		r.use(r.options())
	}
	r.churn(1)
	if got := r.facts(last); len(got) != 2 {
		t.Errorf("told is then %q", got)
	}
	r.must(r.j.Close())
}

// TestAFullDiskWaitsForTheFollower fills a disk with what has ended and was not
// followed: no status is given up for room that nobody gets, and events are
// accepted again when it is followed.
func TestAFullDiskWaitsForTheFollower(t *testing.T) {
	r := followed(t)
	r.disk = disktest.New(disktest.Options{Size: 2 << 20})
	o := r.options()
	o.Reserve = 100 << 10
	r.use(o)
	err := error(nil)
	for err == nil {
		r.tidy()
		r.ids++
		e := newEntry(fmt.Sprintf("f%d", r.ids), bytes.Repeat([]byte{'.'}, 2000), outbox.Target{Channel: "a"})
		e.Accepted = r.o.now
		if err = r.j.Append(t.Context(), e)[0].Err; err == nil {
			r.take("a", 1, outbox.Done)
		}
	}
	if !errors.Is(err, outbox.ErrDiskFull) {
		t.Fatalf("after %d: %v", r.ids, err)
	}
	r.tidy()
	for id := range r.ids - 1 {
		if _, err := r.j.Lookup(t.Context(), outbox.Key{Source: source, ID: fmt.Sprintf("f%d", id+1)}); err != nil {
			t.Fatalf("the end of f%d of %d: %v", id+1, r.ids, err)
		}
	}
	if got := r.facts(outbox.Position{}); len(got) != 2*(r.ids-1) {
		t.Errorf("%d facts are told of %d events", len(got), r.ids-1)
	}
	r.j.Followed(r.j.Position())
	r.tidy()
	r.tidy() // the first makes room
	r.wantGone()
	r.load(1, bytes.Repeat([]byte{'.'}, 2000))
	r.must(r.j.Close())
}

// TestNobodyFollows opens a journal for nobody: nothing is kept, and nothing told.
func TestNobodyFollows(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.Capacity = 1 << 20
	r.use(o)
	r.churn(400)
	r.o.now = r.o.now.Add(2 * keepStatus)
	r.churn(1)
	r.tidy()
	r.wantGone()
	err := r.j.Follow(t.Context(), outbox.Position{}, func([]outbox.Fact) error { return nil })
	if !errors.Is(err, outbox.ErrUnfollowed) {
		t.Errorf("follow: %v", err)
	}
	r.must(r.j.Close())
}

// TestWhatIsCopiedIsNoFact has an event copied forward out of segments that go:
// who follows, from memory or from the disk, is not told of it again.
func TestWhatIsCopiedIsNoFact(t *testing.T) {
	r := followed(t)
	o := r.options()
	o.Capacity = 1 << 20
	r.use(o)
	x := r.event("x", []byte("payload of x"), "a", "b")
	r.take("a", 1, outbox.Done)
	r.churn(400)
	r.poll(1 << 30)
	before := r.j.Position()
	r.j.Followed(before)
	r.tidy()
	r.wantGone()
	if p := r.j.Position(); p != before {
		t.Errorf("a copy made %+v of %+v", p, before)
	}
	r.churn(3)
	r.poll(1 << 30) // from memory
	for range 2 {   // from the disk
		if got := r.facts(before); len(got) != 6 {
			t.Errorf("told are %q", got)
		}
		r.must(r.j.Close())
		r.use(o)
	}
	r.is(x, outbox.StateDone, outbox.StatePending, false)
	name := r.segmentOf("payload of x")
	if name == "00000001.seg" {
		t.Error("it was not copied")
	}
	r.must(r.j.Close())
}

// TestAFollowerReadsOnAcrossAMend takes the segment that a follower reads out of
// use while it does: it is told the rest, and nothing twice; of what failed it
// is told nothing.
func TestAFollowerReadsOnAcrossAMend(t *testing.T) {
	r := followed(t)
	o := r.options()
	o.Segment = 4 << 20
	r.use(o)
	r.load(2000, bytes.Repeat([]byte{'.'}, 500))
	r.take("a", 1000, outbox.Done)
	r.must(r.follow(newWitness(true), 1<<30)) // nothing is recent any more
	w, mended := newWitness(true), false
	end := r.j.Position()
	ctx, cancel := context.WithCancel(t.Context())
	r.must(r.j.Follow(ctx, outbox.Position{}, func(batch []outbox.Fact) error {
		for i := range batch {
			r.must(w.told(&batch[i]))
		}
		if !mended {
			mended = true
			if w.to == end {
				t.Error("all is told at once")
			}
			r.disk.Fail((&fault{kind: disktest.Sync, first: 1, times: 1, err: errIO}).strike)
			if got := r.j.Append(t.Context(), newEntry("failed", nil, outbox.Target{Channel: "a"}))[0]; got.Err == nil {
				t.Error("a sync that failed is acknowledged")
			}
			r.tidy()
			r.event("after", nil, "a")
		}
		if w.events[w.to.Event] == "after" && w.to == r.j.Position() {
			cancel()
		}
		return nil
	}))
	if n := len(w.facts); n != 2000+1000+1 || slices.Contains(r.disk.Names(), "00000001.seg") {
		t.Errorf("%d facts are told, files are %v", n, r.disk.Names())
	}
	r.must(r.j.Close())
	r.use(o)
	if again := r.facts(outbox.Position{}); !slices.Equal(again, w.facts) {
		t.Errorf("%d facts are durable, %d were told", len(again), len(w.facts))
	}
	r.must(r.j.Close())
}

// TestAPositionIsThatOfWhatIsDurable lets a group of everything fail, mends, and
// opens again: nothing that failed is counted.
func TestAPositionIsThatOfWhatIsDurable(t *testing.T) {
	r := followed(t)
	r.open()
	r.load(3, nil)
	r.take("a", 1, outbox.Done)
	items, _, err := r.j.Ready("a", r.o.now, 1)
	r.must(err)
	want := outbox.Position{Event: 3, State: 1}
	r.disk.Fail((&fault{kind: disktest.Sync, first: 1, times: 1, err: errIO}).strike)
	err = r.j.Settle(t.Context(), []outbox.Outcome{{Seq: items[0].Seq, Channel: "a", Attempt: 1, At: r.o.now}})
	if err == nil {
		t.Fatal("a sync that failed is acknowledged")
	}
	if p := r.j.Position(); p != want {
		t.Errorf("after the failure it is at %+v", p)
	}
	for range 2 { // the second time what failed may be read on the disk
		if got := r.facts(outbox.Position{}); len(got) != 4 {
			t.Errorf("after the failure told are %q", got)
		}
	}
	r.tidy()
	for range 2 {
		if p := r.j.Position(); p != want || len(r.facts(outbox.Position{})) != 4 {
			t.Errorf("it is at %+v, facts are %q", p, r.facts(outbox.Position{}))
		}
		if got := r.facts(outbox.Position{Event: 3}); len(got) != 1 {
			t.Errorf("outcomes are %q", got)
		}
		r.disk = r.disk.CutSeed(1)
		r.use(r.options())
	}
	r.take("a", 1, outbox.Done)
	if p := r.j.Position(); p != (outbox.Position{Event: 3, State: 2}) {
		t.Errorf("the next outcome is at %+v", p)
	}
	r.must(r.j.Close())
}

// TestALongRecordIsTold follows events that are longer than what is read at once.
func TestALongRecordIsTold(t *testing.T) {
	r := followed(t)
	o := r.options()
	o.Segment = 2 << 20
	r.use(o)
	for i, size := range []int{10, 900 << 10, 10, 200 << 10, 300 << 10, 10} {
		r.event(fmt.Sprint(i), bytes.Repeat([]byte{'.'}, size), "a")
	}
	first := r.facts(outbox.Position{})
	if again := r.facts(outbox.Position{}); len(first) != 6 || !slices.Equal(again, first) {
		t.Errorf("told are %q, then %q", first, again)
	}
	r.must(r.j.Close())
}
