package outboxtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// RunFollowing checks what an engine tells a follower. open returns an empty
// store that is kept for one, and is an outbox.Following; the suite closes it.
func RunFollowing(t *testing.T, open func(t *testing.T, l Limits) outbox.Engine) {
	for _, c := range []struct {
		name string
		run  func(s *story)
	}{
		{"facts are told in their order, each once", toldInOrder},
		{"an acceptance is told with all that is known of it", toldEntry},
		{"outcomes are told as they are stored", toldOutcomes},
		{"what changes nothing is no fact", toldNothing},
		{"following goes on from any position", toldFromAnywhere},
		{"facts are told as they come", toldAsTheyCome},
		{"following ends with its context", toldUntilTheEnd},
		{"what tell gives back comes back, and what was not told is told again", toldAgain},
		{"a slow follower loses nothing", toldSlowly},
		{"what was followed is not told to who goes on", followed},
		{"a store that is behind its follower says so", toldBeyond},
		{"a closed store tells what it has and ends", toldClosed},
		{"facts of many at once are told once, in order", toldMany},
	} {
		t.Run(c.name, func(t *testing.T) { tell(&story{T: t, open: open}, c.run) })
	}
}

// RunFollowingDurable checks what a follower is told of a store that is closed
// and opened again.
func RunFollowingDurable(t *testing.T, open func(t *testing.T, l Limits, dir string) outbox.Engine) {
	for _, c := range []struct {
		name string
		run  func(s *durable)
	}{
		{"facts survive", factsSurvive},
		{"positions go on", positionsGoOn},
		{"what was told is not told again", toldOnceSurvives},
	} {
		t.Run(c.name, func(t *testing.T) { tellDurable(t, open, c.run) })
	}
}

// patience is how long a fact may be on its way: far more than it takes.
const patience = 30 * time.Second

// mostAtOnce bounds how many facts of the suite are told at once: following
// takes memory for a part of what there is.
const mostAtOnce = 1 << 13

// following gives the store as who follows sees it.
func (s *story) following() outbox.Following {
	s.Helper()
	f, ok := s.store.(outbox.Following)
	if !ok {
		s.Fatal("it is no outbox.Following")
	}
	return f
}

// facts gives all there are after a position, checked as far as that goes
// without knowing them.
func (s *story) facts(after outbox.Position) []outbox.Fact {
	s.Helper()
	f := s.following()
	end := f.Position()
	var got []outbox.Fact
	if !after.Before(end) {
		return got
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	last := after
	err := f.Follow(ctx, after, func(batch []outbox.Fact) error {
		if len(batch) == 0 || len(batch) > mostAtOnce {
			s.Errorf("%d facts are told at once", len(batch))
		}
		got = append(got, batch...)
		if last = got[len(got)-1].Position; !last.Before(end) {
			cancel()
		}
		return nil
	})
	if err != nil || last != end {
		s.Fatalf("followed to %+v of %+v: %v", last, end, err)
	}
	s.wantRising(after, got)
	return got
}

// wantRising checks that every fact is one step beyond the one before it.
func (s *story) wantRising(after outbox.Position, facts []outbox.Fact) {
	s.Helper()
	for i, f := range facts {
		event, outcome := f.Event > after.Event && f.State == after.State && f.Seq == f.Event, f.State > after.State && f.Event == after.Event && f.Seq == seqOf(&f)
		if f.Entry != nil && (!event || f.Outcome != nil) || f.Entry == nil && (!outcome || f.Outcome == nil) {
			s.Fatalf("fact %d is %+v after %+v", i, f, after)
		}
		after = f.Position
	}
}

func seqOf(f *outbox.Fact) uint64 {
	if f.Outcome == nil {
		return 0
	}
	return f.Outcome.Seq
}

// brief is a fact in short: the id of what was accepted, or what became of
// which event.
func brief(f *outbox.Fact) string {
	if f.Entry != nil {
		return f.Entry.Event.ID
	}
	name := [...]string{"done", "dead", "dropped", "retry", "redrive", "hold", "release", "lease"}[f.Outcome.Action]
	return name + " on " + f.Outcome.Channel
}

// wantFacts checks the facts after a position, in short.
func (s *story) wantFacts(after outbox.Position, want ...string) []outbox.Fact {
	s.Helper()
	facts := s.facts(after)
	var got []string
	for i := range facts {
		got = append(got, brief(&facts[i]))
	}
	if !slices.Equal(got, want) {
		s.Fatalf("facts are %q, want %q", got, want)
	}
	return facts
}

func sameEntry(a, b *outbox.Entry) bool {
	if a == nil || b == nil {
		return a == b
	}
	return string(a.Event.Raw) == string(b.Event.Raw) && a.Digest == b.Digest && a.Principal == b.Principal && a.Proof == b.Proof &&
		a.Accepted.Equal(b.Accepted) && a.Expires.Equal(b.Expires) && slices.EqualFunc(a.Targets, b.Targets, sameTarget) &&
		a.Facts.Request == b.Facts.Request && a.Facts.Ingress == b.Facts.Ingress && a.Facts.Addr == b.Facts.Addr && a.Facts.Key == b.Facts.Key &&
		slices.Equal(a.Facts.Routes, b.Facts.Routes)
}

func sameTarget(a, b outbox.Target) bool {
	return a.Channel == b.Channel && a.Order == b.Order && a.Park == b.Park && slices.Equal(a.Transforms, b.Transforms)
}

func sameOutcome(a, b *outbox.Outcome) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Seq == b.Seq && a.Channel == b.Channel && a.Action == b.Action && a.Attempt == b.Attempt && a.Unsent == b.Unsent && a.Failures == b.Failures &&
		a.At.Equal(b.At) && a.Due.Equal(b.Due) && a.What == b.What && a.Reason == b.Reason && string(a.Result) == string(b.Result)
}

