package outboxtest

import (
	"errors"
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

func endsSurvive(s *durable) {
	for _, id := range []string{"done", "dead", "dropped"} {
		s.add(id)
	}
	items := s.take(10, "done", "dead", "dropped")
	s.now = s.now.Add(time.Second)
	at := s.now
	s.settle(items[0], outbox.Done, func(o *outbox.Outcome) { o.Reason, o.Result = "as told", []byte(`{"n":1}`) })
	s.settle(items[1], outbox.Dead, func(o *outbox.Outcome) { o.Failures, o.What, o.Reason = 10, "failed", "no such customer" })
	s.settle(items[2], outbox.Dropped, operator, func(o *outbox.Outcome) { o.What, o.Reason = "cancelled", "by mistake" })
	for range 2 { // once from what was written, once from what was read
		s.reopen()
		s.take(10)
		for id, want := range map[string]outbox.ChannelStatus{
			"done":    {State: outbox.StateDone, Reason: "as told", Result: []byte(`{"n":1}`)},
			"dead":    {State: outbox.StateFailed, Failures: 10, Reason: "no such customer", History: []outbox.Try{{What: "failed", Reason: "no such customer", Attempt: 1}}},
			"dropped": {State: outbox.StateDropped, Reason: "by mistake", History: []outbox.Try{{What: "cancelled", Reason: "by mistake"}}},
		} {
			c := s.status(id).Channels[0]
			if c.State != want.State || c.Failures != want.Failures || c.Reason != want.Reason || string(c.Result) != string(want.Result) || !c.At.Equal(at) {
				s.Errorf("%s is %+v, want %+v at %v", id, c, want, at)
			}
			for i := range c.History {
				c.History[i].At = time.Time{}
			}
			if !slices.Equal(c.History, want.History) {
				s.Errorf("%s: history is %+v, want %+v", id, c.History, want.History)
			}
		}
	}
	if st := s.status("dead"); st.Entry == nil || string(st.Entry.Event.Raw) == "" {
		s.Error("a dead letter lost its event")
	}
}

func endsAreForgotten(s *durable) {
	s.add("1")
	s.add("dead")
	items := s.take(10, "1", "dead")
	s.settle(items[0], outbox.Done)
	s.settle(items[1], outbox.Dead)
	s.now = s.now.Add(9 * time.Minute)
	s.reopen()
	s.add("2")
	s.wantState("1", outbox.StateDone)
	s.now = s.now.Add(2 * time.Minute)
	s.reopen()
	s.add("3")
	s.wantGone("1")
	s.wantState("dead", outbox.StateFailed) // kept until somebody decides
}

// wantVerdict appends an event of channel a whose identity is known.
func (s *durable) wantVerdict(e *outbox.Entry, want outbox.Verdict) outbox.Appended {
	s.Helper()
	got := s.append(e)
	if got.Err != nil || got.Verdict != want {
		s.Fatalf("append %s: %+v, want verdict %d", e.Event.ID, got, want)
	}
	return got
}

func identitiesSurvive(s *durable) {
	pending := s.add("pending")
	s.add("done")
	s.settle(s.take(2, "pending", "done")[1], outbox.Done)
	for range 2 {
		s.reopen()
		a := outbox.Target{Channel: "a"}
		if got := s.wantVerdict(s.entry("pending", a), outbox.Duplicate); got.Seq != pending {
			s.Errorf("sequence is %d, want %d", got.Seq, pending)
		}
		s.wantVerdict(s.entry("done", a), outbox.Duplicate)
		for _, id := range []string{"pending", "done"} {
			other := s.entry(id, a)
			other.Digest[0] ^= 1
			s.wantVerdict(other, outbox.Conflict)
		}
	}
	s.take(10, "pending")
}

func identitiesAreForgotten(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Done)
	s.now = s.now.Add(59 * time.Minute)
	s.reopen()
	s.wantVerdict(s.entry("1", outbox.Target{Channel: "a"}), outbox.Duplicate)
	s.now = s.now.Add(2 * time.Minute)
	s.reopen()
	s.put(s.entry("1", outbox.Target{Channel: "a"}))
	s.take(10, "1")
}

func pendingIdentitySurvives(s *durable) {
	s.add("1")
	for range 3 {
		s.now = s.now.Add(3 * time.Hour)
		s.reopen()
		s.wantVerdict(s.entry("1", outbox.Target{Channel: "a"}), outbox.Duplicate)
		s.add(s.now.Format("15")) // time passes by what is accepted
	}
	s.wantState("1", outbox.StatePending)
}

func idsBoundSurvives(s *durable) {
	s.use(Limits{MaxIDs: 3})
	if n, err := s.fill("a"); n != 3 || !errors.Is(err, outbox.ErrIDsFull) {
		s.Fatalf("%d entries, then %v", n, err)
	}
	s.reopen()
	if got := s.append(s.entry("more", outbox.Target{Channel: "a"})); !errors.Is(got.Err, outbox.ErrIDsFull) {
		s.Errorf("got %+v", got)
	}
	s.wantVerdict(s.entry("fill0", outbox.Target{Channel: "a"}), outbox.Duplicate)
}
