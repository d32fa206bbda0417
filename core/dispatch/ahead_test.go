package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// through are n items that go through a chain.
func (s *story) through(n int, transforms ...string) []outbox.Item {
	items := s.items(n)
	for i := range items {
		items[i].Target.Transforms = transforms
	}
	return items
}

// offer gives items to the machine and returns its output.
func (s *story) offer(items []outbox.Item) dispatch.Output {
	s.m.Advance(s.now)
	s.m.Offer(s.now, items)
	return s.all()
}

// advance is what a machine does of its own.
func (s *story) advance() dispatch.Output {
	s.m.Advance(s.now)
	return s.all()
}

func (s *story) all() dispatch.Output {
	out := s.m.Take()
	s.outcomes = append(s.outcomes, out.Outcomes...)
	s.notices = append(s.notices, out.Notices...)
	return out
}

func (s *story) come(passages []*dispatch.Passage) {
	for _, p := range passages {
		s.m.Transformed(s.now, p, sdk.Outcome{})
	}
}

func TestABatchGetsCompany(t *testing.T) {
	s := newStory(t, settings())
	s.offer(nil)
	if s.m.Room() != 0 {
		t.Fatal("transforms without a consumer")
	}
	s.connect(1)
	if s.m.Room() != 1 {
		t.Fatalf("room is %d, and nobody knows of transforms yet", s.m.Room())
	}
	begun := s.offer(s.through(1, "a")).Begun
	if s.m.Room() != 64 {
		t.Fatalf("room is %d", s.m.Room())
	}
	more := s.offer(s.through(20, "a")).Begun
	if len(begun) != 1 || len(more) != 20 || s.m.Room() != 44 {
		t.Fatalf("%d and %d are at transforms, room is %d", len(begun), len(more), s.m.Room())
	}
	s.come(append(more, begun...))
	if out := s.advance(); len(out.Sends) != 1 || out.Sends[0].Passage != more[0] {
		t.Errorf("sent %+v", out.Sends)
	}
	if f := s.m.Facts(); f.Waiting != 20 || f.Chains[0].At != 0 || s.m.Room() != 44 {
		t.Errorf("room is %d, facts are %+v", s.m.Room(), f)
	}
	// What was looked at and needs no transform waits its turn with the others.
	if out := s.offer(s.items(1)); len(out.Sends)+len(out.Outcomes) != 0 || s.m.Facts().Waiting != 21 {
		t.Errorf("out came %+v", out)
	}
	s.want()
}

func TestWaitingForCreditIsBounded(t *testing.T) {
	set := settings()
	set.Prefetch = 100
	s := newStory(t, set)
	s.connect(1, 2, 3)
	var begun []*dispatch.Passage
	for range 10 {
		for _, d := range s.fill() {
			s.reply(d, "done")
		}
	}
	s.outcomes = nil
	for s.m.Room() > 0 {
		out := s.offer(s.through(1, fmt.Sprint(len(begun)%5)))
		begun = append(begun, out.Begun...)
		if len(out.Shelve) > 0 {
			break
		}
	}
	if len(begun) < 200 {
		t.Fatalf("%d are at transforms", len(begun))
	}
	s.m.Disconnect(s.now, 1)
	s.m.Disconnect(s.now, 2)
	s.m.Disconnect(s.now, 3)
	s.come(begun)
	s.advance()
	if f := s.m.Facts(); f.Waiting != 64 || len(s.outcomes) != len(begun)-64 {
		t.Errorf("%d wait, %d went back", f.Waiting, len(s.outcomes))
	}
	for _, o := range s.outcomes {
		if o.Action != outbox.Retry || !o.Unsent {
			t.Fatalf("one went back as %+v", o)
		}
	}
}

