package outboxtest

import (
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

func deadSurvive(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Dead, func(o *outbox.Outcome) { o.Failures = 10 })
	s.reopen()
	if st := s.store.Stats().Channels["a"]; st.Dead != 1 || st.Pending != 0 || st.Bytes == 0 {
		s.Errorf("stats are %+v", st)
	}
	s.act("1", outbox.Redrive)
	i := s.take(1, "1")[0]
	s.wantAttempt(i, 2)
	if i.Failures != 0 || !i.Since.Equal(s.now) {
		s.Errorf("item is %+v", i)
	}
	s.settle(i, outbox.Dead)
	s.reopen()
	s.act("1", outbox.Dropped)
	s.reopen()
	s.wantState("1", outbox.StateDropped)
	if st := s.store.Stats(); st.Bytes != 0 || st.Channels["a"].Dead != 0 {
		s.Errorf("stats are %+v", st)
	}
}

func redrivenSurvives(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Dead, func(o *outbox.Outcome) { o.Failures = 10 })
	s.now = s.now.Add(time.Minute)
	s.act("1", outbox.Redrive)
	redriven := s.now
	s.now = s.now.Add(time.Minute)
	s.reopen()
	i := s.take(1, "1")[0]
	s.wantAttempt(i, 2)
	if i.Failures != 0 || !i.Since.Equal(redriven) {
		s.Errorf("item is %+v, its age counts from %v", i, redriven)
	}
}

func parkedSurvives(s *durable) {
	s.ordered("1", "k", true)
	s.ordered("2", "k", true)
	s.ordered("3", "open", false)
	s.ordered("4", "open", false)
	items := s.take(10, "1", "3")
	s.settle(items[0], outbox.Dead)
	s.settle(items[1], outbox.Dead)
	s.reopen()
	s.settle(s.take(10, "4")[0], outbox.Done)
	s.act("1", outbox.Redrive)
	s.reopen()
	s.settle(s.take(10, "1")[0], outbox.Dead)
	s.reopen()
	s.take(10)
	s.act("1", outbox.Dropped)
	s.take(10, "2")
}

func heldSurvives(s *durable) {
	s.add("fresh")
	s.add("due")
	s.add("out")
	items := s.take(10, "fresh", "due", "out")
	s.settle(items[0], outbox.Retry, func(o *outbox.Outcome) { o.Unsent = true })
	s.settle(items[1], outbox.Retry, after(time.Minute))
	for _, id := range []string{"fresh", "due", "out"} {
		s.act(id, outbox.Hold)
	}
	s.reopen()
	s.now = s.now.Add(time.Hour)
	s.take(10)
	s.wantHeld("fresh", true, 3)
	s.act("fresh", outbox.Release)
	s.reopen()
	s.wantHeld("fresh", false, 2)
	s.take(10, "fresh")
	s.act("due", outbox.Release)
	s.take(10, "due")
	s.act("out", outbox.Release)
	s.wantAttempt(s.take(10, "out")[0], 2)
}

func heldHeadSurvives(s *durable) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.act("1", outbox.Hold)
	s.reopen()
	s.take(10)
	s.act("1", outbox.Release)
	s.settle(s.take(10, "1")[0], outbox.Done)
	s.take(10, "2")
}

func shelvedIsReady(s *durable) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.add("3")
	s.shelve("p", s.take(10, "1", "3")...)
	s.wantShelved(2)
	s.reopen()
	s.store.Unshelve("a", "p") // is not known any more
	items := s.take(10, "1", "3")
	s.wantShelved(0)
	s.wantAttempt(items[0], 1)
	s.wantAttempt(items[1], 1)
	s.settle(items[0], outbox.Done)
	s.take(10, "2")
}

func shelvedSurvives(s *durable) {
	for _, id := range []string{"held", "cancelled", "dead", "1"} {
		s.add(id)
	}
	items := s.take(10, "held", "cancelled", "dead", "1")
	s.settle(items[2], outbox.Retry)
	late := items[2]
	items[2] = s.take(1, "dead")[0]
	s.shelve("p", items...)
	s.act("held", outbox.Hold)
	s.act("cancelled", outbox.Dropped)
	s.settle(late, outbox.Dead)
	s.reopen()
	s.take(10, "1")
	s.wantHeld("held", true, 1)
	s.wantState("cancelled", outbox.StateDropped)
	s.wantState("dead", outbox.StateFailed)
	s.act("held", outbox.Release)
	s.act("dead", outbox.Redrive)
	s.take(10, "held", "dead")
}
