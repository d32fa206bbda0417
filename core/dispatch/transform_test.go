package dispatch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// fake is a transform that says it is there until it is taken away.
type fake struct {
	each  func(e *sdk.Event) sdk.Outcome
	batch func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) // in place of each
	hides bool                                                                 // it says that it redacts

	mu    sync.Mutex
	there chan struct{}
	away  bool
	seen  []sdk.Input
	sizes []int
	in    int // calls under way
	most  int
}

func (f *fake) Available() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.there == nil {
		f.there = make(chan struct{})
		if !f.away {
			close(f.there)
		}
	}
	return f.there
}

// set takes it away, or brings it back.
func (f *fake) set(there bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case there && f.away && f.there != nil:
		close(f.there)
	case !there && !f.away:
		f.there = nil
	}
	f.away = !there
}

func (f *fake) Apply(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, dispatch.Plugin, error) {
	by := dispatch.Plugin{Version: "1.2.3", Redacts: f.hides}
	f.mu.Lock()
	away := f.away
	f.seen = append(f.seen, events...)
	f.sizes = append(f.sizes, len(events))
	f.in++
	f.most = max(f.most, f.in)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.in--
		f.mu.Unlock()
	}()
	if away {
		return nil, dispatch.Plugin{}, fmt.Errorf("no process: %w", sdk.ErrUnavailable)
	}
	if f.batch != nil {
		o, err := f.batch(ctx, events)
		return o, by, err
	}
	out := make([]sdk.Outcome, len(events))
	for i, in := range events {
		out[i] = f.each(in.Event)
	}
	return out, by, nil
}

func (f *fake) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sizes)
}

// peak is how many calls were under way at once.
func (f *fake) peak() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

func (f *fake) first() sdk.Input {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[0]
}

// wrap puts the data of an event into an object.
func wrap(member string) *fake {
	return &fake{each: func(e *sdk.Event) sdk.Outcome {
		e.Data = fmt.Appendf(nil, `{%q:%s}`, member, e.Data)
		return sdk.Outcome{Verdict: sdk.Replace, Event: e}
	}}
}

func pass() *fake {
	return &fake{each: func(*sdk.Event) sdk.Outcome { return sdk.Outcome{} }}
}

func by(transforms map[string]dispatch.Transform) func(*dispatch.Options) {
	return func(o *dispatch.Options) { o.Transforms = dispatch.NewTransforms(transforms) }
}

// drain delivers and settles n events, by id.
func (r *rig) drain(n int) map[string]delivery.Delivery {
	r.Helper()
	got := map[string]delivery.Delivery{}
	for len(got) < n {
		_, d := r.next()
		got[d.Header.ID] = d
		r.reply(d.Header, `"status":"done"`)
	}
	return got
}

// until waits for a condition.
func (r *rig) until(what string, is func() bool) {
	r.Helper()
	until(r.T, what, is)
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never comes that %s", what)
		}
	}
}

func TestEventsGoThroughTheirTransformsInOrder(t *testing.T) {
	a, b := wrap("a"), wrap("b")
	r := newRig(t, nil, by(map[string]dispatch.Transform{"a": a, "b": b, "p": pass()}))
	r.accept(1, "a", "b")
	r.accept(1, "b", "p", "a")
	r.accept(1, "p")
	r.accept(1)
	r.ch.Joined(1, "", "x")
	got := r.drain(4)
	for id, want := range map[string]string{"1": `{"b":{"a":{"n":1}}} a b`, "2": `{"a":{"b":{"n":2}}} b p a`, "3": `{"n":3} p`, "4": `{"n":4}`} {
		d := got[id]
		have := string(d.Event.Data)
		for _, x := range d.Header.Transforms {
			have += " " + x.Name
			if x.Version != "1.2.3" {
				t.Errorf("event %s went through %+v", id, x)
			}
		}
		if have != want || d.Header.Attempt != 1 || d.Header.In != "" || len(d.Original) > 0 {
			t.Errorf("event %s is %s, want %s; header %+v", id, have, want, d.Header)
		}
	}
	if in := a.first(); in.Event.Raw != nil || in.Principal == nil || in.Principal.Subject != "s" {
		t.Errorf("a transform is shown %+v", in)
	}
	if f := r.ch.Facts(); f.Counts.Transformed != 3 || f.Counts.Done != 4 || len(f.Chains) != 3 || f.Chains[0].At != 0 || f.Waiting != 0 {
		t.Errorf("facts are %+v", f)
	}
}

