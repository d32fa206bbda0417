package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/sdk"
)

// published notes what goes out by telemetry.
type published []string

func (p *published) Publish(e *outbox.Entry, transforms []string) {
	*p = append(*p, strings.Join(append([]string{e.Event.ID}, transforms...), " "))
}

// newTelling is a bench whose orders go to the channels commands and telemetry,
// and whose readings go to telemetry alone.
func newTelling(t *testing.T) (*bench, *published) {
	t.Helper()
	g := generation(t, 1, route.Rate{})
	var err error
	g.Table, err = route.New([]route.Rule{
		{Name: "orders", Types: []string{"order"}, Channels: []string{"commands", "telemetry"}},
		{Name: "all", Types: []string{"**"}, Channels: []string{"telemetry"}},
	}, []route.Channel{{Name: "commands", Command: true}, {Name: "telemetry"}}, route.Options{})
	if err != nil {
		t.Fatal(err)
	}
	told := new(published)
	g.Telemetry = map[string]intake.Publisher{"telemetry": told}
	return newBench(t, intake.Options{}, g), told
}

func (b *bench) batch(events ...[]byte) []intake.Result {
	b.t.Helper()
	s := b.submission(1, "batch", slices.Concat([]byte("["), bytes.Join(events, []byte(",")), []byte("]")))
	s.Batch = true
	r, err := b.Accept(context.Background(), s)
	if err != nil {
		b.t.Fatal(err)
	}
	return r.Results
}

// say is a result in one word.
func say(r intake.Result) string {
	if r.Problem != nil {
		return string(r.Problem.Code)
	}
	return string(r.Status)
}

// TestABatchIsOneAppend: what nothing refuses is stored in one call, and every
// event is answered for in its place.
func TestABatchIsOneAppend(t *testing.T) {
	b, told := newTelling(t)
	b.want(b.code(1, "known", ""), "")
	results := b.batch(event("one", ""), []byte(`{"id":"unread"}`), event("known", ""), event("known", `,"data":1`), event("two", ""),
		event("late", `,"expirytime":"soon"`), event("one", ""),
		[]byte(`{"specversion":"1.0","id":"reading","source":"`+source+`","type":"reading"}`))
	want := []string{"queued", "malformed", "duplicate", "conflict", "queued", "malformed", "duplicate", "queued"}
	for i, r := range results {
		if say(r) != want[i] {
			t.Errorf("event %d: %s, want %s", i, say(r), want[i])
		}
	}
	if len(b.store.appends) != 2 {
		t.Fatalf("%d appends, want one for the first event and one for the batch", len(b.store.appends))
	}
	var ids []string
	for _, e := range b.store.appends[1] {
		ids = append(ids, e.Event.ID)
	}
	if want := []string{"one", "known", "known", "two", "one", "reading"}; !slices.Equal(ids, want) {
		t.Errorf("appended are %v, want %v", ids, want)
	}
	if want := []string{"known", "one", "two", "reading"}; !slices.Equal(*told, want) {
		t.Errorf("telemetry has %v, want %v", *told, want)
	}
	if c := b.Counts(); c.Accepted != 4 || c.Duplicate != 2 || c.Refused != 3 {
		t.Errorf("counts are %+v", c)
	}
	if results[4].ID != "two" || results[4].Source != source || results[5].ID != "late" {
		t.Errorf("results are %+v", results)
	}
}

// TestABatchOfRefusedIsNoAppend: nothing is asked of the store for nothing.
func TestABatchOfRefusedIsNoAppend(t *testing.T) {
	b, _ := newTelling(t)
	if r := b.batch([]byte(`{}`)); say(r[0]) != "malformed" || len(b.store.appends) != 0 {
		t.Errorf("%s, %d appends", say(r[0]), len(b.store.appends))
	}
}

// TestABatchKeepsNoBatch: an entry holds its own bytes alone.
func TestABatchKeepsNoBatch(t *testing.T) {
	b, _ := newTelling(t)
	b.batch(event("one", ""), event("two", ""))
	for _, e := range b.store.appends[0] {
		if cap(e.Event.Raw) > 2*len(e.Event.Raw) {
			t.Errorf("event %s of %d bytes holds %d", e.Event.ID, len(e.Event.Raw), cap(e.Event.Raw))
		}
	}
}

func TestEntryHoldsItsFacts(t *testing.T) {
	b, _ := newTelling(t)
	b.want(b.code(1, "e1", ""), "")
	e := b.store.appends[0][0]
	got := e.Facts
	if got.Request != "r" || got.Ingress != "edge" || got.Addr != "127.0.0.1:1" || got.Key != "k1" || !slices.Equal(got.Routes, []string{"orders", "all"}) {
		t.Errorf("facts are %+v", got)
	}
	if (e.Principal != sdk.Principal{Provider: "edge-keys", Subject: "p1"}) || e.Proof.Transport != "hmac" || !e.Accepted.Equal(b.now) {
		t.Errorf("entry is %+v", e)
	}
}

