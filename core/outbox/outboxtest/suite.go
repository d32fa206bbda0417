// Package outboxtest is the suite that every outbox engine passes. An engine's
// own test calls [Run] with a function that opens a fresh store, and that of a
// durable engine [RunDurable] with one that opens the store in a directory.
package outboxtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

// Limits are what an opened store must be bounded to.
type Limits struct {
	Remember   time.Duration
	KeepStatus time.Duration
	MaxIDs     int
	Capacity   int64            // bytes in all
	MaxPending map[string]int64 // bytes per channel; names the channels
}

// EntrySize bounds what one entry of the suite may cost an engine, in bytes.
const EntrySize = 2048

// Start is the suite's first moment.
var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// Run checks an engine. open returns an empty store; the suite closes it.
func Run(t *testing.T, open func(t *testing.T, l Limits) outbox.Engine) {
	for _, c := range []struct {
		name string
		run  func(s *story)
	}{
		{"append hands out in order", inOrder},
		{"a duplicate is stored once", duplicate},
		{"another event under the same key is a conflict", conflict},
		{"identities are remembered after the end and forgotten after remember", remember},
		{"an identity outlives remember while its event is pending", rememberPending},
		{"an entry without targets is an identity only", identityOnly},
		{"what is out stays out until it is settled", staysOut},
		{"a retry comes back when it is due", retryDue},
		{"fresh and due are served in turn", inTurn},
		{"fresh and due are served in turn, one at a time too", inTurnOneByOne},
		{"unsent hand-overs do not count", unsent},
		{"final is final", finalIsFinal},
		{"an older attempt ends an entry, and only ends it", olderAttempt},
		{"done while waiting takes it out of line", doneWhileWaiting},
		{"channels settle apart", channelsApart},
		{"a lane gives one at a time", laneOneAtATime},
		{"a lane keeps its order through retries", laneOrder},
		{"a dead letter that came back to its lane comes once", deadInLineRedriven},
		{"a dead letter lets its lane go on", deadContinues},
		{"a dead letter parks its lane", deadParks},
		{"dead letters are redriven and dropped", redriveAndDrop},
		{"history keeps the newest tries", history},
		{"what is told of events is bounded", toldBounded},
		{"a full channel refuses, the others do not", channelFull},
		{"a full store refuses until something ends", storeFull},
		{"identities are bounded", idsFull},
		{"await returns at the end", await},
		{"await gives up with its context", awaitGivesUp},
		{"status goes after keep_status", keepStatus},
		{"list filters and pages", list},
		{"a token's key is no registered key", listByKey},
		{"wake tells of everything that may be ready", wake},
		{"a closed store says so", closed},
		{"entries of one append stand each for itself, in order", appendMany},
		{"one entry that is refused refuses no other", appendSomeRefused},
		{"an append of nothing is nothing", appendNone},
		{"the oldest is the first that is pending and not held", oldest},
		{"what is held is not handed out until it is released", holdFresh},
		{"what waits for a retry is held, and its time stays", holdDue},
		{"what is out goes on, and is held when it comes back", holdOut},
		{"what is out and released goes on as if nothing was", holdAndReleaseOut},
		{"a held head keeps its lane closed", holdHead},
		{"what is held behind its head is held when its turn comes", holdBehind},
		{"an end takes what is held out of its lane", holdCancelled},
		{"a dead letter is not held, and comes back without", holdDead},
		{"much is held and released over and over", holdOver},
		{"a lease keeps out what is out", lease},
		{"what is shelved comes back when its shelf is named", shelved},
		{"what is shelved goes before what never went", shelvedFirst},
		{"what is shelved and what is due are served in turn", shelvedInTurn},
		{"a hand-over that is shelved does not count", shelvedUncounted},
		{"a shelved head keeps its lane closed", shelvedHead},
		{"shelves are named one by one, on each channel", shelvesApart},
		{"what is put on a shelf that was named waits for the next time", shelvedAgain},
		{"only what is out is shelved", shelvedOut},
		{"nothing comes back from a shelf that is not known", shelfUnknown},
		{"an end takes what is shelved off its shelf", shelvedEnds},
		{"a dead letter that is redriven on its shelf lies there", shelvedDead},
		{"a dead letter on a shelf parks its lane", shelvedParks},
		{"what is shelved is held until it is released", shelvedHeld},
		{"what is held when it is shelved is released in its time", heldShelved},
		{"much is shelved over and over", shelvedOver},
	} {
		t.Run(c.name, func(t *testing.T) { tell(&story{T: t, open: open}, c.run) })
	}
}

// tell runs one story from its first moment to the store's end.
func tell(s *story, run func(s *story)) {
	s.now = start
	s.use(Limits{})
	run(s)
	if err := s.store.Verify(context.Background()); err != nil {
		s.Errorf("verify: %v", err)
	}
	if err := s.store.Close(); err != nil {
		s.Errorf("close: %v", err)
	}
}

// story is one store with a clock and short words.
type story struct {
	*testing.T
	open   func(t *testing.T, l Limits) outbox.Engine
	store  outbox.Engine
	limits Limits // of the store
	now    time.Time
}

