package outboxtest

import (
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// oldest is of engines that tell it.
func oldest(s *story) {
	aging, tells := s.store.(outbox.Aging)
	if !tells {
		s.Skip("it does not tell the oldest")
	}
	begin := s.now
	want := func(what string, minutes int) {
		s.Helper()
		var when time.Time
		if minutes >= 0 {
			when = begin.Add(time.Duration(minutes) * time.Minute)
		}
		if got, err := aging.Oldest("a"); err != nil || !got.Equal(when) {
			s.Errorf("%s: the oldest was accepted at %v, want %v: %v", what, got, when, err)
		}
	}
	want("empty", -1)
	for i, id := range []string{"0", "1", "2", "3"} {
		s.now = begin.Add(time.Duration(i) * time.Minute)
		s.add(id)
	}
	want("all are fresh", 0)
	items := s.take(4, "0", "1", "2", "3")
	want("all are out", 0)
	s.settle(items[0], outbox.Retry, after(time.Hour))
	want("it waits for a retry", 0)
	s.settle(items[1], outbox.Done)
	s.act("0", outbox.Hold)
	want("the first is held, the second done", 2)
	s.settle(items[2], outbox.Dead)
	want("the third is dead", 3)
	s.settle(items[3], outbox.Done)
	want("nothing that goes is left", -1)
	s.act("2", outbox.Redrive)
	want("it is redriven", 2)
	s.act("0", outbox.Release)
	want("it is released", 0)
	s.act("0", outbox.Dropped)
	s.act("2", outbox.Dropped)
	s.add("4")
	want("a new one", 3)
	if got, err := aging.Oldest("no such channel"); err != nil || !got.IsZero() {
		s.Errorf("of no channel: %v, %v", got, err)
	}
}

func oldestSurvives(s *durable) {
	aging, tells := s.store.(outbox.Aging)
	if !tells {
		s.Skip("it does not tell the oldest")
	}
	begin := s.now
	s.add("1")
	s.now = begin.Add(time.Minute)
	s.add("2")
	want := func(what string, when time.Time) {
		s.Helper()
		for range 2 { // it may be known by then
			if got, err := aging.Oldest("a"); err != nil || !got.Equal(when) {
				s.Errorf("%s: the oldest was accepted at %v, want %v: %v", what, got, when, err)
			}
		}
	}
	s.reopen()
	aging = s.store.(outbox.Aging)
	want("both", begin)
	s.settle(s.take(1, "1")[0], outbox.Done)
	want("one", begin.Add(time.Minute))
}
