package outboxtest

import (
	"context"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// shelve puts items on a shelf of channel a.
func (s *story) shelve(shelf string, items ...outbox.Item) {
	s.Helper()
	s.store.Shelve("a", shelf, items)
}

// wantShelved checks how many of channel a lie on a shelf.
func (s *story) wantShelved(n int) {
	s.Helper()
	if c := s.store.Stats().Channels["a"]; c.Shelved != n {
		s.Fatalf("%d are shelved, want %d, of %+v", c.Shelved, n, c)
	}
}

func shelved(s *story) {
	s.add("1")
	s.add("2")
	s.add("3")
	items := s.take(10, "1", "2", "3")
	s.shelve("p", items[:2]...)
	if c := s.store.Stats().Channels["a"]; c.Pending != 3 || c.Out != 1 || c.Shelved != 2 || c.Bytes == 0 {
		s.Errorf("stats are %+v", c)
	}
	if c := s.status("1").Channels[0]; c.State != outbox.StatePending || c.Out || c.Attempt != 0 || c.Held {
		s.Errorf("status is %+v", c)
	}
	if list, err := s.store.List(context.Background(), outbox.Filter{Channel: "a", State: outbox.StatePending}); err != nil || len(list) != 3 {
		s.Errorf("%d are pending, %v", len(list), err)
	}
	s.now = s.now.Add(time.Hour)
	s.take(10)
	w := s.store.Wake("a")
	select {
	case <-w:
	default: // nothing has waited since it was last asked
	}
	s.store.Unshelve("a", "p")
	select {
	case <-w:
	default:
		s.Error("an unshelving does not wake")
	}
	s.wantShelved(0)
	s.settle(s.take(1, "1")[0], outbox.Done)
	s.wantState("1", outbox.StateDone)
	s.take(10, "2")
	s.wantShelved(0)
	s.take(10)
}

func shelvedFirst(s *story) {
	s.add("1")
	s.add("2")
	s.shelve("p", s.take(10, "1", "2")...)
	s.add("3")
	s.store.Unshelve("a", "p")
	s.add("4")
	s.take(1, "1")
	s.take(10, "2", "3", "4")
}

func shelvedInTurn(s *story) {
	s.add("due")
	s.settle(s.take(1, "due")[0], outbox.Retry, after(time.Second))
	for n := range 20 {
		s.add(fmt.Sprint(n))
	}
	items, _, _ := s.store.Ready("a", s.now, 20)
	s.shelve("p", items...)
	s.store.Unshelve("a", "p")
	s.now = s.now.Add(time.Minute)
	due := 0
	for range 10 {
		items, _, _ := s.store.Ready("a", s.now, 1)
		if items[0].Entry.Event.ID == "due" {
			due++
			s.settle(items[0], outbox.Retry, after(time.Nanosecond))
			s.now = s.now.Add(time.Second)
		}
	}
	if due != 5 {
		s.Errorf("a due one had %d of 10 turns", due)
	}
}

func shelvedUncounted(s *story) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Retry, func(o *outbox.Outcome) { o.Failures, o.What = 1, "lapsed" })
	for range 3 {
		i := s.take(1, "1")[0]
		if i.Attempt != 2 || i.Failures != 1 {
			s.Errorf("item is %+v", i)
		}
		s.shelve("p", i)
		if c := s.status("1").Channels[0]; c.Attempt != 1 || c.Failures != 1 || len(c.History) != 1 {
			s.Errorf("status is %+v", c)
		}
		s.store.Unshelve("a", "p")
	}
}

func shelvedHead(s *story) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.ordered("3", "other", false)
	s.ordered("4", "other", false)
	items := s.take(10, "1", "3")
	s.shelve("p", items[0])
	s.ordered("5", "k", false)
	s.settle(items[1], outbox.Done)
	s.take(10, "4")
	s.store.Unshelve("a", "p")
	s.settle(s.take(10, "1")[0], outbox.Done)
	s.settle(s.take(10, "2")[0], outbox.Done)
	s.take(10, "5")
}

