package outboxtest

import (
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

func pendingSurvives(s *durable) {
	e := s.entry("1", outbox.Target{Channel: "a", Order: "k", Transforms: []string{"mask"}})
	e.Principal.Issuer = "https://issuer"
	e.Proof.Event = "dsse"
	e.Expires = s.now.Add(time.Hour)
	seq := s.put(e)
	s.add("2")
	s.add("3")
	s.reopen()
	items := s.take(2, "1", "2")
	got := items[0]
	if got.Seq != seq || got.Failures != 0 || !got.Since.Equal(e.Accepted) || !got.Until.IsZero() {
		s.Errorf("item is %+v", got)
	}
	if got.Target.Channel != "a" || got.Target.Order != "k" || !slices.Equal(got.Target.Transforms, []string{"mask"}) {
		s.Errorf("target is %+v", got.Target)
	}
	if g := got.Entry; string(g.Event.Raw) != string(e.Event.Raw) || g.Event.Type != "t.1" || g.Event.Source != "/suite" || g.Digest != e.Digest ||
		g.Principal != e.Principal || g.Proof != e.Proof || !g.Accepted.Equal(e.Accepted) || !g.Expires.Equal(e.Expires) {
		s.Errorf("entry is %+v, want %+v", g, e)
	}
	s.take(10, "3")
	if st := s.status("1"); st.Principal != e.Principal || st.KeyID != "k" || st.Type != "t.1" || !st.Accepted.Equal(e.Accepted) {
		s.Errorf("status is %+v", st)
	}
}

func appendIsDurable(s *durable) {
	if got := s.append(s.entry("1", outbox.Target{Channel: "a"})); !got.Durable {
		s.Errorf("got %+v", got)
	}
	if !s.store.Stats().Durable {
		s.Error("the store does not say so")
	}
}

func lanesSurvive(s *durable) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.ordered("3", "k", false)
	s.ordered("4", "other", false)
	s.reopen()
	items := s.take(10, "1", "4")
	s.settle(items[0], outbox.Done)
	s.settle(items[1], outbox.Done)
	s.reopen()
	s.settle(s.take(10, "2")[0], outbox.Retry, after(time.Minute))
	s.reopen()
	s.take(10) // its head waits
	s.now = s.now.Add(time.Minute)
	s.settle(s.take(10, "2")[0], outbox.Done)
	s.take(10, "3")
}

func triesSurvive(s *durable) {
	s.add("1")
	i := s.take(1, "1")[0]
	s.now = s.now.Add(time.Second)
	at, due := s.now, s.now.Add(time.Minute)
	s.settle(i, outbox.Retry, after(time.Minute), func(o *outbox.Outcome) { o.Failures, o.What, o.Reason = 3, "lapsed", "no reply" })
	s.reopen()
	s.take(10)
	c := s.status("1").Channels[0]
	if c.State != outbox.StatePending || c.Failures != 3 || c.Reason != "no reply" || !c.Due.Equal(due) || !c.At.Equal(at) || c.Out {
		s.Errorf("status is %+v", c)
	}
	if want := (outbox.Try{Attempt: 1, At: at, What: "lapsed", Reason: "no reply"}); len(c.History) != 1 || !c.History[0].At.Equal(at) ||
		c.History[0].Attempt != want.Attempt || c.History[0].What != want.What || c.History[0].Reason != want.Reason {
		s.Errorf("history is %+v, want %+v", c.History, want)
	}
	if _, next, _ := s.store.Ready("a", s.now, 10); !next.Equal(due) {
		s.Errorf("next is %v, want %v", next, due)
	}
	s.now = due
	again := s.take(10, "1")[0]
	s.wantAttempt(again, 2)
	if again.Failures != 3 {
		s.Errorf("item is %+v", again)
	}
}

func outComesAgain(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Retry, func(o *outbox.Outcome) { o.Failures = 2 })
	s.wantAttempt(s.take(1, "1")[0], 2)
	s.reopen()
	again := s.take(1, "1")[0]
	s.wantAttempt(again, 3)
	if again.Failures != 2 {
		s.Errorf("item is %+v", again)
	}
	if c := s.status("1").Channels[0]; c.Failures != 2 || !c.Out {
		s.Errorf("status is %+v", c)
	}
	s.settle(again, outbox.Done)
	s.wantState("1", outbox.StateDone)
}

func attemptsGrow(s *durable) {
	s.add("1")
	last := 0
	for range 4 {
		i := s.take(1, "1")[0]
		if i.Attempt <= last {
			s.Fatalf("attempt %d after %d", i.Attempt, last)
		}
		last = i.Attempt
		s.reopen()
	}
	// Whoever has an older one may still end it.
	s.settle(outbox.Item{Seq: s.status("1").Seq, Target: outbox.Target{Channel: "a"}, Attempt: 1}, outbox.Done)
	s.wantState("1", outbox.StateDone)
}

func freshStaysFresh(s *durable) {
	s.put(s.entry("1", outbox.Target{Channel: "b"}))
	s.add("2")
	s.take(1, "2")
	s.reopen()
	if i := s.takeFrom("b", 1, "1")[0]; i.Attempt != 1 || i.Failures != 0 {
		s.Errorf("item is %+v", i)
	}
}