// wantSame checks that the same facts are told as before.
func (s *story) wantSame(got, want []outbox.Fact) {
	s.Helper()
	if len(got) != len(want) {
		s.Fatalf("%d facts are told, want %d", len(got), len(want))
	}
	for i := range got {
		a, b := &got[i], &want[i]
		if a.Position != b.Position || a.Seq != b.Seq || !sameEntry(a.Entry, b.Entry) || !sameOutcome(a.Outcome, b.Outcome) {
			s.Fatalf("fact %d is %+v, %+v, want %+v, %+v", i, a, a.Outcome, b, b.Outcome)
		}
	}
}

// life has events go through everything that can become of them.
func (s *story) life() {
	s.Helper()
	s.add("1")
	s.put(s.entry("2", outbox.Target{Channel: "a"}, outbox.Target{Channel: "b"}))
	s.ordered("3", "k", true)
	items := s.take(10, "1", "2", "3")
	s.settle(items[0], outbox.Done, func(o *outbox.Outcome) { o.Result = []byte(`{"n":1}`) })
	s.settle(items[1], outbox.Retry, after(time.Minute), func(o *outbox.Outcome) { o.Failures, o.What, o.Reason = 1, "lapsed", "no reply" })
	s.settle(items[2], outbox.Dead, func(o *outbox.Outcome) { o.Failures, o.What, o.Reason = 1, "failed", "no such order" })
	s.act("3", outbox.Redrive)
	s.add("4")
	s.act("4", outbox.Hold)
	s.act("4", outbox.Release)
	s.now = s.now.Add(time.Hour)
	s.act("4", outbox.Dropped)
	again := s.take(10, "2", "3")
	s.settle(again[1], outbox.Retry, func(o *outbox.Outcome) { o.Unsent, o.What, o.Reason = true, "transform", "the plugin is away" })
	s.settle(again[0], outbox.Done)
	s.settle(s.takeFrom("b", 10, "2")[0], outbox.Done)
}

// told are the facts of life, in short.
var told = [...]string{"1", "2", "3", "done on a", "retry on a", "dead on a", "redrive on a", "4", "hold on a", "release on a", "dropped on a",
	"retry on a", "done on a", "done on b"}

func toldInOrder(s *story) {
	if p := s.following().Position(); p != (outbox.Position{}) {
		s.Errorf("an empty store is at %+v", p)
	}
	s.life()
	s.wantFacts(outbox.Position{}, told[:]...)
	s.wantFacts(outbox.Position{}, told[:]...) // to who begins anew
}