func shelvesApart(s *story) {
	a, b := outbox.Target{Channel: "a"}, outbox.Target{Channel: "b"}
	s.put(s.entry("1", a, b))
	s.put(s.entry("2", a))
	s.put(s.entry("3", a))
	items := s.take(10, "1", "2", "3")
	s.shelve("p", items[0], items[2])
	s.shelve("q", items[1])
	s.store.Shelve("b", "p", s.takeFrom("b", 10, "1"))
	s.wantShelved(3)
	s.store.Unshelve("b", "p")
	s.takeFrom("b", 10, "1")
	s.take(10)
	s.wantShelved(3)
	s.store.Unshelve("a", "q")
	s.wantShelved(2)
	s.take(10, "2")
	s.wantShelved(2)
	s.store.Unshelve("a", "p")
	s.take(10, "1", "3")
	s.wantShelved(0)
}

func shelvedAgain(s *story) {
	s.add("1")
	s.add("2")
	s.add("3")
	s.shelve("p", s.take(10, "1", "2", "3")...)
	s.store.Unshelve("a", "p")
	s.shelve("p", s.take(1, "1")...)
	s.wantShelved(1)
	s.take(10, "2", "3")
	s.wantShelved(1)
	s.store.Unshelve("a", "p")
	s.store.Unshelve("a", "p")
	s.take(10, "1")
	s.take(10)
}

func shelvedOut(s *story) {
	s.add("old")
	s.add("done")
	s.add("twice")
	s.add("1")
	s.add("back")
	items := s.take(10, "old", "done", "twice", "1", "back")
	s.settle(items[0], outbox.Retry)
	old := items[0]
	items[0] = s.take(1, "old")[0]
	s.settle(items[4], outbox.Retry)
	s.settle(items[1], outbox.Done)
	s.shelve("q", items[2])
	s.shelve("p", old, items[1], items[2], outbox.Item{Seq: 1 << 40, Attempt: 1}, items[3], items[3], items[4])
	s.store.Shelve("nowhere", "p", items)
	s.store.Shelve("b", "p", items)
	s.wantShelved(2)
	if c := s.store.Stats().Channels["a"]; c.Pending != 4 || c.Out != 1 {
		s.Errorf("stats are %+v", c)
	}
	s.wantState("done", outbox.StateDone)
	s.take(10, "back")
	s.store.Unshelve("a", "p")
	s.take(10, "1")
	s.settle(items[2], outbox.Retry) // it is out no more: nothing
	s.take(10)
	s.store.Unshelve("a", "q")
	s.take(10, "twice")
	s.settle(items[0], outbox.Retry) // it was out all along
	s.take(10, "old")
}

func shelfUnknown(s *story) {
	s.add("1")
	s.shelve("p", s.take(1, "1")...)
	w := s.store.Wake("a")
	select {
	case <-w:
	default:
	}
	s.store.Unshelve("a", "q")
	s.store.Unshelve("b", "p")
	s.store.Unshelve("nowhere", "p")
	select {
	case <-w:
		s.Error("it wakes")
	default:
	}
	s.wantShelved(1)
	s.take(10)
}

func shelvedEnds(s *story) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.add("3")
	s.add("4")
	items := s.take(10, "1", "3", "4")
	s.settle(items[2], outbox.Retry)
	late := items[2]
	items[2] = s.take(1, "4")[0]
	s.shelve("p", items...)
	s.act("1", outbox.Dropped)
	s.wantState("1", outbox.StateDropped)
	s.take(10, "2") // at once
	s.settle(late, outbox.Done)
	s.wantState("4", outbox.StateDone)
	s.wantShelved(1)
	s.store.Unshelve("a", "p")
	s.take(10, "3")
	s.take(10)
}

