package outboxtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// RunDurable checks what an engine keeps when it is closed and opened again.
// open opens the store in dir, which is empty the first time; the suite closes it.
func RunDurable(t *testing.T, open func(t *testing.T, l Limits, dir string) outbox.Engine) {
	for _, c := range []struct {
		name string
		run  func(s *durable)
	}{
		{"what is pending survives in its order", pendingSurvives},
		{"an acceptance is durable", appendIsDurable},
		{"lanes survive", lanesSurvive},
		{"what is known of tries survives", triesSurvive},
		{"what was out comes again as another attempt, without a failure", outComesAgain},
		{"no attempt is given twice", attemptsGrow},
		{"what never went out comes as the first attempt", freshStaysFresh},
		{"ends survive as they were told", endsSurvive},
		{"ends are asked for until keep_status", endsAreForgotten},
		{"identities are known", identitiesSurvive},
		{"identities are forgotten after remember", identitiesAreForgotten},
		{"an identity outlives remember while its event is pending", pendingIdentitySurvives},
		{"identities are bounded as before", idsBoundSurvives},
		{"dead letters are redriven", deadSurvive},
		{"what was redriven stays so", redrivenSurvives},
		{"a parked lane stays parked", parkedSurvives},
		{"what is held stays held", heldSurvives},
		{"a held head keeps its lane closed", heldHeadSurvives},
		{"what was shelved is ready again", shelvedIsReady},
		{"what became of it on a shelf survives", shelvedSurvives},
		{"a lease is resumed once, as it was", leaseResumed},
		{"what is resumed may be tried again", resumedRetry},
		{"what is resumed keeps its lane closed", resumedLane},
		{"a lease outlives more than one opening", leaseTwice},
		{"a lease that is not resumed is not lost", leaseUnresumed},
		{"what is resumed and not settled is not lost", resumedUnsettled},
		{"a lease of what ended is nothing", leaseOfEnded},
		{"counts are the same", countsSurvive},
		{"a full channel stays full", fullChannelSurvives},
		{"a full store stays full", fullStoreSurvives},
		{"sequences grow", sequencesGrow},
		{"channels settle apart", channelsSurviveApart},
		{"a channel that is gone keeps what it holds", goneChannelKeeps},
		{"lists are the same", listsSurvive},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &durable{story: &story{T: t}, openIn: open}
			d.open = func(t *testing.T, l Limits) outbox.Engine {
				d.dir = t.TempDir()
				return open(t, l, d.dir)
			}
			tell(d.story, func(*story) { c.run(d) })
		})
	}
}

// durable is a story whose store is opened again.
type durable struct {
	*story
	openIn func(t *testing.T, l Limits, dir string) outbox.Engine
	dir    string
}

// reopen closes the store and opens it again, with changed limits if any.
func (s *durable) reopen(change ...func(*Limits)) {
	s.Helper()
	if err := s.store.Close(); err != nil {
		s.Fatal(err)
	}
	for _, c := range change {
		c(&s.limits)
	}
	s.store = s.openIn(s.T, s.limits, s.dir)
}

// resume wants exactly these ids from channel a, in any order.
func (s *durable) resume(want ...string) []outbox.Item {
	s.Helper()
	items, err := s.store.Resume("a")
	if err != nil {
		s.Fatal(err)
	}
	var ids []string
	for _, i := range items {
		ids = append(ids, i.Entry.Event.ID)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, want) {
		s.Fatalf("resumed %v, want %v", ids, want)
	}
	return items
}

// wantAttempt checks a hand-over's ordinal, which may be one more where the
// engine cannot tell whether another was sent before.
func (s *durable) wantAttempt(i outbox.Item, want int) {
	s.Helper()
	if i.Attempt != want && i.Attempt != want+1 {
		s.Errorf("attempt is %d, want %d, or one more", i.Attempt, want)
	}
}

func pendingSurvives(s *durable) {
	e := s.entry("1", outbox.Target{Channel: "a", Order: "k", Transforms: []string{"mask"}})
	e.Principal.Issuer = "https://issuer"
	e.Proof.Event = "dsse"
	e.Expires = s.now.Add(time.Hour)
	seq := s.put(e)
	s.add("2")
	s.add("3")
	s.reopen()
	items := s.take(2, "1", "2")
	got := items[0]
	if got.Seq != seq || got.Failures != 0 || !got.Since.Equal(e.Accepted) || !got.Until.IsZero() {
		s.Errorf("item is %+v", got)
	}
	if got.Target.Channel != "a" || got.Target.Order != "k" || !slices.Equal(got.Target.Transforms, []string{"mask"}) {
		s.Errorf("target is %+v", got.Target)
	}
	if g := got.Entry; string(g.Event.Raw) != string(e.Event.Raw) || g.Event.Type != "t.1" || g.Event.Source != "/suite" || g.Digest != e.Digest ||
		g.Principal != e.Principal || g.Proof != e.Proof || !g.Accepted.Equal(e.Accepted) || !g.Expires.Equal(e.Expires) {
		s.Errorf("entry is %+v, want %+v", g, e)
	}
	s.take(10, "3")
	if st := s.status("1"); st.Principal != e.Principal || st.Type != "t.1" || !st.Accepted.Equal(e.Accepted) {
		s.Errorf("status is %+v", st)
	}
}