func toldEntry(s *story) {
	e := s.entry("1", outbox.Target{Channel: "a", Order: "k", Park: true, Transforms: []string{"mask"}}, outbox.Target{Channel: "b"})
	e.Expires = s.now.Add(time.Hour)
	e.Principal.Issuer, e.Proof.Event = "i", "jws"
	e.Facts = outbox.Facts{Request: "r", Ingress: "web", Addr: "10.0.0.1", Key: "k1", Routes: []string{"x", "y"}}
	seq := s.put(e)
	if f := s.wantFacts(outbox.Position{}, "1")[0]; f.Seq != seq || !sameEntry(f.Entry, e) {
		s.Errorf("told is %+v, %+v", f, f.Entry)
	}
}

func toldOutcomes(s *story) {
	s.life()
	var got []outbox.Outcome
	seqs := make(map[string]uint64)
	for _, f := range s.facts(outbox.Position{}) {
		if f.Entry != nil {
			seqs[f.Entry.Event.ID] = f.Seq
		} else {
			got = append(got, *f.Outcome)
		}
	}
	begin, end := start, start.Add(time.Hour)
	want := []outbox.Outcome{
		{Seq: seqs["1"], Channel: "a", Attempt: 1, At: begin, Result: []byte(`{"n":1}`)},
		{Seq: seqs["2"], Channel: "a", Action: outbox.Retry, Attempt: 1, Failures: 1, At: begin, Due: begin.Add(time.Minute), What: "lapsed", Reason: "no reply"},
		{Seq: seqs["3"], Channel: "a", Action: outbox.Dead, Attempt: 1, Failures: 1, At: begin, What: "failed", Reason: "no such order"},
		{Seq: seqs["3"], Channel: "a", Action: outbox.Redrive, At: begin},
		{Seq: seqs["4"], Channel: "a", Action: outbox.Hold, At: begin},
		{Seq: seqs["4"], Channel: "a", Action: outbox.Release, At: begin},
		{Seq: seqs["4"], Channel: "a", Action: outbox.Dropped, At: end},
		{Seq: seqs["3"], Channel: "a", Action: outbox.Retry, Attempt: 2, Unsent: true, At: end, What: "transform", Reason: "the plugin is away"},
		{Seq: seqs["2"], Channel: "a", Attempt: 2, Failures: 1, At: end},
		{Seq: seqs["2"], Channel: "b", Attempt: 1, At: end},
	}
	for i := range got {
		if i >= len(want) || !sameOutcome(&got[i], &want[i]) {
			s.Fatalf("outcome %d is %+v", i, got[i])
		}
	}
	if len(got) != len(want) {
		s.Fatalf("%d outcomes are told", len(got))
	}
}

func toldNothing(s *story) {
	s.add("1")
	s.put(s.entry("identity"))
	if got := s.append(s.entry("1", outbox.Target{Channel: "a"})); got.Verdict != outbox.Duplicate {
		s.Fatalf("again: %+v", got)
	}
	other := s.entry("1", outbox.Target{Channel: "a"})
	other.Digest[0] ^= 1
	if got := s.append(other); got.Verdict != outbox.Conflict {
		s.Fatalf("another: %+v", got)
	}
	s.settle(s.take(10, "1")[0], outbox.Retry, func(o *outbox.Outcome) { o.Unsent = true })
	i := s.take(10, "1")
	s.store.Shelve("a", "p", i)
	s.store.Unshelve("a", "p")
	first := s.take(10, "1")[0]
	s.settle(first, outbox.Retry, after(0))
	second := s.take(10, "1")[0]
	s.settle(first, outbox.Retry) // late
	s.act("1", outbox.Release)    // it is not held
	s.act("1", outbox.Redrive)    // nor dead
	s.settle(second, outbox.Done)
	s.settle(second, outbox.Done)
	s.settle(second, outbox.Dropped)
	s.settle(outbox.Item{Seq: 1 << 40, Target: outbox.Target{Channel: "a"}}, outbox.Done)
	s.wantFacts(outbox.Position{}, "1", "retry on a", "done on a")
}