// TestNothingLeavesUntransformed: whatever is wrong with a transform, an event
// that needs it is held or ends; an event beside it goes on.
func TestNothingLeavesUntransformed(t *testing.T) {
	replace := func(e *sdk.Event) sdk.Outcome { return sdk.Outcome{Verdict: sdk.Replace, Event: e} }
	away := pass()
	away.set(false)
	each := func(f func(*sdk.Event) sdk.Outcome) *fake { return &fake{each: f} }
	for _, c := range []struct {
		name   string
		fake   dispatch.Transform
		held   bool
		reason string
	}{
		{"unknown", nil, true, "no such transform is configured"},
		{"away", away, true, "unavailable"},
		{"any error", &fake{batch: func(context.Context, []sdk.Input) ([]sdk.Outcome, error) { return nil, errors.New("boom") }}, true, "boom"},
		{"gone in the call", &fake{batch: func(context.Context, []sdk.Input) ([]sdk.Outcome, error) { return nil, sdk.ErrUnavailable }}, true, "unavailable"},
		{"too few outcomes", &fake{batch: func(context.Context, []sdk.Input) ([]sdk.Outcome, error) { return nil, nil }}, false, "f: 0 outcomes for one event"},
		{"too many outcomes", &fake{batch: func(context.Context, []sdk.Input) ([]sdk.Outcome, error) { return make([]sdk.Outcome, 2), nil }}, false, "f: 2 outcomes"},
		{"an unknown verdict", each(func(*sdk.Event) sdk.Outcome { return sdk.Outcome{Verdict: 9} }), false, "f: no verdict has the number 9"},
		{"a replacement of nothing", each(func(*sdk.Event) sdk.Outcome { return sdk.Outcome{Verdict: sdk.Replace} }), false, "f: a replacement without"},
		{"another id", each(func(e *sdk.Event) sdk.Outcome { e.ID = "x"; return replace(e) }), false, "f: changed event"},
		{"bad JSON", each(func(e *sdk.Event) sdk.Outcome { e.Data = []byte("{"); return replace(e) }), false, "f: changed event"},
		{"a permanent failure", each(func(*sdk.Event) sdk.Outcome { return sdk.Outcome{Verdict: sdk.Fail, Reason: "no", Stack: "at line 1"} }), false, "f: no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			known := map[string]dispatch.Transform{"p": pass()}
			if c.fake != nil {
				known["f"] = c.fake
			}
			r := newRig(t, nil, by(known))
			r.accept(1, "p", "f")
			r.accept(1)
			r.ch.Joined(1, "", "x")
			if got := r.drain(1); got["2"].Header.ID != "2" {
				t.Fatalf("out went %v", got)
			}
			if c.held {
				r.until("it is shelved", func() bool { return r.store.Stats().Channels["c"].Shelved == 1 })
				if f := r.ch.Facts(); len(f.Chains) != 1 || !f.Chains[0].Away || f.Chains[0].Shelved != 1 || f.Chains[0].At != 0 {
					t.Errorf("facts are %+v", f)
				}
				r.until("the log says why", func() bool { return strings.Contains(r.log.String(), c.reason) })
			} else {
				r.await("1", outbox.StateFailed)
				st, err := r.store.Lookup(context.Background(), outbox.Key{Source: "/rig", ID: "1"})
				if err != nil {
					t.Fatal(err)
				}
				ch := st.Channels[0]
				if ch.Attempt != 0 || ch.Failures != 0 || len(ch.History) != 1 || ch.History[0].What != "transform" || !strings.Contains(ch.Reason, c.reason) {
					t.Errorf("it is %+v", ch)
				}
			}
			if c.name == "a permanent failure" && !strings.Contains(r.log.String(), "at line 1") {
				t.Error("the stack is not in the log")
			}
			if n := r.ch.Facts().Counts.Sent; n != 1 {
				t.Errorf("%d were sent", n)
			}
		})
	}
}