func appendIsDurable(s *durable) {
	if got := s.append(s.entry("1", outbox.Target{Channel: "a"})); !got.Durable {
		s.Errorf("got %+v", got)
	}
	if !s.store.Stats().Durable {
		s.Error("the store does not say so")
	}
}

func lanesSurvive(s *durable) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.ordered("3", "k", false)
	s.ordered("4", "other", false)
	s.reopen()
	items := s.take(10, "1", "4")
	s.settle(items[0], outbox.Done)
	s.settle(items[1], outbox.Done)
	s.reopen()
	s.settle(s.take(10, "2")[0], outbox.Retry, after(time.Minute))
	s.reopen()
	s.take(10) // its head waits
	s.now = s.now.Add(time.Minute)
	s.settle(s.take(10, "2")[0], outbox.Done)
	s.take(10, "3")
}

func triesSurvive(s *durable) {
	s.add("1")
	i := s.take(1, "1")[0]
	s.now = s.now.Add(time.Second)
	at, due := s.now, s.now.Add(time.Minute)
	s.settle(i, outbox.Retry, after(time.Minute), func(o *outbox.Outcome) { o.Failures, o.What, o.Reason = 3, "lapsed", "no reply" })
	s.reopen()
	s.take(10)
	c := s.status("1").Channels[0]
	if c.State != outbox.StatePending || c.Failures != 3 || c.Reason != "no reply" || !c.Due.Equal(due) || !c.At.Equal(at) || c.Out {
		s.Errorf("status is %+v", c)
	}
	if want := (outbox.Try{Attempt: 1, At: at, What: "lapsed", Reason: "no reply"}); len(c.History) != 1 || !c.History[0].At.Equal(at) ||
		c.History[0].Attempt != want.Attempt || c.History[0].What != want.What || c.History[0].Reason != want.Reason {
		s.Errorf("history is %+v, want %+v", c.History, want)
	}
	if _, next, _ := s.store.Ready("a", s.now, 10); !next.Equal(due) {
		s.Errorf("next is %v, want %v", next, due)
	}
	s.now = due
	again := s.take(10, "1")[0]
	s.wantAttempt(again, 2)
	if again.Failures != 3 {
		s.Errorf("item is %+v", again)
	}
}

func outComesAgain(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Retry, func(o *outbox.Outcome) { o.Failures = 2 })
	s.wantAttempt(s.take(1, "1")[0], 2)
	s.reopen()
	again := s.take(1, "1")[0]
	s.wantAttempt(again, 3)
	if again.Failures != 2 {
		s.Errorf("item is %+v", again)
	}
	if c := s.status("1").Channels[0]; c.Failures != 2 || !c.Out {
		s.Errorf("status is %+v", c)
	}
	s.settle(again, outbox.Done)
	s.wantState("1", outbox.StateDone)
}

func attemptsGrow(s *durable) {
	s.add("1")
	last := 0
	for range 4 {
		i := s.take(1, "1")[0]
		if i.Attempt <= last {
			s.Fatalf("attempt %d after %d", i.Attempt, last)
		}
		last = i.Attempt
		s.reopen()
	}
	// Whoever has an older one may still end it.
	s.settle(outbox.Item{Seq: s.status("1").Seq, Target: outbox.Target{Channel: "a"}, Attempt: 1}, outbox.Done)
	s.wantState("1", outbox.StateDone)
}

func freshStaysFresh(s *durable) {
	s.put(s.entry("1", outbox.Target{Channel: "b"}))
	s.add("2")
	s.take(1, "2")
	s.reopen()
	if i := s.takeFrom("b", 1, "1")[0]; i.Attempt != 1 || i.Failures != 0 {
		s.Errorf("item is %+v", i)
	}
}

