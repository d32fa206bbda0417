package dispatch_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var t0 = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func settings() dispatch.Settings {
	return dispatch.Settings{Name: "c", Prefetch: 8, AckTimeout: 30 * time.Second, MaxHold: time.Hour, MaxAttempts: 3,
		BackoffMin: time.Second, BackoffMax: 5 * time.Minute}
}

// story drives a machine with a clock and short words.
type story struct {
	*testing.T
	m        *dispatch.Machine
	now      time.Time
	seq      uint64
	outcomes []outbox.Outcome
	notices  []dispatch.Notice
}

func newStory(t *testing.T, s dispatch.Settings) *story {
	return &story{T: t, m: dispatch.NewMachine(s, func() float64 { return 0.5 }), now: t0}
}

func (s *story) pass(d time.Duration) {
	s.now = s.now.Add(d)
	s.m.Tick(s.now)
}

func (s *story) items(n int) []outbox.Item {
	out := make([]outbox.Item, n)
	for i := range out {
		s.seq++
		out[i] = outbox.Item{Seq: s.seq, Attempt: 1, Since: s.now, Entry: &outbox.Entry{Accepted: s.now, Event: sdk.Event{ID: fmt.Sprint(s.seq)}}}
	}
	return out
}

// fill offers as many fresh entries as there is room for and returns what was sent.
func (s *story) fill() []dispatch.Send {
	s.m.Advance(s.now)
	s.m.Offer(s.now, s.items(s.m.Room()))
	return s.take()
}

func (s *story) take() []dispatch.Send {
	out := s.m.Take()
	s.outcomes = append(s.outcomes, out.Outcomes...)
	s.notices = append(s.notices, out.Notices...)
	return out.Sends
}

func (s *story) reply(of dispatch.Send, status string, change ...func(*dispatch.Reply)) {
	r := dispatch.Reply{Seq: of.Item.Seq, Attempt: of.Item.Attempt, Newest: true, From: 100 + of.Conn, Reply: delivery.Reply{Status: status}}
	for _, c := range change {
		c(&r)
	}
	s.m.Reply(s.now, r)
	s.take()
}

// want checks the outcomes since the last check: "action seq" each, or
// "retry seq failures in d".
func (s *story) want(want ...string) {
	s.Helper()
	var got []string
	for _, o := range s.outcomes {
		line := fmt.Sprintf("%s %d", [...]string{"done", "dead", "dropped", "retry", "redrive", "hold", "release", "lease"}[o.Action], o.Seq)
		if o.Unsent {
			line += " unsent"
		}
		if o.Action == outbox.Retry && (o.Failures > 0 || !o.Due.IsZero()) {
			line += fmt.Sprintf(" %d", o.Failures)
			if !o.Due.IsZero() {
				line += fmt.Sprintf(" in %s", o.Due.Sub(s.now))
			}
		}
		got = append(got, line)
	}
	s.outcomes = nil
	if !slices.Equal(got, want) {
		s.Fatalf("outcomes %q, want %q", got, want)
	}
}

func (s *story) connect(ids ...uint64) {
	for _, id := range ids {
		s.m.Connect(s.now, dispatch.Peer{ID: id, Addr: "test"})
	}
}

func TestCreditStartsAtOneAndDoubles(t *testing.T) {
	s := newStory(t, settings())
	if s.m.Room() != 0 {
		t.Fatal("room without a connection")
	}
	s.connect(1)
	var held []dispatch.Send
	for _, want := range []int{1, 2, 4, 8, 8} {
		held = append(held, s.fill()...)
		if len(held) != want {
			t.Fatalf("holds %d, want %d", len(held), want)
		}
		s.reply(held[0], "done")
		held = held[1:]
	}
}

func TestMuteConsumerHoldsOneEvent(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	if n := len(s.fill()); n != 1 {
		t.Fatalf("sent %d", n)
	}
	s.pass(31 * time.Second)
	s.take()
	s.want("retry 1 1 in 500ms")
	for range 100 {
		s.pass(time.Minute)
		if n := len(s.fill()); n != 0 {
			t.Fatal("a lapsed lease gave credit back")
		}
	}
	if len(s.notices) != 1 || s.notices[0].Kind != dispatch.Mute || s.notices[0].Conn != 1 {
		t.Errorf("notices are %+v", s.notices)
	}
	if f := s.m.Facts().Conns[0]; !f.Mute || f.Held != 1 {
		t.Errorf("facts are %+v", f)
	}
}