func TestADeadChainStallsNobody(t *testing.T) {
	dead, fine := wrap("dead"), wrap("fine")
	dead.set(false)
	r := newRig(t, nil, by(map[string]dispatch.Transform{"dead": dead, "fine": fine}))
	const many = 1000
	r.accept(many, "fine", "dead")
	r.accept(1, "fine")
	r.accept(1)
	r.ch.Joined(1, "", "x")
	got := r.drain(2)
	if len(got[fmt.Sprint(many+1)].Header.Transforms) != 1 || len(got[fmt.Sprint(many+2)].Header.Transforms) != 0 {
		t.Fatalf("out went %v", got)
	}
	r.until("all are shelved", func() bool { return r.store.Stats().Channels["c"].Shelved == many })
	if dead.calls() != 0 || fine.calls() == 0 {
		t.Errorf("%d calls of the one that is away", dead.calls())
	}
	if err := r.ch.Quiet(context.Background(), true); err != nil { // what has no plugin is not waited for
		t.Error(err)
	}
	dead.set(true)
	for id, d := range r.drain(many) {
		if len(d.Header.Transforms) != 2 || d.Header.Attempt != 1 || string(d.Event.Data) != fmt.Sprintf(`{"dead":{"fine":{"n":%s}}}`, id) {
			t.Fatalf("event %s came as %s, %+v", id, d.Event.Data, d.Header)
		}
	}
	if f := r.ch.Facts(); f.Chains[0].Shelved != 0 || f.Chains[0].Away {
		t.Errorf("facts are %+v", f.Chains)
	}
}

// TestAChainThatGoesAwayLosesNothing: what is under way, and what is in line
// behind it, comes again.
func TestAChainThatGoesAwayLosesNothing(t *testing.T) {
	crash := make(chan struct{})
	f := &fake{}
	f.batch = func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		select {
		case <-crash:
		case <-ctx.Done():
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.away {
			return nil, sdk.ErrUnavailable
		}
		return make([]sdk.Outcome, len(events)), ctx.Err()
	}
	r := newRig(t, nil, by(map[string]dispatch.Transform{"f": f}))
	const many = 200
	r.accept(many, "f")
	id := uint64(0)
	r.until("all carriers are busy, and some are in line", func() bool {
		id++
		r.ch.Joined(id, "", "x") // with more credit more goes ahead
		chains := r.ch.Facts().Chains
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.sizes) == 4 && chains[0].At > len(f.seen)
	})
	f.set(false)
	close(crash)
	r.until("all are shelved", func() bool { return r.store.Stats().Channels["c"].Shelved == many })
	f.set(true)
	for id, d := range r.drain(many) {
		if d.Header.Attempt != 1 || len(d.Header.Transforms) != 1 {
			t.Fatalf("event %s came as %+v", id, d.Header)
		}
	}
}

func TestASlowChainStallsNobody(t *testing.T) {
	hold := make(chan struct{})
	slow, fine := wrap("slow"), wrap("fine")
	slow.batch = func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return make([]sdk.Outcome, len(events)), ctx.Err()
	}
	r := newRig(t, nil, by(map[string]dispatch.Transform{"slow": slow, "fine": fine}))
	const many = 1000
	r.accept(many, "slow")
	r.accept(100, "fine")
	r.accept(100)
	r.ch.Joined(1, "", "x")
	for id, d := range r.drain(200) {
		if len(d.Header.Transforms) > 0 && d.Header.Transforms[0].Name == "slow" {
			t.Fatalf("event %s came through", id)
		}
	}
	if n := slow.peak(); n > 4 {
		t.Errorf("%d calls at once", n)
	}
	close(hold)
	if n := len(r.drain(many)); n != many {
		t.Errorf("%d came", n)
	}
}

