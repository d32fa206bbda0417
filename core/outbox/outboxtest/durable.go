package outboxtest

import (
	"slices"
	"testing"

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
		{"the oldest is the same", oldestSurvives},
	} {
		t.Run(c.name, func(t *testing.T) { tellDurable(t, open, c.run) })
	}
}

// tellDurable is tell for a store in a directory.
func tellDurable(t *testing.T, open func(t *testing.T, l Limits, dir string) outbox.Engine, run func(s *durable)) {
	d := &durable{story: &story{T: t}, openIn: open}
	d.open = func(t *testing.T, l Limits) outbox.Engine {
		d.dir = t.TempDir()
		return open(t, l, d.dir)
	}
	tell(d.story, func(*story) { run(d) })
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