func toldFromAnywhere(s *story) {
	s.life()
	all := s.facts(outbox.Position{})
	for i := range all {
		s.wantSame(s.facts(all[i].Position), all[i+1:])
	}
}

// follower follows a story's store in the background.
type follower struct {
	cancel context.CancelFunc
	got    chan outbox.Fact
	ended  chan error
}

// follow begins; more facts than room hold the follower up.
func (s *story) follow(after outbox.Position, room int) *follower {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{cancel: cancel, got: make(chan outbox.Fact, room), ended: make(chan error, 1)}
	store := s.following()
	go func() {
		f.ended <- store.Follow(ctx, after, func(batch []outbox.Fact) error {
			for _, x := range batch {
				f.got <- x
			}
			return nil
		})
	}()
	return f
}

func (f *follower) want(s *story, want string) {
	s.Helper()
	select {
	case x := <-f.got:
		if got := brief(&x); got != want {
			s.Fatalf("%q is told, want %q", got, want)
		}
	case <-time.After(patience):
		s.Fatalf("%q is not told", want)
	}
}

func (f *follower) end(s *story) error {
	s.Helper()
	f.cancel()
	select {
	case err := <-f.ended:
		return err
	case <-time.After(patience):
		s.Fatal("it does not end")
		return nil
	}
}

func toldAsTheyCome(s *story) {
	f := s.follow(outbox.Position{}, 1)
	for _, id := range []string{"1", "2", "3"} {
		s.add(id)
		f.want(s, id)
		s.settle(s.take(10, id)[0], outbox.Done)
		f.want(s, "done on a")
	}
	if err := f.end(s); err != nil {
		s.Errorf("it ended: %v", err)
	}
	if len(f.got) > 0 {
		s.Errorf("%d more are told", len(f.got))
	}
}

func toldUntilTheEnd(s *story) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.add("1")
	if err := s.following().Follow(ctx, outbox.Position{}, func([]outbox.Fact) error {
		s.Error("it was told after the end")
		return nil
	}); err != nil {
		s.Errorf("before it began: %v", err)
	}
	f := s.follow(s.following().Position(), 1) // there is nothing to be told
	if err := f.end(s); err != nil {
		s.Errorf("while it waits: %v", err)
	}
}

func toldAgain(s *story) {
	s.life()
	var first []outbox.Fact
	stop := errors.New("the follower's own")
	err := s.following().Follow(context.Background(), outbox.Position{}, func(batch []outbox.Fact) error {
		first = append(first, batch...)
		return stop
	})
	if err != stop {
		s.Fatalf("it ended: %v", err)
	}
	s.add("5")
	s.wantFacts(first[1].Position, append(told[2:len(told):len(told)], "5")...)
	s.wantFacts(outbox.Position{}, append(told[:len(told):len(told)], "5")...)
}

// slowEvents is more than an engine keeps for a follower in memory alone, but
// for one that has nothing else.
const slowEvents = 25_000

func toldSlowly(s *story) {
	s.use(Limits{MaxIDs: 1 << 20, Capacity: 1 << 30, MaxPending: map[string]int64{"a": 1 << 30}})
	f := s.follow(outbox.Position{}, 0)
	for from := 0; from < slowEvents; from += 1000 {
		var list []*outbox.Entry
		for i := range 1000 {
			list = append(list, s.entry(number(from+i), outbox.Target{Channel: "a"}))
		}
		for _, got := range s.store.Append(context.Background(), list...) {
			if got.Err != nil {
				s.Fatal(got.Err)
			}
		}
		items, _, err := s.store.Ready("a", s.now, 1000)
		if err != nil || len(items) != 1000 {
			s.Fatalf("%d are ready: %v", len(items), err)
		}
		var done []outbox.Outcome
		for _, i := range items {
			done = append(done, outbox.Outcome{Seq: i.Seq, Channel: "a", Attempt: 1, At: s.now})
		}
		if err := s.store.Settle(context.Background(), done); err != nil {
			s.Fatal(err)
		}
		if from == 0 {
			f.want(s, number(0)) // it has begun; now it hangs behind
		}
	}
	all := []outbox.Fact{}
	for len(all) < 2*slowEvents-1 {
		select {
		case x := <-f.got:
			all = append(all, x)
		case <-time.After(patience):
			s.Fatalf("%d facts are told", len(all))
		}
	}
	s.wantRising(outbox.Position{Event: all[0].Event - 1}, all)
	if err := f.end(s); err != nil {
		s.Error(err)
	}
	s.wantSame(s.facts(all[0].Position), all[1:])
}