func TestOutcomesOfATransform(t *testing.T) {
	tries := map[string]int{}
	f := &fake{}
	f.each = func(e *sdk.Event) sdk.Outcome { // one event at a time is out, so one call
		f.mu.Lock()
		defer f.mu.Unlock()
		tries[e.ID]++
		switch e.ID {
		case "1":
			return sdk.Outcome{Verdict: sdk.Drop, Reason: "not today"}
		case "2":
			return sdk.Outcome{Verdict: sdk.Fail, Reason: "later", Retry: true, Stack: "trace of 2"}
		case "3":
			if tries[e.ID] == 1 {
				return sdk.Outcome{Verdict: sdk.Fail, Reason: "wait", Retry: true, After: 20 * time.Millisecond}
			}
		}
		return sdk.Outcome{}
	}
	r := newRig(t, nil, by(map[string]dispatch.Transform{"f": f}))
	r.accept(4, "f")
	r.ch.Joined(1, "", "x")
	got := r.drain(2)
	if got["3"].Header.Attempt != 1 || got["4"].Header.Attempt != 1 {
		t.Errorf("got %v", got)
	}
	r.await("1", outbox.StateDropped)
	r.await("2", outbox.StateFailed)
	look := func(id string) outbox.ChannelStatus {
		st, err := r.store.Lookup(context.Background(), outbox.Key{Source: "/rig", ID: id})
		if err != nil {
			t.Fatal(err)
		}
		return st.Channels[0]
	}
	if c := look("1"); c.Reason != "f: not today" || len(c.History) != 1 || c.History[0].What != "dropped" {
		t.Errorf("what was dropped is %+v", c)
	}
	if c := look("2"); c.Failures != 3 || c.Attempt != 0 || len(c.History) != 3 || c.Reason != "f: later" {
		t.Errorf("what failed to the end is %+v", c)
	}
	if c := look("3"); c.Failures != 1 {
		t.Errorf("what failed once is %+v", c)
	}
	for _, line := range []string{
		`"id":"2","source":"/rig","transform":"f","reason":"f: later","stack":"trace of 2"`, // with its stack
		`"id":"3","source":"/rig","transform":"f","reason":"f: wait","message":"a transform failed"`,
		`"id":"2","source":"/rig","attempt":1,"reason":"f: later","message":"dead letter: out of attempts"`,
	} {
		if !strings.Contains(r.log.String(), line) {
			t.Errorf("%s is not in the log:\n%s", line, r.log)
		}
	}
	if n := strings.Count(r.log.String(), "trace of 2"); n != 1 {
		t.Errorf("the stack of an event that comes again is in the log %d times", n)
	}
	if c := r.ch.Facts().Counts; c.Dropped != 1 || c.Dead != 1 || c.Sent != 2 {
		t.Errorf("counts are %+v", c)
	}
}

func TestAWrongCountBlamesWhoBringsIt(t *testing.T) {
	f := &fake{batch: func(_ context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		for _, in := range events {
			if in.Event.ID == "7" {
				return make([]sdk.Outcome, len(events)+1), nil
			}
		}
		return make([]sdk.Outcome, len(events)), nil
	}}
	r := newRig(t, nil, by(map[string]dispatch.Transform{"f": f}))
	r.accept(30, "f")
	r.ch.Joined(1, "", "x")
	r.drain(29)
	r.await("7", outbox.StateFailed)
}

// TestATransformMakesNotMuchOfLittle: what it may make of an event depends on what
// was accepted, however many transforms there are.
func TestATransformMakesNotMuchOfLittle(t *testing.T) {
	const head = len(`{"specversion":"1.0","id":"1","source":"/rig","type":"t","data":""}`)
	data := func(size int) string { return strings.Repeat("x", size-head) }
	fill := func(size int) *fake {
		return &fake{each: func(e *sdk.Event) sdk.Outcome {
			e.Data = []byte(`"` + data(size) + `"`)
			return sdk.Outcome{Verdict: sdk.Replace, Event: e}
		}}
	}
	const kib, mib = 1 << 10, 1 << 20
	known := map[string]dispatch.Transform{"900k": fill(900 * kib), "1m": fill(mib), "1m+": fill(mib + 1), "1800k": fill(1800 * kib), "1800k+": fill(1800*kib + 1), "7m": fill(7 * mib)}
	for _, c := range []struct {
		accepted int
		chain    []string
		reason   string
	}{
		{100, []string{"1m"}, ""},
		{100, []string{"1m+"}, "1m+: it made 1048577 bytes of the event, where 1048576 are the most"},
		{100, []string{"900k", "1800k"}, "1800k: it made 1843200 bytes of the event, where 1048576 are the most"},
		{100, []string{"7m", "1m"}, "7m: it made 7340032 bytes of the event, where 1048576 are the most"},
		{900 * kib, []string{"1800k"}, ""},
		{900 * kib, []string{"1800k+"}, "1800k+: it made 1843201 bytes of the event, where 1843200 are the most"},
		{7 * mib, []string{"900k", "7m"}, ""},
	} {
		r := newRig(t, nil, by(known))
		e, err := sdk.ParseEvent(fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":"/rig","type":"t","data":"%s"}`, data(c.accepted)))
		if err != nil || len(e.Raw) != c.accepted {
			t.Fatalf("%v, %d bytes", err, len(e.Raw))
		}
		r.store.Append(context.Background(), &outbox.Entry{Event: e, Accepted: time.Now(), Targets: []outbox.Target{{Channel: "c", Transforms: c.chain}}})
		r.ch.Joined(1, "", "x")
		if c.reason == "" {
			r.drain(1)
			continue
		}
		r.await("1", outbox.StateFailed)
		st, err := r.store.Lookup(context.Background(), outbox.Key{Source: "/rig", ID: "1"})
		if err != nil || st.Channels[0].Reason != c.reason || st.Channels[0].Attempt != 0 {
			t.Errorf("%v: %v, %+v", c.chain, err, st)
		}
	}
}

// TestMoreThanOneSignatureCovers: with wide windows more comes through at once.
func TestMoreThanOneSignatureCovers(t *testing.T) {
	hold := make(chan struct{})
	f := &fake{batch: func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return make([]sdk.Outcome, len(events)), ctx.Err()
	}}
	r := newRig(t, nil, by(map[string]dispatch.Transform{"f": f}))
	const many = 600
	for id := range uint64(2 * many) {
		r.ch.Joined(id+1, "", "x")
	}
	r.accept(many, "f")
	r.until("enough are at their transforms", func() bool { f := r.ch.Facts(); return len(f.Chains) == 1 && f.Chains[0].At > 500 })
	close(hold)
	if n := len(r.drain(many)); n != many {
		t.Errorf("%d came", n)
	}
	if strings.Contains(r.log.String(), "cannot be signed") {
		t.Error(r.log)
	}
}