func TestLapsesEndInTheDeadLetters(t *testing.T) {
	s := newStory(t, settings())
	item := s.items(1)[0]
	for n, want := range []string{"retry 1 1 in 500ms", "retry 1 2 in 1s", "dead 1"} {
		s.connect(uint64(n + 1))
		item.Attempt, item.Failures = n+1, n
		s.m.Offer(s.now, []outbox.Item{item})
		s.take()
		s.pass(29 * time.Second)
		s.take()
		s.want()
		s.pass(time.Second)
		s.take()
		s.want(want)
	}
}

func TestLateDoneCounts(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	first := s.fill()[0]
	s.pass(31 * time.Second)
	s.take()
	s.want("retry 1 1 in 500ms")
	s.connect(2)
	again := first.Item
	again.Attempt, again.Failures = 2, 1
	s.m.Offer(s.now, []outbox.Item{again})
	second := s.take()[0]
	if second.Conn != 2 {
		t.Fatalf("went to %d", second.Conn)
	}
	s.reply(first, "done", func(r *dispatch.Reply) { r.Newest = false })
	s.want("done 1")
	s.pass(time.Hour) // the second holder's clock no longer matters
	s.take()
	s.want()
	s.reply(second, "done", func(r *dispatch.Reply) { r.Final = true })
	s.want()
	if c := s.m.Facts().Counts; c.Late != 1 || c.Done != 1 || c.Repeated != 1 {
		t.Errorf("counts are %+v", c)
	}
	if n := len(s.fill()); n != 4 {
		t.Errorf("after both replied there is room for %d, want 2 each", n)
	}
}

func TestOlderLeaseMayOnlyEnd(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1, 2)
	old := s.fill()[0]
	s.pass(31 * time.Second)
	s.take()
	s.outcomes = nil
	for _, status := range []string{"retry", "failed"} {
		s.reply(old, status, func(r *dispatch.Reply) { r.Newest = false })
		s.want()
	}
}

func TestFailedOfALapsedNewestLeaseIsFinal(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	d := s.fill()[0]
	s.pass(31 * time.Second)
	s.take()
	s.want("retry 1 1 in 500ms")
	s.reply(d, "failed")
	s.want("dead 1")
}

func TestRetryIsNoFailure(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	d := s.fill()[0]
	s.reply(d, "retry", func(r *dispatch.Reply) { r.RetryAfter = 90 })
	s.want("retry 1 0 in 1m30s")
	s.reply(s.fill()[0], "retry")
	s.want("retry 2 0 in 500ms")
}

func TestClockRestartsWithEarlierWork(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	for range 3 { // widen the window to 8
		for _, d := range s.fill() {
			s.reply(d, "done")
		}
	}
	held := s.fill()
	s.outcomes = nil
	for i, d := range held[:7] {
		s.pass(20 * time.Second) // each well past the first clock of the later ones
		s.reply(d, "done")
		s.want(fmt.Sprintf("done %d", held[i].Item.Seq))
	}
	// Work on a later one does not excuse an earlier one.
	s.reply(held[7], "done")
	s.outcomes = nil
	held = s.fill()
	s.pass(20 * time.Second)
	s.reply(held[len(held)-1], "done")
	s.outcomes = nil
	s.pass(11 * time.Second)
	s.take()
	if len(s.outcomes) != len(held)-1 {
		t.Errorf("%d lapsed, want %d", len(s.outcomes), len(held)-1)
	}
}

func TestProgressRestartsTheClockUpToMaxHold(t *testing.T) {
	set := settings()
	set.MaxHold = time.Minute
	s := newStory(t, set)
	s.connect(1)
	d := s.fill()[0]
	for range 3 {
		s.pass(19 * time.Second)
		s.reply(d, "progress")
		s.want()
	}
	s.pass(2 * time.Second) // 59 s
	s.take()
	s.want()
	s.pass(time.Second)
	s.take()
	s.want("retry 1 1 in 500ms")
}

func TestLostConnectionKeepsItsLeasesForTheGrace(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	s.reply(s.fill()[0], "done")
	s.reply(s.fill()[0], "done")
	held := s.fill() // 2 and one more
	s.outcomes = nil
	s.m.Disconnect(s.now, 1)
	s.pass(time.Second)
	s.reply(held[0], "done") // by its reply connection, which still lives
	s.want(fmt.Sprintf("done %d", held[0].Item.Seq))
	s.pass(time.Second)
	s.take()
	if len(s.outcomes) < 2 || s.outcomes[0].Failures != 1 || s.outcomes[0].What != "lost" {
		t.Fatalf("outcomes are %+v", s.outcomes)
	}
	for _, o := range s.outcomes[1:] {
		if o.Action != outbox.Retry || o.Failures != 0 || !o.Due.IsZero() {
			t.Errorf("blamed beside the oldest: %+v", o)
		}
	}
	if len(s.m.Facts().Conns) != 0 || s.m.Room() != 0 {
		t.Error("the connection is still there")
	}
}

