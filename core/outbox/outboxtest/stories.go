package outboxtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

func inOrder(s *story) {
	first, second := s.add("1"), s.add("2")
	s.add("3")
	if second <= first {
		s.Errorf("sequences %d, %d do not grow", first, second)
	}
	items := s.take(2, "1", "2")
	if items[0].Attempt != 1 || items[0].Failures != 0 || items[0].Seq != first || string(items[0].Entry.Event.Raw) == "" {
		s.Errorf("item is %+v", items[0])
	}
	s.take(10, "3")
	s.take(10)
}

func duplicate(s *story) {
	seq := s.add("1")
	for range 2 {
		got := s.append(s.entry("1", outbox.Target{Channel: "a"}))
		if got.Err != nil || got.Verdict != outbox.Duplicate || got.Seq != seq {
			s.Fatalf("again: %+v", got)
		}
	}
	s.settle(s.take(10, "1")[0], outbox.Done)
	if got := s.append(s.entry("1", outbox.Target{Channel: "a"})); got.Err != nil || got.Verdict != outbox.Duplicate {
		s.Fatalf("after the end: %+v", got)
	}
	s.take(10)
}

func conflict(s *story) {
	s.add("1")
	other := s.entry("1", outbox.Target{Channel: "a"})
	other.Digest[0] ^= 1
	if got := s.append(other); got.Err != nil || got.Verdict != outbox.Conflict {
		s.Fatalf("got %+v", got)
	}
	s.take(10, "1")
}

func remember(s *story) {
	s.add("1")
	s.settle(s.take(10, "1")[0], outbox.Done)
	s.now = s.now.Add(59 * time.Minute)
	if got := s.append(s.entry("1", outbox.Target{Channel: "a"})); got.Verdict != outbox.Duplicate {
		s.Fatalf("within remember: %+v", got)
	}
	s.now = s.now.Add(2 * time.Minute)
	s.put(s.entry("1", outbox.Target{Channel: "a"}))
}

func rememberPending(s *story) {
	s.add("1")
	s.now = s.now.Add(3 * time.Hour)
	if got := s.append(s.entry("1", outbox.Target{Channel: "a"})); got.Verdict != outbox.Duplicate {
		s.Fatalf("while pending: %+v", got)
	}
	s.wantState("1", outbox.StatePending)
}

func identityOnly(s *story) {
	s.put(s.entry("1"))
	if got := s.append(s.entry("1")); got.Verdict != outbox.Duplicate {
		s.Fatalf("again: %+v", got)
	}
	s.take(10)
	s.wantGone("1")
	if st := s.store.Stats(); st.Entries != 0 || st.IDs != 1 || st.Bytes != 0 {
		s.Errorf("stats are %+v", st)
	}
}

func staysOut(s *story) {
	s.add("1")
	i := s.take(10, "1")[0]
	s.now = s.now.Add(time.Hour)
	s.take(10)
	s.settle(i, outbox.Retry)
	if again := s.take(10, "1")[0]; again.Attempt != 2 {
		s.Errorf("attempt is %d", again.Attempt)
	}
}

func retryDue(s *story) {
	s.add("1")
	i := s.take(10, "1")[0]
	s.settle(i, outbox.Retry, after(time.Minute), func(o *outbox.Outcome) { o.Failures = 1 })
	_, next, _ := s.store.Ready("a", s.now, 10)
	if want := s.now.Add(time.Minute); !next.Equal(want) {
		s.Errorf("next is %v, want %v", next, want)
	}
	s.now = s.now.Add(59 * time.Second)
	s.take(10)
	s.now = s.now.Add(time.Second)
	if i := s.take(10, "1")[0]; i.Attempt != 2 || i.Failures != 1 {
		s.Errorf("item is %+v", i)
	}
}

func inTurn(s *story) {
	for _, id := range []string{"d1", "d2", "d3"} {
		s.add(id)
	}
	for _, i := range s.take(10, "d1", "d2", "d3") {
		s.settle(i, outbox.Retry, after(time.Second))
	}
	for _, id := range []string{"f1", "f2", "f3"} {
		s.add(id)
	}
	s.now = s.now.Add(time.Minute)
	items, _, _ := s.store.Ready("a", s.now, 4)
	due := 0
	for _, i := range items {
		if i.Attempt > 1 {
			due++
		}
	}
	if len(items) != 4 || due != 2 {
		s.Errorf("%d items, %d of them due", len(items), due)
	}
}