func TestWhatAnOperatorEndsIsNotSent(t *testing.T) {
	hold := make(chan struct{})
	f := &fake{batch: func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return make([]sdk.Outcome, len(events)), ctx.Err()
	}}
	r := newRig(t, nil, by(map[string]dispatch.Transform{"f": f}))
	r.accept(1, "f")
	r.ch.Joined(1, "", "x")
	r.until("it is at its transform", func() bool { return f.calls() == 1 })
	if err := r.store.Settle(context.Background(), []outbox.Outcome{{Seq: 1, Channel: "c", Action: outbox.Dropped, At: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	r.ch.Forget(1)
	close(hold)
	r.accept(1, "f")
	if got := r.drain(1); got["2"].Header.ID != "2" {
		t.Errorf("out went %v", got)
	}
}

func TestOriginalsTravelWhereTheyAreKept(t *testing.T) {
	r := newRig(t, func(s *dispatch.Settings) { s.KeepOriginal = true }, by(map[string]dispatch.Transform{"a": wrap("a"), "p": pass()}))
	r.accept(1, "a")
	r.accept(1, "p")
	r.accept(1)
	r.ch.Joined(1, "", "x")
	for id, d := range r.drain(3) {
		want := fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"/rig","type":"t","data":{"n":%s}}`, id, id)
		if string(d.Original) != want {
			t.Errorf("the original of %s is %s", id, d.Original)
		}
		in := ""
		if id != "3" {
			in = fmt.Sprintf("sha256:%x", sha256.Sum256(d.Original))
		}
		if d.Header.In != in || bytes.Equal(d.Event.Raw, d.Original) != (id != "1") {
			t.Errorf("event %s has %q, and is %s", id, d.Header.In, d.Event.Raw)
		}
	}
}

// TestNoOriginalTravelsBesideWhatIsRedacted: neither it nor its hash, wherever in
// a chain something was taken out, and whether or not something was.
func TestNoOriginalTravelsBesideWhatIsRedacted(t *testing.T) {
	mask, idle := wrap("masked"), pass()
	mask.hides, idle.hides = true, true
	r := newRig(t, func(s *dispatch.Settings) { s.KeepOriginal = true }, by(map[string]dispatch.Transform{"a": wrap("a"), "mask": mask, "idle": idle}))
	chains := [][]string{{"mask"}, {"mask", "a"}, {"a", "mask"}, {"idle"}, {"idle", "a"}, {"a"}}
	for _, c := range chains {
		r.accept(1, c...)
	}
	r.ch.Joined(1, "", "x")
	got := r.drain(len(chains))
	for n, c := range chains {
		d := got[fmt.Sprint(n+1)]
		if hidden := n < len(chains)-1; hidden != (len(d.Original) == 0) || hidden != (d.Header.In == "") || len(d.Header.Transforms) != len(c) {
			t.Errorf("through %v: original %s, header %+v", c, d.Original, d.Header)
		}
	}
}

func TestExpiredEventsAreNotTransformed(t *testing.T) {
	f := pass()
	r := newRig(t, func(s *dispatch.Settings) { s.MaxAge = time.Hour }, by(map[string]dispatch.Transform{"f": f}),
		func(o *dispatch.Options) { o.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } })
	r.accept(1, "f")
	r.ch.Joined(1, "", "x")
	r.await("1", outbox.StateFailed)
	if f.calls() != 0 {
		t.Error("it was")
	}
}

func TestBatchesAreBounded(t *testing.T) {
	f := &fake{}
	bytesOf := func(events []sdk.Input) (n int) {
		for _, in := range events {
			n += len(in.Event.Data)
		}
		return n
	}
	f.batch = func(_ context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		if n := bytesOf(events); len(events) > 1 && n > 4<<20 {
			t.Errorf("%d bytes in a batch of %d", n, len(events))
		}
		return make([]sdk.Outcome, len(events)), nil
	}
	r := newRig(t, nil, by(map[string]dispatch.Transform{"f": f}))
	for n := range 12 {
		size := 1 << 20
		if n%5 == 4 {
			size = 5 << 20
		}
		e, err := sdk.ParseEvent(fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"/rig","type":"t","data":"%s"}`, n+1, strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		r.store.Append(context.Background(), &outbox.Entry{Event: e, Accepted: time.Now(), Targets: []outbox.Target{{Channel: "c", Transforms: []string{"f"}}}})
	}
	r.ch.Joined(1, "", "x")
	r.drain(12)
}

// TestWhatIsAtTransformsGoesBackAtTheEnd: the next router begins anew with it.
func TestWhatIsAtTransformsGoesBackAtTheEnd(t *testing.T) {
	store := memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 100, Capacity: 1 << 20, MaxPending: map[string]int64{"c": 1 << 20}})
	hung := &fake{batch: func(ctx context.Context, _ []sdk.Input) ([]sdk.Outcome, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	away := pass()
	away.set(false)
	set := settings()
	ch := dispatch.NewChannel(dispatch.Options{Settings: set, Store: store, Signer: signer, LeaseKey: leaseKey, Log: zerolog.Nop(),
		Transforms: dispatch.NewTransforms(map[string]dispatch.Transform{"hung": hung, "p": pass(), "away": away})})
	for n, name := range []string{"p", "p", "p", "hung", "hung", "away", "away"} {
		e := sdk.Event{ID: fmt.Sprint(n), Source: "/w", Type: "t", SpecVersion: "1.0"}
		store.Append(context.Background(), &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: time.Now(), Targets: []outbox.Target{{Channel: "c", Transforms: []string{name}}}})
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	to := &socket{got: make(chan sent, 10)}
	go func() { ended <- ch.Run(ctx, to) }()
	ch.Joined(1, "", "x")
	<-to.got // credit is one: the others wait, hang or are shelved
	until(t, "all are on their way", func() bool {
		f := ch.Facts()
		return hung.calls() == 1 && f.Waiting == 2 && len(f.Chains) == 3 && f.Chains[2].Shelved == 2
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if st := store.Stats().Channels["c"]; st.Out != 1 || st.Pending != 7 {
		t.Errorf("the store has %+v", st)
	}
	items, _, err := store.Ready("c", time.Now(), 10)
	if err != nil || len(items) != 6 {
		t.Fatalf("%d are ready, %v", len(items), err)
	}
	for _, i := range items {
		if i.Attempt != 1 || i.Failures != 0 {
			t.Errorf("%s comes back as %+v", i.Entry.Event.ID, i)
		}
	}
}

func TestAPauseHoldsWhatIsTransformed(t *testing.T) {
	hold := make(chan struct{})
	f := &fake{batch: func(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, error) {
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return make([]sdk.Outcome, len(events)), ctx.Err()
	}}
	r := newRig(t, nil, by(map[string]dispatch.Transform{"f": f}))
	r.accept(1, "f")
	r.ch.Joined(1, "", "x")
	r.until("it is at its transform", func() bool { return f.calls() == 1 })
	r.ch.Pause(true)
	close(hold)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.ch.Quiet(ctx, false); err != nil {
		t.Fatal(err)
	}
	if st := r.store.Stats().Channels["c"]; st.Out != 0 || st.Pending != 1 || r.ch.Facts().Counts.Sent != 0 {
		t.Errorf("the store has %+v", st)
	}
	r.ch.Pause(false)
	r.drain(1)
}
