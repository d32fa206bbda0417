package outboxtest

import (
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

func leaseResumed(s *durable) {
	s.add("1")
	s.add("2")
	items := s.take(2, "1", "2")
	until := s.now.Add(time.Hour)
	s.settle(items[0], outbox.Lease, after(time.Hour), func(o *outbox.Outcome) { o.Failures = 0 })
	s.reopen()
	s.wantAttempt(s.take(10, "2")[0], 2) // nobody spoke for it
	i := s.resume("1")[0]
	if i.Attempt != 1 || i.Failures != 0 || !i.Until.Equal(until) || i.Seq != items[0].Seq || i.Target.Channel != "a" || string(i.Entry.Event.Raw) == "" {
		s.Errorf("item is %+v", i)
	}
	if c := s.status("1").Channels[0]; !c.Out || c.Attempt != 1 || c.State != outbox.StatePending {
		s.Errorf("status is %+v", c)
	}
	s.resume() // once
	s.take(10)
	s.settle(i, outbox.Done)
	s.reopen()
	s.resume()
	s.wantState("1", outbox.StateDone)
}

func resumedRetry(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Lease, after(time.Hour))
	s.reopen()
	i := s.resume("1")[0]
	s.settle(i, outbox.Retry, after(time.Minute), func(o *outbox.Outcome) { o.Failures = 1 })
	s.take(10)
	s.now = s.now.Add(time.Minute)
	again := s.take(10, "1")[0]
	if again.Attempt != 2 || again.Failures != 1 || !again.Until.IsZero() {
		s.Errorf("item is %+v", again)
	}
	s.settle(i, outbox.Retry) // of an older attempt: nothing
	s.take(10)
}

func resumedLane(s *durable) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.settle(s.take(10, "1")[0], outbox.Lease, after(time.Hour))
	s.reopen()
	s.take(10)
	i := s.resume("1")[0]
	s.take(10)
	s.settle(i, outbox.Done)
	s.take(10, "2")
}

func leaseTwice(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Lease, after(time.Hour))
	until := s.now.Add(time.Hour)
	for range 2 {
		s.reopen()
		s.now = s.now.Add(time.Minute)
		i := s.resume("1")[0]
		if i.Attempt != 1 || !i.Until.Equal(until) {
			s.Errorf("item is %+v", i)
		}
		s.settle(i, outbox.Lease, func(o *outbox.Outcome) { o.Due = i.Until })
	}
	s.reopen()
	s.settle(s.resume("1")[0], outbox.Done)
	s.wantState("1", outbox.StateDone)
}

// wantBack checks that an entry that was out comes back, be it resumed or handed
// out, once its lease is over.
func (s *durable) wantBack(id string) {
	s.Helper()
	s.now = s.now.Add(2 * time.Hour)
	items, err := s.store.Resume("a")
	if err != nil {
		s.Fatal(err)
	}
	more, _, err := s.store.Ready("a", s.now, 10)
	if err != nil {
		s.Fatal(err)
	}
	if items = append(items, more...); len(items) != 1 || items[0].Entry.Event.ID != id {
		s.Fatalf("back are %+v, want %s", items, id)
	}
	s.settle(items[0], outbox.Done)
	s.wantState(id, outbox.StateDone)
}

func leaseUnresumed(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Lease, after(time.Hour))
	s.reopen()
	s.wantState("1", outbox.StatePending)
	s.reopen()
	s.wantBack("1")
}

func resumedUnsettled(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Lease, after(time.Hour))
	s.reopen()
	s.resume("1")
	s.reopen()
	s.wantBack("1")
}

func leaseOfEnded(s *durable) {
	s.add("1")
	i := s.take(1, "1")[0]
	s.settle(i, outbox.Done)
	s.settle(i, outbox.Lease, after(time.Hour))
	s.reopen()
	s.resume()
	s.take(10)
	s.wantState("1", outbox.StateDone)
}