func inTurnOneByOne(s *story) {
	s.add("due")
	s.settle(s.take(1, "due")[0], outbox.Retry, after(time.Second))
	for n := range 20 {
		s.add(fmt.Sprintf("fresh%d", n))
	}
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

func deadInLineRedriven(s *story) {
	one := s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	i := s.take(10, "1")[0]
	s.settle(i, outbox.Retry) // waits in line again
	s.settle(i, outbox.Dead)  // and dies there
	s.settle(outbox.Item{Seq: one, Target: outbox.Target{Channel: "a"}}, outbox.Redrive, operator)
	two := s.take(10, "2")[0]
	s.take(10)
	s.settle(two, outbox.Done)
	s.take(10, "1")
	s.take(10)
}

func toldBounded(s *story) {
	s.use(Limits{Capacity: 4 << 20, MaxIDs: 100_000})
	result := make([]byte, 60<<10)
	for n := range 200 {
		id := fmt.Sprint(n)
		s.add(id)
		s.settle(s.take(1, id)[0], outbox.Done, func(o *outbox.Outcome) { o.Result = result })
	}
	s.wantState("199", outbox.StateDone)
	s.wantGone("0")
	if got := s.append(s.entry("0", outbox.Target{Channel: "a"})); got.Verdict != outbox.Duplicate {
		s.Errorf("with its status its identity went: %+v", got)
	}
}

func unsent(s *story) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Retry, func(o *outbox.Outcome) { o.Unsent = true })
	if i := s.take(1, "1")[0]; i.Attempt != 1 {
		s.Errorf("attempt is %d", i.Attempt)
	}
}

func finalIsFinal(s *story) {
	for _, final := range []outbox.Action{outbox.Done, outbox.Dead, outbox.Dropped} {
		id := fmt.Sprintf("f%d", final)
		s.add(id)
		i := s.take(1, id)[0]
		s.settle(i, final)
		want := s.status(id).Channels[0].State
		for _, later := range []outbox.Action{outbox.Done, outbox.Dead, outbox.Retry} {
			s.settle(i, later)
			s.wantState(id, want)
		}
		s.take(10)
	}
	// An entry nobody knows is no error: its end may have been forgotten.
	s.settle(outbox.Item{Seq: 1 << 40, Target: outbox.Target{Channel: "a"}}, outbox.Done)
}

func olderAttempt(s *story) {
	s.add("1")
	old := s.take(1, "1")[0]
	s.settle(old, outbox.Retry)
	s.take(1, "1")
	s.settle(old, outbox.Retry)
	s.settle(old, outbox.Dead)
	s.wantState("1", outbox.StatePending)
	s.take(10)
	s.settle(old, outbox.Done)
	s.wantState("1", outbox.StateDone)
}

func doneWhileWaiting(s *story) {
	s.add("due")
	s.add("fresh")
	items := s.take(10, "due", "fresh")
	s.settle(items[0], outbox.Retry, after(time.Minute))
	s.settle(items[1], outbox.Retry)
	s.settle(items[0], outbox.Done)
	s.settle(items[1], outbox.Done)
	s.now = s.now.Add(time.Hour)
	s.take(10)
	if st := s.store.Stats(); st.Bytes != 0 || st.Channels["a"].Pending != 0 {
		s.Errorf("stats are %+v", st)
	}
}

func channelsApart(s *story) {
	s.put(s.entry("1", outbox.Target{Channel: "a"}, outbox.Target{Channel: "b"}))
	a, b := s.takeFrom("a", 1, "1")[0], s.takeFrom("b", 1, "1")[0]
	s.settle(a, outbox.Done, func(o *outbox.Outcome) { o.Result = []byte(`{"n":1}`) })
	s.wantState("1", outbox.StatePending)
	st := s.status("1")
	if string(st.Channels[0].Result) != `{"n":1}` || st.Channels[1].State != outbox.StatePending {
		s.Errorf("status is %+v", st)
	}
	s.settle(b, outbox.Dead, func(o *outbox.Outcome) { o.Reason = "no" })
	s.wantState("1", outbox.StateFailed)
	if st := s.status("1"); st.Entry == nil || st.Channels[1].Reason != "no" {
		s.Errorf("dead letter is %+v", st.Channels[1])
	}
}