// TestWhatWaitsIsBoundedInBytes: with 16 MiB transformed and no credit nothing more
// is taken in hand; it goes on as consumers do.
func TestWhatWaitsIsBoundedInBytes(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	begun := s.offer(s.through(1, "a")).Begun
	begun = append(begun, s.offer(s.through(17, "a")).Begun...)
	mib := make([]byte, 1<<20)
	for _, p := range begun {
		p.Event.Raw = mib
	}
	s.come(begun[:16])
	out := s.advance().Sends // one is out, 15 wait
	if room := s.m.Room(); len(out) != 1 || room != 64-17 {
		t.Fatalf("%d are out, room is %d", len(out), room)
	}
	s.come(begun[16:17])
	s.advance()
	if room := s.m.Room(); room != 0 {
		t.Fatalf("room is %d", room)
	}
	s.come(begun[17:]) // it was at its transform: it waits on top
	if out := s.offer(s.through(1, "a")); len(out.Begun) != 0 || len(out.Outcomes) != 1 || !out.Outcomes[0].Unsent || s.m.Facts().Waiting != 17 {
		t.Fatalf("out came %+v, facts are %+v", out, s.m.Facts())
	}
	s.reply(out[0], "done")
	if sends := s.advance().Sends; len(sends) != 2 || s.m.Room() != 64-15 {
		t.Errorf("%d went out, room is %d", len(sends), s.m.Room())
	}
}

func TestDoneMeanwhileIsNotSent(t *testing.T) {
	for _, where := range []string{"at its transforms", "waiting"} {
		s := newStory(t, settings())
		s.connect(1)
		first := s.offer(s.through(1, "a"))
		s.come(first.Begun)
		sent := s.advance().Sends[0]
		s.pass(31 * time.Second) // it lapses, and comes again
		s.take()
		s.outcomes = nil
		again := sent.Item
		again.Attempt, again.Failures = 2, 1
		s.connect(2)
		begun := s.offer([]outbox.Item{again}).Begun
		if where == "waiting" {
			s.come(begun)
		}
		s.reply(sent, "done", func(r *dispatch.Reply) { r.Newest = false })
		s.want("done 1")
		if where != "waiting" {
			if s.m.Wanted(s.now, begun[0]) {
				t.Error("it is still wanted")
			}
			s.come(begun)
		}
		if out := s.advance(); len(out.Sends)+len(out.Outcomes) != 0 || s.m.Facts().Waiting != 0 || s.m.Facts().Chains[0].At != 0 {
			t.Errorf("%s: it went out: %+v", where, out)
		}
	}
}

func TestTheBrakeHoldsWhatIsTransformed(t *testing.T) {
	set := settings()
	set.MaxAttempts, set.Prefetch = 1000, 64
	s := newStory(t, set)
	s.connect(1)
	for range 7 {
		for _, d := range s.fill() {
			s.reply(d, "done")
		}
	}
	for range 300 {
		for _, d := range s.fill() {
			s.reply(d, "failed")
		}
	}
	begun := s.offer(s.through(1, "a")).Begun
	begun = append(begun, s.offer(s.through(20, "a")).Begun...)
	s.come(begun)
	if n := len(s.advance().Sends); n != 1 {
		t.Errorf("%d went out at once", n)
	}
}

func TestATransformsFailureIsNoConsumers(t *testing.T) {
	set := settings()
	set.MaxAttempts = 2
	s := newStory(t, set)
	s.connect(1)
	for n := range 300 {
		begun := s.offer(s.through(1, "a")).Begun
		switch n % 3 {
		case 0:
			s.m.Transformed(s.now, begun[0], sdk.Outcome{Verdict: sdk.Fail})
		case 1:
			s.m.Transformed(s.now, begun[0], sdk.Outcome{Verdict: sdk.Fail, Retry: true})
		case 2:
			s.m.Transformed(s.now, begun[0], sdk.Outcome{Verdict: sdk.Fail, Retry: true, After: 100 * time.Hour})
		}
	}
	s.all()
	if len(s.notices) != 0 {
		t.Errorf("notices are %+v", s.notices)
	}
	s.outcomes = s.outcomes[:3]
	s.want("dead 1 unsent", "retry 2 unsent 1 in 500ms", "retry 3 unsent 1 in 24h0m0s")
	last := s.through(1, "a")
	last[0].Failures = 1
	s.m.Transformed(s.now, s.offer(last).Begun[0], sdk.Outcome{Verdict: sdk.Fail, Retry: true, Reason: "a: why"})
	s.all()
	s.want("dead 301 unsent")
	if len(s.notices) != 1 || s.notices[0].Kind != dispatch.Died || s.notices[0].Reason != "a: why" {
		t.Errorf("notices are %+v", s.notices)
	}
}