func number(i int) string {
	return string(rune('a'+i/26/26/26%26)) + string(rune('a'+i/26/26%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26))
}

func followed(s *story) {
	f := s.following()
	f.Followed(outbox.Position{})
	s.life()
	all := s.facts(outbox.Position{})
	for i := range all {
		f.Followed(all[i].Position)
		f.Followed(all[i/2].Position) // nothing goes back
		s.wantSame(s.facts(all[i].Position), all[i+1:])
	}
	s.add("5")
	s.wantFacts(all[len(all)-1].Position, "5")
}

func toldBeyond(s *story) {
	s.life()
	newest := s.following().Position()
	for _, p := range []outbox.Position{{Event: newest.Event + 1}, {State: newest.State + 1}} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := s.following().Follow(ctx, p, func([]outbox.Fact) error { return nil })
		cancel()
		if !errors.Is(err, outbox.ErrBeyond) {
			s.Errorf("from %+v of %+v: %v", p, newest, err)
		}
	}
}

func toldClosed(s *story) {
	f := s.follow(outbox.Position{}, len(told))
	s.life()
	for _, want := range told {
		f.want(s, want)
	}
	if err := s.store.Close(); err != nil {
		s.Fatal(err)
	}
	select {
	case err := <-f.ended:
		if !errors.Is(err, outbox.ErrClosed) {
			s.Errorf("it ended: %v", err)
		}
	case <-time.After(patience):
		s.Error("it goes on")
	}
	s.use(Limits{})
}

// toldMany has several append and settle while a follower listens.
func toldMany(s *story) {
	const callers, each = 8, 200
	s.use(Limits{MaxIDs: 2 * callers * each})
	f := s.follow(outbox.Position{}, 2*callers*each)
	entries := make([]*outbox.Entry, callers*each)
	for i := range entries {
		entries[i] = s.entry(number(i), outbox.Target{Channel: "a"})
	}
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			for _, e := range entries[n*each : (n+1)*each] {
				if got := s.store.Append(context.Background(), e); got[0].Err != nil {
					s.Error(got[0].Err)
				}
			}
		})
	}
	settled := make(chan []outbox.Outcome, 4)
	for range cap(settled) {
		all.Go(func() {
			for batch := range settled {
				if err := s.store.Settle(context.Background(), batch); err != nil {
					s.Error(err)
				}
			}
		})
	}
	wake := s.store.Wake("a")
	for n := 0; n < callers*each && !s.Failed(); {
		items, _, err := s.store.Ready("a", s.now, 7)
		if err != nil {
			s.Fatal(err)
		}
		if len(items) == 0 {
			<-wake
			continue
		}
		n += len(items)
		var done []outbox.Outcome
		for _, i := range items {
			done = append(done, outbox.Outcome{Seq: i.Seq, Channel: "a", Attempt: i.Attempt, At: s.now})
		}
		settled <- done
	}
	close(settled)
	all.Wait()
	var got []outbox.Fact
	events, ends := make(map[uint64]bool), make(map[uint64]bool)
	for range 2 * callers * each {
		select {
		case x := <-f.got:
			got = append(got, x)
			if x.Entry != nil {
				events[x.Seq] = true
			} else {
				ends[x.Seq] = events[x.Seq]
			}
		case <-time.After(patience):
			s.Fatalf("%d facts are told", len(got))
		}
	}
	s.wantRising(outbox.Position{}, got)
	if err := f.end(s); err != nil || len(events) != callers*each || len(ends) != callers*each {
		s.Errorf("%d events are told, %d ends: %v", len(events), len(ends), err)
	}
	for seq, afterIt := range ends {
		if !afterIt {
			s.Errorf("the end of %d is told before its acceptance", seq)
		}
	}
}
