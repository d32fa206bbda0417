package outboxtest

import (
	"context"
	"errors"

	"github.com/headgate-io/headgate/core/outbox"
)

func appendMany(s *story) {
	a := outbox.Target{Channel: "a"}
	one, two, other := s.entry("1", a), s.entry("2", a), s.entry("1", a)
	other.Digest[0] ^= 1
	got := s.store.Append(context.Background(), one, one, other, two)
	if len(got) != 4 {
		s.Fatalf("%d outcomes", len(got))
	}
	for i, want := range []outbox.Verdict{outbox.Stored, outbox.Duplicate, outbox.Conflict, outbox.Stored} {
		if got[i].Err != nil || got[i].Verdict != want {
			s.Errorf("entry %d: %+v, want verdict %d", i, got[i], want)
		}
	}
	if got[1].Seq != got[0].Seq || got[3].Seq <= got[0].Seq {
		s.Errorf("sequences are %d, %d, and of a duplicate %d", got[0].Seq, got[3].Seq, got[1].Seq)
	}
	if got[0].Durable != s.store.Stats().Durable {
		s.Errorf("durable: %t", got[0].Durable)
	}
	s.take(10, "1", "2")
}

func appendSomeRefused(s *story) {
	s.use(Limits{MaxPending: map[string]int64{"a": 2 * EntrySize, "b": 64 << 20}})
	n, _ := s.fill("a")
	got := s.store.Append(context.Background(), s.entry("1", outbox.Target{Channel: "b"}), s.entry("2", outbox.Target{Channel: "a"}),
		s.entry("3", outbox.Target{Channel: "b"}))
	if got[0].Err != nil || !errors.Is(got[1].Err, outbox.ErrChannelFull) || got[2].Err != nil {
		s.Fatalf("got %+v", got)
	}
	s.takeFrom("b", 10, "1", "3")
	if pending := s.store.Stats().Channels["a"].Pending; pending != n {
		s.Errorf("%d pending, want %d", pending, n)
	}
	// What was refused left no identity behind.
	items, _, _ := s.store.Ready("a", s.now, n)
	for _, i := range items {
		s.settle(i, outbox.Done)
	}
	s.add("2")
}

func appendNone(s *story) {
	if got := s.store.Append(context.Background()); len(got) != 0 {
		s.Errorf("got %+v", got)
	}
}