func laneOneAtATime(s *story) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.ordered("3", "other", false)
	items := s.take(10, "1", "3")
	s.take(10)
	s.settle(items[0], outbox.Done)
	s.take(10, "2")
}

func laneOrder(s *story) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	i := s.take(10, "1")[0]
	s.settle(i, outbox.Retry, after(time.Minute))
	s.take(10)
	s.now = s.now.Add(time.Minute)
	i = s.take(10, "1")[0]
	s.settle(i, outbox.Retry)
	i = s.take(10, "1")[0]
	s.settle(i, outbox.Done)
	s.take(10, "2")
}

func deadContinues(s *story) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.settle(s.take(10, "1")[0], outbox.Dead)
	two := s.take(10, "2")[0]
	s.settle(outbox.Item{Seq: s.status("1").Seq, Target: outbox.Target{Channel: "a"}}, outbox.Redrive, operator)
	s.take(10) // behind its lane now
	s.settle(two, outbox.Done)
	s.take(10, "1")
}

func deadParks(s *story) {
	one := s.ordered("1", "k", true)
	s.ordered("2", "k", true)
	s.ordered("3", "k", true)
	s.settle(s.take(10, "1")[0], outbox.Dead)
	s.take(10)
	s.settle(outbox.Item{Seq: one, Target: outbox.Target{Channel: "a"}}, outbox.Redrive, operator)
	i := s.take(10, "1")[0]
	s.settle(i, outbox.Dead)
	s.take(10)
	s.settle(outbox.Item{Seq: one, Target: outbox.Target{Channel: "a"}}, outbox.Dropped, operator)
	s.settle(s.take(10, "2")[0], outbox.Done)
	s.take(10, "3")
}

func redriveAndDrop(s *story) {
	seq := s.add("1")
	i := s.take(1, "1")[0]
	s.settle(i, outbox.Dead, func(o *outbox.Outcome) { o.Failures = 10 })
	if st := s.store.Stats().Channels["a"]; st.Dead != 1 || st.Pending != 0 || st.Bytes == 0 {
		s.Errorf("stats are %+v", st)
	}
	act := outbox.Item{Seq: seq, Target: outbox.Target{Channel: "a"}}
	s.now = s.now.Add(time.Minute)
	s.settle(act, outbox.Redrive, operator)
	i = s.take(1, "1")[0]
	if i.Failures != 0 || i.Attempt != 2 || !i.Since.Equal(s.now) {
		s.Errorf("redriven item is %+v", i)
	}
	s.settle(act, outbox.Redrive, operator) // not dead: nothing
	s.settle(i, outbox.Dead)
	s.settle(act, outbox.Dropped, operator)
	s.wantState("1", outbox.StateDropped)
	s.settle(act, outbox.Redrive, operator)
	s.wantState("1", outbox.StateDropped)
	if st := s.store.Stats(); st.Bytes != 0 || st.Channels["a"].Dead != 0 {
		s.Errorf("stats are %+v", st)
	}
}

func history(s *story) {
	s.add("1")
	for n := range outbox.MaxHistory + 4 {
		i := s.take(1, "1")[0]
		s.settle(i, outbox.Retry, func(o *outbox.Outcome) { o.What, o.Reason = "lapsed", fmt.Sprint(n) })
	}
	h := s.status("1").Channels[0].History
	if len(h) != outbox.MaxHistory || h[0].Reason != "4" || h[len(h)-1].What != "lapsed" || h[len(h)-1].Attempt != outbox.MaxHistory+4 {
		s.Errorf("history is %+v", h)
	}
}