// TestAcceptedIsDurable: "accepted" is said of what is on disk, and of nothing else.
func TestAcceptedIsDurable(t *testing.T) {
	b, _ := newTelling(t)
	b.store.answer = func(i int, a outbox.Appended) outbox.Appended {
		a.Durable = i != 1
		return a
	}
	results := b.batch(event("one", ""), event("two", ""), []byte(`{"specversion":"1.0","id":"reading","source":"`+source+`","type":"reading"}`))
	for i, want := range []string{"accepted", "queued", "queued"} {
		if got := say(results[i]); got != want {
			t.Errorf("event %d: %s, want %s", i, got, want)
		}
	}
}

// TestStoreErrors: each error of the store is the sender's cue to come again with
// the same id, and publishes nothing.
func TestStoreErrors(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   intake.Code
		reason string
	}{
		{outbox.ErrFull, intake.DiskFull, "outbox: store is full"},
		{outbox.ErrDiskFull, intake.DiskFull, "outbox: disk is full"},
		{outbox.ErrFailing, intake.DiskFull, "disk failing"},
		{outbox.ErrBusy, intake.Overloaded, "outbox: too much waits to be written"},
		{outbox.ErrIDsFull, intake.Overloaded, "outbox: identity index is full"},
		{fmt.Errorf("%w: commands", outbox.ErrChannelFull), intake.ChannelFull, "outbox: channel is full: commands"},
		{outbox.ErrClosed, intake.Draining, ""},
		{context.Canceled, intake.Overloaded, "context canceled"},
		{errors.New("who knows"), intake.Overloaded, "who knows"},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			b, told := newTelling(t)
			b.store.answer = func(i int, a outbox.Appended) outbox.Appended {
				if i == 0 {
					return outbox.Appended{Err: c.err}
				}
				return a
			}
			_, err := b.Accept(context.Background(), b.submission(1, "e1", event("e1", "")))
			var p *intake.Problem
			if !errors.As(err, &p) || p.Code != c.code || p.Reason != c.reason || p.RetryAfter <= 0 || p.Status() != 503 {
				t.Fatalf("got %+v", p)
			}
			results := b.batch(event("e2", ""), event("e3", ""))
			if say(results[0]) != string(c.code) || say(results[1]) != "queued" {
				t.Errorf("in a batch: %s and %s", say(results[0]), say(results[1]))
			}
			if want := []string{"e3"}; !slices.Equal(*told, want) {
				t.Errorf("telemetry has %v, want %v", *told, want)
			}
		})
	}
}

// TestSignedTimesAreHeldAgainstTheWallClock: what is stored goes by a clock that
// may run ahead of it.
func TestSignedTimesAreHeldAgainstTheWallClock(t *testing.T) {
	var b *bench
	b = newBench(t, intake.Options{Wall: func() time.Time { return b.now.Add(-24 * time.Hour) }}, generation(t, 1, route.Rate{}))
	b.want(b.code(1, "e1", ""), intake.Unauthenticated)
	var p *intake.Problem
	_, err := b.Ask(context.Background(), intake.Question{Credential: b.credential(1, "ask", nil), Key: outbox.Key{Source: source, ID: "e1"}})
	if !errors.As(err, &p) || p.Code != intake.Unauthenticated {
		t.Errorf("asked: %v", err)
	}
	if !strings.Contains(b.log.String(), "timestamp") {
		t.Errorf("log is %s", b.log.String())
	}
}

// TestTransformsAreFixedAtAcceptance: what an event has to go through stands in
// its entry and goes with it to telemetry, whatever the rules become.
func TestTransformsAreFixedAtAcceptance(t *testing.T) {
	b, told := newTelling(t)
	table, err := route.New([]route.Rule{{Name: "orders", Types: []string{"**"}, Channels: []string{"commands", "telemetry"}, Transforms: []string{"enrich"}}},
		[]route.Channel{{Name: "commands", Command: true, Transforms: []string{"mask"}}, {Name: "telemetry"}}, route.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := generation(t, 1, route.Rate{})
	g.Table, g.Telemetry = table, map[string]intake.Publisher{"telemetry": told}
	b.Use(g)
	if _, err := b.Accept(context.Background(), b.submission(1, "a", event("a", ""))); err != nil {
		t.Fatal(err)
	}
	b.Use(generation(t, 1, route.Rate{}))
	if targets := b.store.appends[0][0].Targets; len(targets) != 1 || !slices.Equal(targets[0].Transforms, []string{"enrich", "mask"}) {
		t.Errorf("the outbox was given %+v", targets)
	}
	if !slices.Equal(*told, published{"a enrich"}) {
		t.Errorf("telemetry was told %q", *told)
	}
}