// yard is a machine on a store, whose transforms take what they are given and
// keep it.
type yard struct {
	*testing.T
	m     *dispatch.Machine
	now   time.Time
	store *memory.Store
	begun map[string][]*dispatch.Passage
	sent  []dispatch.Send
	seq   int
}

func newYard(t *testing.T) *yard {
	y := &yard{T: t, now: t0, m: dispatch.NewMachine(settings(), func() float64 { return 0 }), begun: map[string][]*dispatch.Passage{}}
	y.store = memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 1 << 20, Capacity: 1 << 40, MaxPending: map[string]int64{"c": 1 << 40}})
	y.m.Connect(t0, dispatch.Peer{ID: 1})
	return y
}

func (y *yard) accept(n int, transforms ...string) {
	for range n {
		y.seq++
		e := sdk.Event{ID: fmt.Sprint(y.seq), Source: "/y", Type: "t", SpecVersion: "1.0"}
		y.store.Append(context.Background(), &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: t0, Targets: []outbox.Target{{Channel: "c", Transforms: transforms}}})
	}
}

func (y *yard) flush() {
	out := y.m.Take()
	for _, p := range out.Begun {
		name := fmt.Sprint(p.Item.Target.Transforms)
		y.begun[name] = append(y.begun[name], p)
	}
	for _, s := range out.Shelve {
		y.store.Shelve("c", s.Shelf, s.Items)
	}
	for _, s := range out.Unshelve {
		y.store.Unshelve("c", s)
	}
	y.sent = append(y.sent, out.Sends...)
	if err := y.store.Settle(context.Background(), out.Outcomes); err != nil {
		y.Fatal(err)
	}
	y.m.Settled(out.Outcomes)
}

// run goes on until nothing more comes of it, and counts the entries taken.
func (y *yard) run() (taken int) {
	y.Helper()
	for range 100_000 {
		y.m.Advance(y.now)
		y.flush()
		room := y.m.Room()
		if room == 0 {
			return taken
		}
		items, _, err := y.store.Ready("c", y.now, room)
		if err != nil {
			y.Fatal(err)
		}
		y.m.Offer(y.now, items)
		y.flush()
		if len(items) == 0 {
			return taken
		}
		taken += len(items)
	}
	y.Fatal("it goes on for ever")
	return 0
}

// wait is run after a while.
func (y *yard) wait() int {
	y.now = y.now.Add(50 * time.Millisecond)
	return y.run()
}

// come lets n passages of a chain come through, and consumers do them.
func (y *yard) come(n int, chain string) {
	n = min(n, len(y.begun[chain]))
	for _, p := range y.begun[chain][:n] {
		y.m.Transformed(y.now, p, sdk.Outcome{})
	}
	y.begun[chain] = slices.Delete(y.begun[chain], 0, n)
	y.work()
}

func (y *yard) work() {
	for y.m.Advance(y.now); ; y.m.Advance(y.now) {
		y.flush()
		if len(y.sent) == 0 {
			return
		}
		for _, s := range y.sent {
			y.m.Reply(y.now, dispatch.Reply{Seq: s.Item.Seq, Attempt: s.Item.Attempt, Newest: true, Reply: delivery.Reply{Status: delivery.StatusDone}})
		}
		y.sent = nil
	}
}

func TestWhatIsAwayTakesNothing(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	begun := s.offer(s.through(1, "a")).Begun
	begun = append(begun, s.offer(s.through(10, "a")).Begun...)
	s.m.Away([]string{"a"}, begun[:5])
	out := s.all()
	if len(out.Shelve) != 1 || len(out.Shelve[0].Items) != 5 {
		t.Errorf("shelved are %+v", out.Shelve)
	}
	s.come(begun[:6]) // of five the outcome comes too late
	if f := s.m.Facts(); f.Waiting != 1 || f.Chains[0].At != 5 || f.Chains[0].Shelved != 5 || !f.Chains[0].Away {
		t.Errorf("facts are %+v", f)
	}
	out = s.offer(s.through(40, "a"))
	shelved := 5
	for _, x := range out.Shelve {
		shelved += len(x.Items)
	}
	if len(out.Begun) != 0 || shelved != 45 || len(out.Shelve) != 2 {
		t.Errorf("%d begun, shelved are %+v", len(out.Begun), out.Shelve)
	}
	s.m.Back([]string{"a"})
	if out := s.advance(); len(out.Unshelve) != 1 {
		t.Errorf("unshelved are %q", out.Unshelve)
	}
}