func TestGoodbyeGivesBackAtOnce(t *testing.T) {
	for _, how := range []string{"by a lease", "by its reply connection"} {
		s := newStory(t, settings())
		s.connect(1)
		s.reply(s.fill()[0], "done")
		held := s.fill()
		s.outcomes = nil
		if how == "by a lease" {
			s.m.Goodbye(s.now, held[0].Item.Seq, held[0].Item.Attempt, 999)
		} else {
			s.m.Goodbye(s.now, 0, 0, 101)
		}
		s.take()
		s.want("retry 2", "retry 3")
		if s.m.Room() != 0 {
			t.Errorf("%s: more is sent to one who left", how)
		}
		s.m.Disconnect(s.now, 1)
		s.pass(time.Hour)
		s.take()
		s.want()
	}
	s := newStory(t, settings())
	s.connect(1)
	s.fill()
	s.m.Goodbye(s.now, 0, 0, 12345) // from nobody known
	s.take()
	s.want()
}

func TestWorkIsSharedEvenly(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1, 2)
	got := map[uint64]int{}
	var held []dispatch.Send
	for range 500 {
		held = append(held, s.fill()...)
		got[held[0].Conn]++
		s.reply(held[0], "done")
		held = held[1:]
	}
	if d := got[1] - got[2]; d < -20 || d > 20 {
		t.Errorf("shares are %v", got)
	}
}

func TestBrakeGoesDownToOneProbeAndComesBack(t *testing.T) {
	set := settings()
	set.MaxAttempts = 1000
	s := newStory(t, set)
	for id := range uint64(4) {
		s.connect(id + 1)
	}
	for range 8 {
		for _, d := range s.fill() {
			s.reply(d, "done")
		}
	}
	if s.m.Room() != 32 {
		t.Fatalf("room is %d", s.m.Room())
	}
	for range 400 {
		for _, d := range s.fill() {
			s.reply(d, "failed")
		}
	}
	if got := s.m.Room(); got != 1 {
		t.Errorf("after many failures %d may go out", got)
	}
	for range 200 {
		for _, d := range s.fill() {
			s.reply(d, "done")
		}
	}
	if got := s.m.Room(); got != 32 {
		t.Errorf("after many successes %d may go out", got)
	}
	kinds := map[dispatch.NoticeKind]int{}
	for _, n := range s.notices {
		kinds[n.Kind]++
	}
	if kinds[dispatch.BrakeOn] != 1 || kinds[dispatch.BrakeOff] != 1 {
		t.Errorf("notices are %v", kinds)
	}
}

func TestExpiredEntriesAreDeadLetters(t *testing.T) {
	set := settings()
	set.MaxAge = time.Hour
	s := newStory(t, set)
	s.connect(1)
	old, own, fine := s.items(1)[0], s.items(1)[0], s.items(1)[0]
	old.Since = s.now.Add(-time.Hour - time.Second)
	own.Entry.Expires = s.now.Add(-time.Second)
	fine.Entry.Expires = s.now.Add(time.Second)
	s.m.Offer(s.now, []outbox.Item{old, own, fine})
	if sends := s.take(); len(sends) != 1 || sends[0].Item.Seq != fine.Seq {
		t.Errorf("sent %+v", sends)
	}
	s.want("dead 1 unsent", "dead 2 unsent")
}

func TestPausedHandsNothingOut(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	d := s.fill()[0]
	s.m.Pause(true)
	s.reply(d, "done")
	s.want("done 1")
	if s.m.Room() != 0 {
		t.Error("room while paused")
	}
	s.m.Pause(false)
	if s.m.Room() != 2 {
		t.Errorf("room is %d", s.m.Room())
	}
}

func TestUndeliveredGoesBackUnharmed(t *testing.T) {
	s := newStory(t, settings())
	s.connect(1)
	d := s.fill()[0]
	s.m.Undelivered(s.now, d.Item)
	s.take()
	s.want("retry 1 unsent")
	if s.m.Room() != 1 {
		t.Errorf("room is %d", s.m.Room())
	}
	s.m.Offer(s.now, s.items(2)) // more than there is room for
	s.take()
	s.want("retry 3 unsent")
}