func channelFull(s *story) {
	s.use(Limits{MaxPending: map[string]int64{"a": 4 * EntrySize, "b": 64 << 20}})
	n, err := s.fill("a")
	if n < 3 || !errors.Is(err, outbox.ErrChannelFull) {
		s.Fatalf("%d entries, then %v", n, err)
	}
	// Nothing of an event that fits one channel only is stored.
	both := s.append(s.entry("both", outbox.Target{Channel: "b"}, outbox.Target{Channel: "a"}))
	if !errors.Is(both.Err, outbox.ErrChannelFull) {
		s.Fatalf("got %v", both.Err)
	}
	s.takeFrom("b", 10)
	s.put(s.entry("b", outbox.Target{Channel: "b"}))
	items, _, _ := s.store.Ready("a", s.now, 1)
	s.settle(items[0], outbox.Done)
	s.put(s.entry("after", outbox.Target{Channel: "a"}))
}

// fill appends to a channel until it is refused.
func (s *story) fill(channel string) (int, error) {
	for n := range 10_000 {
		if got := s.append(s.entry(fmt.Sprintf("fill%d", n), outbox.Target{Channel: channel})); got.Err != nil {
			return n, got.Err
		}
	}
	return 10_000, nil
}

func storeFull(s *story) {
	s.use(Limits{Capacity: 4 * EntrySize, MaxIDs: 100_000})
	n, err := s.fill("a")
	if n < 3 || !errors.Is(err, outbox.ErrFull) {
		s.Fatalf("%d entries, then %v", n, err)
	}
	s.put(s.entry("telemetry"))
	items, _, _ := s.store.Ready("a", s.now, 1)
	s.settle(items[0], outbox.Done)
	s.add("after")
}

func idsFull(s *story) {
	s.use(Limits{MaxIDs: 3})
	n, err := s.fill("a")
	if n != 3 || !errors.Is(err, outbox.ErrIDsFull) {
		s.Fatalf("%d entries, then %v", n, err)
	}
	// A known one is still known.
	if got := s.append(s.entry("fill0", outbox.Target{Channel: "a"})); got.Err != nil || got.Verdict != outbox.Duplicate {
		s.Fatalf("got %+v", got)
	}
}

func await(s *story) {
	s.put(s.entry("1", outbox.Target{Channel: "a"}, outbox.Target{Channel: "b"}))
	got := make(chan outbox.Status, 1)
	started := make(chan struct{})
	go func() {
		close(started)
		st, err := s.store.Await(context.Background(), key("1"))
		if err != nil {
			s.Errorf("await: %v", err)
		}
		got <- st
	}()
	<-started
	s.settle(s.takeFrom("a", 1, "1")[0], outbox.Done)
	s.settle(s.takeFrom("b", 1, "1")[0], outbox.Done)
	if st := <-got; st.State() != outbox.StateDone {
		s.Errorf("state is %s", st.State())
	}
	if st, err := s.store.Await(context.Background(), key("1")); err != nil || st.State() != outbox.StateDone {
		s.Errorf("after the end: %s, %v", st.State(), err)
	}
	if _, err := s.store.Await(context.Background(), key("none")); !errors.Is(err, outbox.ErrNotFound) {
		s.Errorf("unknown: %v", err)
	}
}

func awaitGivesUp(s *story) {
	s.add("1")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if st, err := s.store.Await(ctx, key("1")); err != nil || st.State() != outbox.StatePending {
		s.Errorf("got %s, %v", st.State(), err)
	}
}

func keepStatus(s *story) {
	s.add("1")
	s.add("dead")
	items := s.take(10, "1", "dead")
	s.settle(items[0], outbox.Done)
	s.settle(items[1], outbox.Dead)
	s.now = s.now.Add(9 * time.Minute)
	s.add("2")
	s.wantState("1", outbox.StateDone)
	s.now = s.now.Add(2 * time.Minute)
	s.add("3")
	s.wantGone("1")
	s.wantState("dead", outbox.StateFailed) // kept until somebody decides
}

func listByKey(s *story) {
	s.add("by-key")
	e := s.entry("by-token", outbox.Target{Channel: "a"})
	e.Principal.Provider, e.Proof = "okta", sdk.Proof{Transport: "jwt", Event: "dsse"}
	s.put(e)
	for key, want := range map[string]string{"k": "by-key", "p:k": "by-key", "okta:k": "by-token", "okta:other": "", "other:k": ""} {
		list, err := s.store.List(context.Background(), outbox.Filter{KeyID: key})
		got := ""
		for _, st := range list {
			got += st.ID
		}
		if err != nil || got != want {
			s.Errorf("key %s: %q, %v, want %q", key, got, err, want)
		}
	}
	if st := s.status("by-token"); st.Proof != e.Proof || st.KeyID != "k" {
		s.Errorf("proven by %+v, key %s", st.Proof, st.KeyID)
	}
}

