package memory_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/sdk"
)

func followed(t *testing.T, capacity int64) *memory.Store {
	t.Helper()
	s := memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 1 << 20, Capacity: capacity,
		MaxPending: map[string]int64{"a": capacity}, Follow: true})
	t.Cleanup(func() {
		if err := errors.Join(s.Verify(context.Background()), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// until appends events, and has each become something, until one is refused.
func until(t *testing.T, s *memory.Store, from int, then outbox.Action) (n int, _ error) {
	t.Helper()
	for n = from; ; n++ {
		e, err := sdk.ParseEvent(fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"/s","type":"t"}`, n))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Append(t.Context(), &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: now, Targets: []outbox.Target{{Channel: "a"}}})[0]; got.Err != nil {
			return n - from, got.Err
		}
		if err := end(t, s, then); err != nil {
			t.Fatal(err)
		}
	}
}

// end has what is next on channel a become something.
func end(t *testing.T, s *memory.Store, a outbox.Action) error {
	t.Helper()
	items, _, err := s.Ready("a", now, 1)
	if err != nil || len(items) != 1 {
		t.Fatalf("%v are ready: %v", items, err)
	}
	return s.Settle(t.Context(), []outbox.Outcome{{Seq: items[0].Seq, Channel: "a", Action: a, Attempt: items[0].Attempt, At: now, Reason: "why"}})
}

func told(t *testing.T, s *memory.Store, after outbox.Position) (n int) {
	t.Helper()
	stop := errors.New("it is enough")
	last := s.Position()
	if !after.Before(last) {
		return 0
	}
	if err := s.Follow(t.Context(), after, func(batch []outbox.Fact) error {
		if n += len(batch); batch[len(batch)-1].Position == last {
			return stop
		}
		return nil
	}); err != stop {
		t.Fatal(err)
	}
	return n
}

// TestAFollowerThatIsFarBehind keeps facts up to their number, or their bytes:
// events are refused then, what is held ends, and all goes on when it was
// followed.
func TestAFollowerThatIsFarBehind(t *testing.T) {
	for name, capacity := range map[string]int64{"too many": 1 << 30, "too much": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			s := followed(t, capacity)
			n, err := until(t, s, 0, outbox.Done)
			if !errors.Is(err, outbox.ErrBusy) || n > 1<<16 {
				t.Fatalf("after %d: %v", n, err)
			}
			if got := told(t, s, outbox.Position{}); got != 2*n {
				t.Errorf("%d facts are told of %d events", got, n)
			}
			if m, err := until(t, s, n, outbox.Done); m != 0 || !errors.Is(err, outbox.ErrBusy) {
				t.Errorf("told, and not followed, %d are accepted: %v", m, err)
			}
			last := s.Position()
			s.Followed(last)
			m, err := until(t, s, n, outbox.Done)
			if m < n*9/10 || !errors.Is(err, outbox.ErrBusy) {
				t.Errorf("followed, %d are accepted, %d were before: %v", m, n, err)
			}
			if got := told(t, s, last); got != 2*m {
				t.Errorf("%d facts are told then, of %d events", got, m)
			}
		})
	}
}

// TestOutcomesWaitForAFollower retries without end: it is refused before memory
// is, and nothing of it is kept then.
func TestOutcomesWaitForAFollower(t *testing.T) {
	s := followed(t, 1<<20)
	n, err := until(t, s, 0, outbox.Hold) // that stays out
	if !errors.Is(err, outbox.ErrBusy) && !errors.Is(err, outbox.ErrChannelFull) {
		t.Fatalf("after %d: %v", n, err)
	}
	before := s.Position()
	again := 0
	for o := (outbox.Outcome{Seq: 1, Channel: "a", Action: outbox.Release, At: now}); ; again++ {
		if o.Action = outbox.Release; again%2 == 1 {
			o.Action = outbox.Hold
		}
		if err = s.Settle(t.Context(), []outbox.Outcome{o}); err != nil {
			break
		}
	}
	if !errors.Is(err, outbox.ErrBusy) || again == 0 || s.Position().State != before.State+uint64(again) {
		t.Fatalf("after %d more, at %+v: %v", again, s.Position(), err)
	}
	if got := told(t, s, before); got != again {
		t.Errorf("%d of them are told", got)
	}
	s.Followed(s.Position())
	if err := s.Settle(t.Context(), []outbox.Outcome{{Seq: 1, Channel: "a", Action: outbox.Dropped, At: now}}); err != nil {
		t.Errorf("it is followed: %v", err)
	}
}

// TestNobodyFollows keeps nothing for nobody.
func TestNobodyFollows(t *testing.T) {
	s := memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 1 << 20, Capacity: 1 << 20, MaxPending: map[string]int64{"a": 1 << 20}})
	if n, err := until(t, s, 0, outbox.Dead); !errors.Is(err, outbox.ErrFull) && !errors.Is(err, outbox.ErrChannelFull) {
		t.Errorf("after %d: %v", n, err)
	}
	if err := s.Follow(t.Context(), outbox.Position{}, func([]outbox.Fact) error { return nil }); !errors.Is(err, outbox.ErrUnfollowed) {
		t.Errorf("follow: %v", err)
	}
	s.Followed(s.Position())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
