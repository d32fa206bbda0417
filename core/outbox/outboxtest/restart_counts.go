package outboxtest

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/headgate-io/headgate/core/outbox"
)

func countsSurvive(s *durable) {
	s.add("pending")
	s.add("dead")
	s.add("done")
	s.add("held")
	s.put(s.entry("both", outbox.Target{Channel: "a"}, outbox.Target{Channel: "b"}))
	items := s.take(3, "pending", "dead", "done")
	s.settle(items[0], outbox.Retry)
	s.settle(items[1], outbox.Dead)
	s.settle(items[2], outbox.Done)
	s.act("held", outbox.Hold)
	s.settle(s.takeFrom("b", 1, "both")[0], outbox.Done)
	before := s.store.Stats()
	s.reopen()
	after := s.store.Stats()
	if after.Entries != before.Entries || after.Bytes != before.Bytes || after.Capacity != before.Capacity || after.IDs != before.IDs {
		s.Errorf("stats are %+v, were %+v", after, before)
	}
	if !maps.Equal(after.Channels, before.Channels) {
		s.Errorf("channels are %+v, were %+v", after.Channels, before.Channels)
	}
}

func fullChannelSurvives(s *durable) {
	s.use(Limits{MaxPending: map[string]int64{"a": 4 * EntrySize, "b": 64 << 20}})
	if n, err := s.fill("a"); n < 3 || !errors.Is(err, outbox.ErrChannelFull) {
		s.Fatalf("%d entries, then %v", n, err)
	}
	s.reopen()
	if got := s.append(s.entry("after", outbox.Target{Channel: "a"})); !errors.Is(got.Err, outbox.ErrChannelFull) {
		s.Fatalf("got %+v", got)
	}
	s.put(s.entry("b", outbox.Target{Channel: "b"}))
	s.settle(s.take(1, "fill0")[0], outbox.Done)
	s.add("after")
}

func fullStoreSurvives(s *durable) {
	s.use(Limits{Capacity: 4 * EntrySize, MaxIDs: 100_000})
	if n, err := s.fill("a"); n < 3 || !errors.Is(err, outbox.ErrFull) {
		s.Fatalf("%d entries, then %v", n, err)
	}
	s.reopen()
	if got := s.append(s.entry("after", outbox.Target{Channel: "b"})); !errors.Is(got.Err, outbox.ErrFull) {
		s.Fatalf("got %+v", got)
	}
	s.settle(s.take(1, "fill0")[0], outbox.Done)
	s.add("after")
}

func sequencesGrow(s *durable) {
	last := s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Done)
	for _, id := range []string{"2", "3"} {
		s.reopen()
		seq := s.add(id)
		if seq <= last {
			s.Errorf("sequence %d after %d", seq, last)
		}
		last = seq
	}
}

func channelsSurviveApart(s *durable) {
	s.put(s.entry("1", outbox.Target{Channel: "a"}, outbox.Target{Channel: "b"}))
	s.settle(s.takeFrom("a", 1, "1")[0], outbox.Done, func(o *outbox.Outcome) { o.Result = []byte(`{"n":1}`) })
	s.reopen()
	s.take(10)
	st := s.status("1")
	if len(st.Channels) != 2 || st.Channels[0].State != outbox.StateDone || string(st.Channels[0].Result) != `{"n":1}` || st.Channels[1].State != outbox.StatePending {
		s.Fatalf("status is %+v", st)
	}
	s.settle(s.takeFrom("b", 1, "1")[0], outbox.Done)
	s.reopen()
	s.takeFrom("b", 10)
	s.wantState("1", outbox.StateDone)
}

func goneChannelKeeps(s *durable) {
	s.put(s.entry("1", outbox.Target{Channel: "b"}))
	only := func(names ...string) func(*Limits) {
		return func(l *Limits) {
			l.MaxPending = make(map[string]int64)
			for _, name := range names {
				l.MaxPending[name] = 64 << 20
			}
		}
	}
	s.reopen(only("a"))
	if n := s.store.Stats().Channels["b"].Pending; n != 1 {
		s.Errorf("%d pending on the channel that is gone", n)
	}
	s.wantState("1", outbox.StatePending)
	s.add("2")
	s.reopen(only("a", "b"))
	s.takeFrom("b", 10, "1")
	s.take(10, "2")
}

func listsSurvive(s *durable) {
	for _, id := range []string{"1", "2", "3", "4"} {
		s.add(id)
	}
	items := s.take(2, "1", "2")
	s.settle(items[0], outbox.Dead)
	s.settle(items[1], outbox.Done)
	s.act("3", outbox.Hold)
	s.reopen()
	for _, c := range []struct {
		f    outbox.Filter
		want []string
	}{
		{outbox.Filter{}, []string{"1", "2", "3", "4"}},
		{outbox.Filter{State: outbox.StatePending}, []string{"3", "4"}},
		{outbox.Filter{Channel: "a", State: outbox.StateFailed}, []string{"1"}},
		{outbox.Filter{Type: "t.2"}, []string{"2"}},
		{outbox.Filter{Held: true}, []string{"3"}},
		{outbox.Filter{Principal: "p:s", Limit: 2}, []string{"1", "2"}},
		{outbox.Filter{Principal: "p:other"}, nil},
		{outbox.Filter{KeyID: "k", Limit: 2}, []string{"1", "2"}},
		{outbox.Filter{KeyID: "p:k", Limit: 2}, []string{"1", "2"}},
		{outbox.Filter{KeyID: "other"}, nil},
		{outbox.Filter{After: s.status("2").Seq}, []string{"3", "4"}},
	} {
		list, err := s.store.List(context.Background(), c.f)
		var ids []string
		for _, st := range list {
			ids = append(ids, st.ID)
		}
		if err != nil || !slices.Equal(ids, c.want) {
			s.Errorf("%+v: %v, %v, want %v", c.f, ids, err, c.want)
		}
	}
}