func endsSurvive(s *durable) {
	for _, id := range []string{"done", "dead", "dropped"} {
		s.add(id)
	}
	items := s.take(10, "done", "dead", "dropped")
	s.now = s.now.Add(time.Second)
	at := s.now
	s.settle(items[0], outbox.Done, func(o *outbox.Outcome) { o.Reason, o.Result = "as told", []byte(`{"n":1}`) })
	s.settle(items[1], outbox.Dead, func(o *outbox.Outcome) { o.Failures, o.What, o.Reason = 10, "failed", "no such customer" })
	s.settle(items[2], outbox.Dropped, operator, func(o *outbox.Outcome) { o.What, o.Reason = "cancelled", "by mistake" })
	for range 2 { // once from what was written, once from what was read
		s.reopen()
		s.take(10)
		for id, want := range map[string]outbox.ChannelStatus{
			"done":    {State: outbox.StateDone, Reason: "as told", Result: []byte(`{"n":1}`)},
			"dead":    {State: outbox.StateFailed, Failures: 10, Reason: "no such customer", History: []outbox.Try{{What: "failed", Reason: "no such customer", Attempt: 1}}},
			"dropped": {State: outbox.StateDropped, Reason: "by mistake", History: []outbox.Try{{What: "cancelled", Reason: "by mistake"}}},
		} {
			c := s.status(id).Channels[0]
			if c.State != want.State || c.Failures != want.Failures || c.Reason != want.Reason || string(c.Result) != string(want.Result) || !c.At.Equal(at) {
				s.Errorf("%s is %+v, want %+v at %v", id, c, want, at)
			}
			for i := range c.History {
				c.History[i].At = time.Time{}
			}
			if !slices.Equal(c.History, want.History) {
				s.Errorf("%s: history is %+v, want %+v", id, c.History, want.History)
			}
		}
	}
	if st := s.status("dead"); st.Entry == nil || string(st.Entry.Event.Raw) == "" {
		s.Error("a dead letter lost its event")
	}
}

func endsAreForgotten(s *durable) {
	s.add("1")
	s.add("dead")
	items := s.take(10, "1", "dead")
	s.settle(items[0], outbox.Done)
	s.settle(items[1], outbox.Dead)
	s.now = s.now.Add(9 * time.Minute)
	s.reopen()
	s.add("2")
	s.wantState("1", outbox.StateDone)
	s.now = s.now.Add(2 * time.Minute)
	s.reopen()
	s.add("3")
	s.wantGone("1")
	s.wantState("dead", outbox.StateFailed) // kept until somebody decides
}

// wantVerdict appends an event of channel a whose identity is known.
func (s *durable) wantVerdict(e *outbox.Entry, want outbox.Verdict) outbox.Appended {
	s.Helper()
	got := s.append(e)
	if got.Err != nil || got.Verdict != want {
		s.Fatalf("append %s: %+v, want verdict %d", e.Event.ID, got, want)
	}
	return got
}

func identitiesSurvive(s *durable) {
	pending := s.add("pending")
	s.add("done")
	s.settle(s.take(2, "pending", "done")[1], outbox.Done)
	for range 2 {
		s.reopen()
		a := outbox.Target{Channel: "a"}
		if got := s.wantVerdict(s.entry("pending", a), outbox.Duplicate); got.Seq != pending {
			s.Errorf("sequence is %d, want %d", got.Seq, pending)
		}
		s.wantVerdict(s.entry("done", a), outbox.Duplicate)
		for _, id := range []string{"pending", "done"} {
			other := s.entry(id, a)
			other.Digest[0] ^= 1
			s.wantVerdict(other, outbox.Conflict)
		}
	}
	s.take(10, "pending")
}

func identitiesAreForgotten(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Done)
	s.now = s.now.Add(59 * time.Minute)
	s.reopen()
	s.wantVerdict(s.entry("1", outbox.Target{Channel: "a"}), outbox.Duplicate)
	s.now = s.now.Add(2 * time.Minute)
	s.reopen()
	s.put(s.entry("1", outbox.Target{Channel: "a"}))
	s.take(10, "1")
}

func pendingIdentitySurvives(s *durable) {
	s.add("1")
	for range 3 {
		s.now = s.now.Add(3 * time.Hour)
		s.reopen()
		s.wantVerdict(s.entry("1", outbox.Target{Channel: "a"}), outbox.Duplicate)
		s.add(s.now.Format("15")) // time passes by what is accepted
	}
	s.wantState("1", outbox.StatePending)
}

func idsBoundSurvives(s *durable) {
	s.use(Limits{MaxIDs: 3})
	if n, err := s.fill("a"); n != 3 || !errors.Is(err, outbox.ErrIDsFull) {
		s.Fatalf("%d entries, then %v", n, err)
	}
	s.reopen()
	if got := s.append(s.entry("more", outbox.Target{Channel: "a"})); !errors.Is(got.Err, outbox.ErrIDsFull) {
		s.Errorf("got %+v", got)
	}
	s.wantVerdict(s.entry("fill0", outbox.Target{Channel: "a"}), outbox.Duplicate)
}