func shelvedDead(s *story) {
	for _, id := range []string{"1", "2"} {
		s.ordered(id, "k", false)
	}
	late := s.take(10, "1")[0]
	s.settle(late, outbox.Retry)
	s.shelve("p", s.take(10, "1")...)
	s.settle(late, outbox.Dead)
	s.wantState("1", outbox.StateFailed)
	s.wantShelved(0)
	two := s.take(10, "2")[0] // at once
	s.act("1", outbox.Redrive)
	s.wantShelved(1)
	s.take(10)
	s.store.Unshelve("a", "p")
	s.take(10) // behind its lane now
	s.settle(two, outbox.Done)
	s.settle(s.take(10, "1")[0], outbox.Done)

	s.add("3")
	late = s.take(10, "3")[0]
	s.settle(late, outbox.Retry)
	s.shelve("p", s.take(10, "3")...)
	s.settle(late, outbox.Dead)
	s.store.Unshelve("a", "p")
	s.take(10)
	s.act("3", outbox.Redrive) // it was met, and lies there no more
	s.take(10, "3")
}

func shelvedParks(s *story) {
	s.ordered("1", "k", true)
	s.ordered("2", "k", true)
	late := s.take(10, "1")[0]
	s.settle(late, outbox.Retry)
	s.shelve("p", s.take(10, "1")...)
	s.settle(late, outbox.Dead)
	s.store.Unshelve("a", "p")
	s.take(10)
	s.act("1", outbox.Redrive)
	late = s.take(10, "1")[0]
	s.settle(late, outbox.Retry)
	s.shelve("p", s.take(10, "1")...)
	s.settle(late, outbox.Dead)
	s.act("1", outbox.Redrive)
	s.wantShelved(1)
	s.take(10)
	s.store.Unshelve("a", "p")
	s.settle(s.take(10, "1")[0], outbox.Done)
	s.take(10, "2")
}

func shelvedHeld(s *story) {
	for _, id := range []string{"1", "2", "3"} {
		s.add(id)
	}
	s.shelve("p", s.take(10, "1", "2", "3")...)
	s.act("1", outbox.Hold)
	s.act("2", outbox.Hold)
	s.act("2", outbox.Release) // it lies there still
	s.wantHeld("1", true, 1)
	s.wantShelved(2)
	s.take(10)
	s.store.Unshelve("a", "p")
	s.take(10, "2", "3")
	s.act("1", outbox.Release)
	if i := s.take(10, "1")[0]; i.Attempt != 1 {
		s.Errorf("item is %+v", i)
	}
	s.wantShelved(0)
}

func heldShelved(s *story) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	items := s.take(10, "1")
	s.act("1", outbox.Hold)
	s.shelve("p", items...)
	s.wantHeld("1", true, 1)
	s.wantShelved(0)
	s.act("1", outbox.Release)
	s.wantShelved(1)
	s.take(10)
	s.act("1", outbox.Hold)
	s.act("1", outbox.Dropped)
	s.wantShelved(0)
	s.take(10, "2")
}

// shelvedOver: what comes back over and over is handed out once each time.
func shelvedOver(s *story) {
	s.use(Limits{MaxIDs: 100_000})
	const many = 1000
	for n := range many {
		s.add(fmt.Sprint(n))
	}
	for round := range 4 {
		seen := make(map[uint64]bool)
		var names []string
		for len(seen) < many {
			items, _, err := s.store.Ready("a", s.now, 7)
			if err != nil || len(items) == 0 {
				s.Fatalf("after %d: %d items, %v", len(seen), len(items), err)
			}
			for _, i := range items {
				if seen[i.Seq] || i.Attempt != 1 {
					s.Fatalf("item is %+v", i)
				}
				seen[i.Seq] = true
			}
			s.shelve(fmt.Sprint("shelf", round, len(seen)), items...)
			names = append(names, fmt.Sprint("shelf", round, len(seen)))
		}
		s.take(10)
		s.wantShelved(many)
		for _, name := range names {
			s.store.Unshelve("a", name)
		}
	}
}
