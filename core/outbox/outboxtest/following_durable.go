package outboxtest

import (
	"context"
	"errors"

	"github.com/headgate-io/headgate/core/outbox"
)

func factsSurvive(s *durable) {
	s.life()
	before := s.facts(outbox.Position{})
	for range 2 {
		s.reopen()
		s.wantSame(s.facts(outbox.Position{}), before)
		for i := range before {
			s.wantSame(s.facts(before[i].Position), before[i+1:])
		}
	}
}

func positionsGoOn(s *durable) {
	s.life()
	last := s.following().Position()
	for _, id := range []string{"5", "6", "7"} {
		s.reopen()
		if p := s.following().Position(); p != last {
			s.Fatalf("it is at %+v, was at %+v", p, last)
		}
		s.add(id)
		s.act(id, outbox.Dropped)
		last = s.wantFacts(last, id, "dropped on a")[1].Position
	}
}

func toldOnceSurvives(s *durable) {
	s.life()
	var first []outbox.Fact
	stop := errors.New("the follower's own")
	err := s.following().Follow(context.Background(), outbox.Position{}, func(batch []outbox.Fact) error {
		first = append(first, batch...)
		return stop
	})
	if err != stop {
		s.Fatal(err)
	}
	s.add("5")
	s.reopen()
	s.add("6")
	s.wantFacts(first[len(first)-1].Position, append(append(told[len(first):len(told):len(told)], "5"), "6")...)
	s.wantFacts(outbox.Position{}, append(append(told[:len(told):len(told)], "5"), "6")...)
}