// use replaces the store by one with these limits; zero ones are wide.
func (s *story) use(l Limits) {
	s.Helper()
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.Fatal(err)
		}
	}
	if l.Remember == 0 {
		l.Remember = time.Hour
	}
	if l.KeepStatus == 0 {
		l.KeepStatus = 10 * time.Minute
	}
	if l.MaxIDs == 0 {
		l.MaxIDs = 1000
	}
	if l.Capacity == 0 {
		l.Capacity = 64 << 20
	}
	if l.MaxPending == nil {
		l.MaxPending = map[string]int64{"a": 64 << 20, "b": 64 << 20}
	}
	s.limits = l
	s.store = s.open(s.T, l)
}

func key(id string) outbox.Key { return outbox.Key{Source: "/suite", ID: id} }

func (s *story) entry(id string, targets ...outbox.Target) *outbox.Entry {
	s.Helper()
	e, err := sdk.ParseEvent([]byte(fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/suite","type":"t.%s","data":1}`, id, id)))
	if err != nil {
		s.Fatal(err)
	}
	return &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: s.now, Targets: targets,
		Principal: sdk.Principal{Provider: "p", Subject: "s"}, Proof: sdk.Proof{Transport: "hmac"}, Facts: outbox.Facts{Key: "k"}}
}

// add appends an entry for channel a and wants it stored.
func (s *story) add(id string) uint64 {
	s.Helper()
	return s.put(s.entry(id, outbox.Target{Channel: "a"}))
}

func (s *story) ordered(id, order string, park bool) uint64 {
	s.Helper()
	return s.put(s.entry(id, outbox.Target{Channel: "a", Order: order, Park: park}))
}

func (s *story) put(e *outbox.Entry) uint64 {
	s.Helper()
	got := s.append(e)
	if got.Err != nil || got.Verdict != outbox.Stored {
		s.Fatalf("append %s: %+v", e.Event.ID, got)
	}
	return got.Seq
}

// append gives the outcome of one entry alone.
func (s *story) append(e *outbox.Entry) outbox.Appended {
	s.Helper()
	got := s.store.Append(context.Background(), e)
	if len(got) != 1 {
		s.Fatalf("append %s: %d outcomes", e.Event.ID, len(got))
	}
	return got[0]
}

// take wants exactly these ids from channel a.
func (s *story) take(most int, want ...string) []outbox.Item {
	s.Helper()
	return s.takeFrom("a", most, want...)
}

func (s *story) takeFrom(channel string, most int, want ...string) []outbox.Item {
	s.Helper()
	items, _, err := s.store.Ready(channel, s.now, most)
	if err != nil {
		s.Fatal(err)
	}
	var ids []string
	for _, i := range items {
		ids = append(ids, i.Entry.Event.ID)
	}
	if !slices.Equal(ids, want) {
		s.Fatalf("ready on %s: %v, want %v", channel, ids, want)
	}
	return items
}

func (s *story) settle(i outbox.Item, action outbox.Action, change ...func(*outbox.Outcome)) {
	s.Helper()
	o := outbox.Outcome{Seq: i.Seq, Channel: i.Target.Channel, Action: action, Attempt: i.Attempt, Failures: i.Failures, At: s.now}
	for _, c := range change {
		c(&o)
	}
	if err := s.store.Settle(context.Background(), []outbox.Outcome{o}); err != nil {
		s.Fatal(err)
	}
}

// act is an operator's deed on an event of channel a.
func (s *story) act(id string, action outbox.Action) {
	s.Helper()
	s.settle(outbox.Item{Seq: s.status(id).Seq, Target: outbox.Target{Channel: "a"}}, action, operator)
}

// wantHeld checks whether an event of channel a is held, and how many are.
func (s *story) wantHeld(id string, held bool, all int) {
	s.Helper()
	if c := s.status(id).Channels[0]; c.Held != held {
		s.Fatalf("%s held: %t, want %t", id, c.Held, held)
	}
	if n := s.store.Stats().Channels["a"].Held; n != all {
		s.Fatalf("%d are held, want %d", n, all)
	}
}

func after(d time.Duration) func(*outbox.Outcome) {
	return func(o *outbox.Outcome) { o.Due = o.At.Add(d) }
}

func operator(o *outbox.Outcome) { o.Attempt = 0 }

func (s *story) status(id string) outbox.Status {
	s.Helper()
	st, err := s.store.Lookup(context.Background(), key(id))
	if err != nil {
		s.Fatalf("lookup %s: %v", id, err)
	}
	return st
}

func (s *story) wantState(id string, want outbox.State) {
	s.Helper()
	st := s.status(id)
	if got := st.State(); got != want {
		s.Fatalf("%s is %s, want %s", id, got, want)
	}
}

func (s *story) wantGone(id string) {
	s.Helper()
	if _, err := s.store.Lookup(context.Background(), key(id)); !errors.Is(err, outbox.ErrNotFound) {
		s.Fatalf("lookup %s: %v, want not found", id, err)
	}
}