func TestManySlowChainsLeaveRoom(t *testing.T) {
	y := newYard(t)
	for n := range 70 { // more than there is room for
		y.accept(20, fmt.Sprint(n))
	}
	y.accept(100, "0")
	y.accept(5)
	y.run()
	got := 0
	for range 200 {
		y.wait() // each may be waited for, once
		got += len(y.sent)
		y.work()
	}
	if got != 5 {
		t.Fatalf("%d of the others came", got)
	}
	if n := len(y.begun["[0]"]); n < 10 || n > 40 {
		t.Errorf("the first has %d of the room", n)
	}
}

// TestABacklogIsNotShelvedAgainAndAgain: what a slow chain takes back is about
// what it has room for, however much lies there; of a chain that is merely busy
// there is never much.
func TestABacklogIsNotShelvedAgainAndAgain(t *testing.T) {
	for _, slow := range []bool{false, true} {
		y := newYard(t)
		const many = 20_000
		y.accept(many, "a")
		taken, shelved := y.run(), 0
		if slow {
			if next := y.m.Next(); !next.Equal(y.now.Add(50 * time.Millisecond)) {
				t.Fatalf("nobody looks at it: %v", next)
			}
			taken += y.wait()
		}
		for y.store.Stats().Channels["c"].Pending > 0 {
			if len(y.begun["[a]"]) == 0 {
				t.Fatalf("nothing goes on: %+v", y.m.Facts())
			}
			shelved = max(shelved, y.store.Stats().Channels["c"].Shelved)
			y.come(20, "[a]")
			taken += y.run()
		}
		if taken > 4*many {
			t.Errorf("%d entries were taken for %d", taken, many)
		}
		if slow != (shelved > many-64) || !slow && shelved > 100 {
			t.Errorf("slow is %v, and up to %d were shelved", slow, shelved)
		}
	}
}

// TestASlowChainIsOnlyBusyLater: when it has caught up it is waited for again.
func TestASlowChainIsOnlyBusyLater(t *testing.T) {
	y := newYard(t)
	y.accept(200, "a")
	y.run()
	y.wait()
	for y.store.Stats().Channels["c"].Pending > 0 {
		y.come(20, "[a]")
		y.run()
	}
	y.now = y.now.Add(time.Second)
	y.accept(200, "a")
	y.accept(1)
	y.run()
	if n := y.store.Stats().Channels["c"].Shelved; n > 64 || y.m.Room() != 0 {
		t.Errorf("%d are shelved, room is %d", n, y.m.Room())
	}
	y.wait()
	if len(y.sent) != 1 {
		t.Error("the other one is still behind it")
	}
}

// TestWhatEndsOnAShelfIsNotWaitedFor: a chain goes on with what comes off the next.
func TestWhatEndsOnAShelfIsNotWaitedFor(t *testing.T) {
	y := newYard(t)
	y.m.Away([]string{"a"}, nil)
	y.accept(500, "a")
	y.run()
	var ended []outbox.Outcome
	for seq := range uint64(480) {
		ended = append(ended, outbox.Outcome{Seq: seq + 1, Channel: "c", Action: outbox.Dropped, At: t0})
	}
	if err := y.store.Settle(context.Background(), ended); err != nil {
		t.Fatal(err)
	}
	y.m.Back([]string{"a"})
	for range 100 {
		y.wait()
		y.come(500, "[a]")
	}
	if st := y.store.Stats().Channels["c"]; st.Pending != 0 {
		t.Errorf("the store has %+v, the machine %+v", st, y.m.Facts())
	}
}
