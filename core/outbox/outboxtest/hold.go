package outboxtest

import (
	"context"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

func holdFresh(s *story) {
	s.add("1")
	s.add("2")
	s.act("1", outbox.Hold)
	s.act("1", outbox.Hold) // held already: nothing
	s.wantHeld("1", true, 1)
	s.take(10, "2")
	list, err := s.store.List(context.Background(), outbox.Filter{Held: true})
	if err != nil || len(list) != 1 || list[0].ID != "1" {
		s.Errorf("held are %+v, %v", list, err)
	}
	w := s.store.Wake("a")
	select {
	case <-w:
	default: // nothing has waited since it was last asked
	}
	s.act("1", outbox.Release)
	select {
	case <-w:
	default:
		s.Error("a release does not wake")
	}
	s.act("1", outbox.Release) // not held: nothing
	s.wantHeld("1", false, 0)
	if i := s.take(10, "1")[0]; i.Attempt != 1 || i.Failures != 0 {
		s.Errorf("item is %+v", i)
	}
	s.take(10)
}

func holdDue(s *story) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Retry, after(time.Minute))
	due := s.now.Add(time.Minute)
	s.act("1", outbox.Hold)
	if _, next, _ := s.store.Ready("a", s.now, 10); !next.IsZero() {
		s.Errorf("what is held is due at %v", next)
	}
	s.act("1", outbox.Release)
	if _, next, _ := s.store.Ready("a", s.now, 10); !next.Equal(due) {
		s.Errorf("released, it is due at %v, want %v", next, due)
	}
	s.act("1", outbox.Hold)
	s.now = due.Add(time.Hour)
	s.take(10)
	s.act("1", outbox.Release)
	if i := s.take(10, "1")[0]; i.Attempt != 2 {
		s.Errorf("item is %+v", i)
	}
}

func holdOut(s *story) {
	s.add("1")
	s.add("2")
	s.add("3")
	items := s.take(10, "1", "2", "3")
	s.act("1", outbox.Hold)
	s.act("2", outbox.Hold)
	s.act("3", outbox.Hold)
	if c := s.status("1").Channels[0]; !c.Out || !c.Held {
		s.Errorf("status is %+v", c)
	}
	s.settle(items[0], outbox.Retry)
	s.settle(items[1], outbox.Done) // what is held may end
	s.settle(items[2], outbox.Retry, after(time.Minute))
	s.wantState("2", outbox.StateDone)
	s.wantHeld("1", true, 2)
	s.now = s.now.Add(time.Hour)
	s.take(10)
	s.act("1", outbox.Release)
	if i := s.take(10, "1")[0]; i.Attempt != 2 {
		s.Errorf("item is %+v", i)
	}
	s.act("3", outbox.Release)
	s.take(10, "3")
}

func holdAndReleaseOut(s *story) {
	s.add("1")
	i := s.take(10, "1")[0]
	s.act("1", outbox.Hold)
	s.act("1", outbox.Release)
	s.take(10) // it is out all along
	s.settle(i, outbox.Retry)
	s.take(10, "1")
}

func holdHead(s *story) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.ordered("3", "other", false)
	s.act("1", outbox.Hold)
	s.take(10, "3")
	s.act("1", outbox.Release)
	s.settle(s.take(10, "1")[0], outbox.Done)
	s.take(10, "2")
}

func holdBehind(s *story) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.ordered("3", "k", false)
	s.act("2", outbox.Hold)
	s.act("3", outbox.Hold)
	s.act("3", outbox.Release)
	s.settle(s.take(10, "1")[0], outbox.Done) // released, it is still behind
	s.take(10)
	s.act("2", outbox.Release)
	s.settle(s.take(10, "2")[0], outbox.Done)
	s.take(10, "3")
}

func holdCancelled(s *story) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.ordered("3", "k", false)
	s.act("1", outbox.Hold)
	s.act("2", outbox.Hold)
	s.act("2", outbox.Dropped)
	s.wantHeld("1", true, 1)
	s.take(10)
	s.act("1", outbox.Dropped)
	s.wantHeld("1", false, 0)
	s.take(10, "3")
}

func holdDead(s *story) {
	s.add("1")
	i := s.take(10, "1")[0]
	s.act("1", outbox.Hold)
	s.settle(i, outbox.Dead)
	s.wantHeld("1", false, 0)
	s.act("1", outbox.Hold) // no longer pending: nothing
	s.wantHeld("1", false, 0)
	s.act("1", outbox.Redrive)
	s.act("1", outbox.Hold)
	s.take(10)
	s.wantHeld("1", true, 1)
	s.act("1", outbox.Release)
	s.take(10, "1")
}

// holdOver: what leaves the line and comes back takes one place in it.
func holdOver(s *story) {
	s.use(Limits{MaxIDs: 100_000})
	const many = 3000
	var want []string
	for n := range many {
		id := fmt.Sprint(n)
		want = append(want, id)
		s.add(id)
	}
	for range 3 {
		for _, action := range []outbox.Action{outbox.Hold, outbox.Release} {
			for _, id := range want[:many/2] {
				s.act(id, action)
			}
		}
	}
	seen := make(map[uint64]bool)
	items, _, err := s.store.Ready("a", s.now, 2*many)
	for _, i := range items {
		seen[i.Seq] = true
	}
	if err != nil || len(items) != many || len(seen) != many {
		s.Errorf("%d hand-overs of %d entries, %v, want %d", len(items), len(seen), err, many)
	}
}

func lease(s *story) {
	s.add("1")
	i := s.take(10, "1")[0]
	s.settle(i, outbox.Lease, after(time.Hour))
	s.now = s.now.Add(time.Minute)
	s.take(10)
	if c := s.status("1").Channels[0]; !c.Out || c.State != outbox.StatePending {
		s.Errorf("status is %+v", c)
	}
	if items, err := s.store.Resume("a"); err != nil || len(items) != 0 {
		s.Errorf("resumed %+v, %v: nothing was out before", items, err)
	}
	s.settle(i, outbox.Done)
	s.wantState("1", outbox.StateDone)
}