func deadSurvive(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Dead, func(o *outbox.Outcome) { o.Failures = 10 })
	s.reopen()
	if st := s.store.Stats().Channels["a"]; st.Dead != 1 || st.Pending != 0 || st.Bytes == 0 {
		s.Errorf("stats are %+v", st)
	}
	s.act("1", outbox.Redrive)
	i := s.take(1, "1")[0]
	s.wantAttempt(i, 2)
	if i.Failures != 0 || !i.Since.Equal(s.now) {
		s.Errorf("item is %+v", i)
	}
	s.settle(i, outbox.Dead)
	s.reopen()
	s.act("1", outbox.Dropped)
	s.reopen()
	s.wantState("1", outbox.StateDropped)
	if st := s.store.Stats(); st.Bytes != 0 || st.Channels["a"].Dead != 0 {
		s.Errorf("stats are %+v", st)
	}
}

func redrivenSurvives(s *durable) {
	s.add("1")
	s.settle(s.take(1, "1")[0], outbox.Dead, func(o *outbox.Outcome) { o.Failures = 10 })
	s.now = s.now.Add(time.Minute)
	s.act("1", outbox.Redrive)
	redriven := s.now
	s.now = s.now.Add(time.Minute)
	s.reopen()
	i := s.take(1, "1")[0]
	s.wantAttempt(i, 2)
	if i.Failures != 0 || !i.Since.Equal(redriven) {
		s.Errorf("item is %+v, its age counts from %v", i, redriven)
	}
}

func parkedSurvives(s *durable) {
	s.ordered("1", "k", true)
	s.ordered("2", "k", true)
	s.ordered("3", "open", false)
	s.ordered("4", "open", false)
	items := s.take(10, "1", "3")
	s.settle(items[0], outbox.Dead)
	s.settle(items[1], outbox.Dead)
	s.reopen()
	s.settle(s.take(10, "4")[0], outbox.Done)
	s.act("1", outbox.Redrive)
	s.reopen()
	s.settle(s.take(10, "1")[0], outbox.Dead)
	s.reopen()
	s.take(10)
	s.act("1", outbox.Dropped)
	s.take(10, "2")
}

func heldSurvives(s *durable) {
	s.add("fresh")
	s.add("due")
	s.add("out")
	items := s.take(10, "fresh", "due", "out")
	s.settle(items[0], outbox.Retry, func(o *outbox.Outcome) { o.Unsent = true })
	s.settle(items[1], outbox.Retry, after(time.Minute))
	for _, id := range []string{"fresh", "due", "out"} {
		s.act(id, outbox.Hold)
	}
	s.reopen()
	s.now = s.now.Add(time.Hour)
	s.take(10)
	s.wantHeld("fresh", true, 3)
	s.act("fresh", outbox.Release)
	s.reopen()
	s.wantHeld("fresh", false, 2)
	s.take(10, "fresh")
	s.act("due", outbox.Release)
	s.take(10, "due")
	s.act("out", outbox.Release)
	s.wantAttempt(s.take(10, "out")[0], 2)
}

func heldHeadSurvives(s *durable) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.act("1", outbox.Hold)
	s.reopen()
	s.take(10)
	s.act("1", outbox.Release)
	s.settle(s.take(10, "1")[0], outbox.Done)
	s.take(10, "2")
}

func shelvedIsReady(s *durable) {
	s.ordered("1", "k", false)
	s.ordered("2", "k", false)
	s.add("3")
	s.shelve("p", s.take(10, "1", "3")...)
	s.wantShelved(2)
	s.reopen()
	s.store.Unshelve("a", "p") // is not known any more
	items := s.take(10, "1", "3")
	s.wantShelved(0)
	s.wantAttempt(items[0], 1)
	s.wantAttempt(items[1], 1)
	s.settle(items[0], outbox.Done)
	s.take(10, "2")
}

func shelvedSurvives(s *durable) {
	for _, id := range []string{"held", "cancelled", "dead", "1"} {
		s.add(id)
	}
	items := s.take(10, "held", "cancelled", "dead", "1")
	s.settle(items[2], outbox.Retry)
	late := items[2]
	items[2] = s.take(1, "dead")[0]
	s.shelve("p", items...)
	s.act("held", outbox.Hold)
	s.act("cancelled", outbox.Dropped)
	s.settle(late, outbox.Dead)
	s.reopen()
	s.take(10, "1")
	s.wantHeld("held", true, 1)
	s.wantState("cancelled", outbox.StateDropped)
	s.wantState("dead", outbox.StateFailed)
	s.act("held", outbox.Release)
	s.act("dead", outbox.Redrive)
	s.take(10, "held", "dead")
}

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
