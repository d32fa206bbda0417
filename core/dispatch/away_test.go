package dispatch_test

import (
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
)

// away is a story that begins with n deliveries of an earlier router, each of
// which may be held for an hour.
func away(t *testing.T, n int) (*story, []dispatch.Send) {
	s := newStory(t, settings())
	items := s.items(n)
	sends := make([]dispatch.Send, n)
	for i := range items {
		items[i].Failures, items[i].Until = 1, s.now.Add(time.Hour)
		sends[i] = dispatch.Send{Conn: uint64(50 + i), Item: items[i]}
	}
	s.m.Adopt(s.now, items)
	return s, sends
}

func TestAdoptedIsOutAndTakesNoCredit(t *testing.T) {
	s, _ := away(t, 3)
	if f := s.m.Facts(); f.Out != 3 || len(f.Conns) != 0 || s.m.Room() != 0 {
		t.Errorf("room %d, facts are %+v", s.m.Room(), f)
	}
	s.connect(1)
	if n := len(s.fill()); n != 1 {
		t.Errorf("a new connection was given %d", n)
	}
	if s.m.Next().IsZero() {
		t.Error("nobody looks at the deadlines")
	}
}

func TestAdoptedTakesEveryReply(t *testing.T) {
	s, out := away(t, 4)
	s.reply(out[0], "done")
	s.reply(out[1], "retry")
	s.reply(out[2], "failed")
	s.want("done 1", "retry 2 1 in 1s", "dead 3")
	s.pass(29 * time.Second)
	s.reply(out[3], "progress")
	s.pass(29 * time.Second)
	s.want()
	s.reply(out[3], "done")
	s.want("done 4")
	if c := s.m.Facts().Counts; c.Done != 2 || c.Late != 0 {
		t.Errorf("counts are %+v", c)
	}
}

// TestAdoptedLapseIsNoFailure: the router was away, so who held it may not have
// heard of this one yet.
func TestAdoptedLapseIsNoFailure(t *testing.T) {
	s, out := away(t, 2)
	s.pass(30 * time.Second)
	s.take()
	s.want("retry 1 1", "retry 2 1")
	if len(s.notices) != 0 {
		t.Errorf("notices are %+v", s.notices)
	}
	s.reply(out[0], "done") // late, and it counts
	s.want("done 1")
	if c := s.m.Facts().Counts; c.Lapsed != 0 || c.Returned != 2 || c.Late != 1 {
		t.Errorf("counts are %+v", c)
	}
}

func TestAdoptedIsHeldNoLongerThanItMay(t *testing.T) {
	s, out := away(t, 1)
	for range 3 {
		s.pass(20 * time.Minute)
		s.reply(out[0], "progress")
	}
	s.pass(time.Second)
	s.take()
	if len(s.outcomes) == 0 {
		t.Error("held for more than an hour")
	}
}

// TestAdoptedSharesAClock: while any consumer works through what it has, the
// rest does not lapse.
func TestAdoptedSharesAClock(t *testing.T) {
	s, out := away(t, 3)
	for i, d := range out {
		s.pass(20 * time.Second)
		s.reply(d, "done")
		if len(s.outcomes) != i+1 {
			t.Fatalf("outcomes are %+v", s.outcomes)
		}
	}
}

func TestGoodbyeGivesBackOneAdopted(t *testing.T) {
	s, out := away(t, 3)
	if !s.m.Goodbye(s.now, out[1].Item.Seq, out[1].Item.Attempt, 7) {
		t.Error("nobody knows the lease")
	}
	s.take()
	s.want("retry 2 1")
	if s.m.Goodbye(s.now, 0, 0, 8) {
		t.Error("a stranger is known")
	}
	s.reply(out[0], "done", func(r *dispatch.Reply) { r.From = 8 })
	if !s.m.Goodbye(s.now, 0, 0, 8) {
		t.Error("who replied is a stranger")
	}
	s.take()
	s.want("done 1")
}

func TestSuspendLeasesAllThatIsOut(t *testing.T) {
	s, out := away(t, 2)
	s.connect(1, 2)
	fresh := s.fill()
	s.reply(out[0], "done")
	s.pass(10 * time.Second)
	s.m.Disconnect(s.now, 2) // keeps its leases for the grace
	s.outcomes = nil
	s.m.Suspend(s.now)
	s.take()
	want := map[uint64]outbox.Outcome{
		out[1].Item.Seq:   {Attempt: 1, Failures: 1, Due: t0.Add(time.Hour)},
		fresh[0].Item.Seq: {Attempt: 1, Due: t0.Add(time.Hour)},
		fresh[1].Item.Seq: {Attempt: 1, Due: t0.Add(time.Hour)},
	}
	if len(s.outcomes) != len(want) {
		t.Fatalf("outcomes are %+v", s.outcomes)
	}
	for _, o := range s.outcomes {
		w := want[o.Seq]
		if o.Action != outbox.Lease || o.Channel != "c" || o.Attempt != w.Attempt || o.Failures != w.Failures || !o.Due.Equal(w.Due) || !o.At.Equal(s.now) {
			t.Errorf("%d: %+v", o.Seq, o)
		}
	}
}