func list(s *story) {
	for n := range 5 {
		s.add(fmt.Sprint(n))
	}
	s.put(s.entry("b", outbox.Target{Channel: "b"}))
	items := s.take(2, "0", "1")
	s.settle(items[0], outbox.Dead)
	s.settle(items[1], outbox.Done)
	for _, c := range []struct {
		f    outbox.Filter
		want int
	}{
		{outbox.Filter{}, 6},
		{outbox.Filter{Channel: "a"}, 5},
		{outbox.Filter{Channel: "b"}, 1},
		{outbox.Filter{State: outbox.StateFailed}, 1},
		{outbox.Filter{Channel: "a", State: outbox.StatePending}, 3},
		{outbox.Filter{Channel: "b", State: outbox.StateFailed}, 0},
		{outbox.Filter{Type: "t.3"}, 1},
		{outbox.Filter{Source: "/other"}, 0},
		{outbox.Filter{Limit: 2}, 2},
		{outbox.Filter{Principal: "p:s"}, 6},
		{outbox.Filter{Principal: "p:other"}, 0},
		{outbox.Filter{KeyID: "k"}, 6},
		{outbox.Filter{KeyID: "k", State: outbox.StateDone}, 1},
		{outbox.Filter{KeyID: "other"}, 0},
		{outbox.Filter{KeyID: "p:k"}, 6},
		{outbox.Filter{KeyID: "other:k"}, 0},
		{outbox.Filter{Held: true}, 0},
	} {
		got, err := s.store.List(context.Background(), c.f)
		if err != nil || len(got) != c.want {
			s.Errorf("%+v: %d statuses, %v, want %d", c.f, len(got), err, c.want)
		}
	}
	seen := map[string]bool{}
	for after, pages := uint64(0), 0; pages < 10; pages++ {
		page, err := s.store.List(context.Background(), outbox.Filter{Limit: 2, After: after})
		if err != nil {
			s.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, st := range page {
			seen[st.ID] = true
			after = st.Seq
		}
	}
	if len(seen) != 6 {
		s.Errorf("paging saw %d events", len(seen))
	}
}

func wake(s *story) {
	w := s.store.Wake("a")
	woken := func() bool {
		select {
		case <-w:
			return true
		default:
			return false
		}
	}
	woken()
	s.add("1")
	if !woken() {
		s.Error("append does not wake")
	}
	i := s.take(1, "1")[0]
	woken()
	s.settle(i, outbox.Retry, after(time.Second))
	if !woken() {
		s.Error("a retry does not wake")
	}
	s.now = s.now.Add(time.Minute)
	i = s.take(1, "1")[0]
	s.settle(i, outbox.Dead)
	woken()
	s.settle(i, outbox.Redrive, operator)
	if !woken() {
		s.Error("a redrive does not wake")
	}
	s.ordered("2", "k", false)
	s.ordered("3", "k", false)
	items := s.take(10, "1", "2")
	woken()
	s.settle(items[1], outbox.Done)
	if !woken() {
		s.Error("an opened lane does not wake")
	}
}

func closed(s *story) {
	s.add("1")
	i := s.take(1, "1")[0]
	if err := s.store.Close(); err != nil {
		s.Fatal(err)
	}
	if got := s.append(s.entry("2", outbox.Target{Channel: "a"})); !errors.Is(got.Err, outbox.ErrClosed) {
		s.Errorf("append: %+v", got)
	}
	if err := s.store.Settle(context.Background(), []outbox.Outcome{{Seq: i.Seq, Channel: "a"}}); !errors.Is(err, outbox.ErrClosed) {
		s.Errorf("settle: %v", err)
	}
	if _, _, err := s.store.Ready("a", s.now, 1); !errors.Is(err, outbox.ErrClosed) {
		s.Errorf("ready: %v", err)
	}
	s.use(Limits{})
}
