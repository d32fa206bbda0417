package host_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

func TestDescribe(t *testing.T) {
	c := start(t, self("serve"), host.Options{})
	d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "test" || d.Version != "1.2.3" || d.SDK != "go/"+sdk.Version || len(d.Transforms) != 2 || len(d.Providers) != 1 {
		t.Fatalf("got %+v", d)
	}
	do := d.Transforms[0]
	if do.Name != "do" || do.Doc != "does as told" || do.Needs != (sdk.Needs{Data: true, Extensions: true, Principal: true}) || !strings.Contains(string(do.Schema), `"refuse"`) {
		t.Errorf("got %+v", do)
	}
	if err := c.Health(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOutcomes runs every verdict through the border.
func TestOutcomes(t *testing.T) {
	c := start(t, self("serve"), host.Options{})
	for _, test := range []struct {
		what, data string
		want       sdk.Outcome
		event      string // data of a Replace
	}{
		{"leave", "x", sdk.Outcome{}, ""},
		{"upper", "x", sdk.Outcome{Verdict: sdk.Replace}, "X"},
		{"drop", "enough", sdk.Outcome{Verdict: sdk.Drop, Reason: "enough"}, ""},
		{"permanent", "bad", sdk.Outcome{Verdict: sdk.Fail, Reason: "bad"}, ""},
		{"permanent", "bad \xff", sdk.Outcome{Verdict: sdk.Fail, Reason: "bad \uFFFD"}, ""},
		{"later", "soon", sdk.Outcome{Verdict: sdk.Fail, Reason: "soon", Retry: true, After: 2 * time.Millisecond}, ""},
		{"rename", "2", sdk.Outcome{Verdict: sdk.Fail, Reason: "the transform changed id, which no transform may"}, ""},
		{"nojson", "x", sdk.Outcome{Verdict: sdk.Fail, Reason: "the transform gave data as JSON that are none"}, ""},
		{"binary", "x", sdk.Outcome{Verdict: sdk.Fail, Reason: "the transform made datacontenttype no UTF-8 text"}, ""},
	} {
		o, err := do(t, c, test.what, test.data)
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		if o.Event != nil && string(o.Event.Data) != test.event {
			t.Errorf("%s: data %q, want %q", test.what, o.Event.Data, test.event)
		}
		if o.Event = nil; o != test.want {
			t.Errorf("%s: got %+v, want %+v", test.what, o, test.want)
		}
	}
	if o, err := do(t, c, "nothing", "x"); err != nil || o.Event.Data != nil {
		t.Errorf("no data: %v, %#v", err, o.Event)
	}
	if o, err := do(t, c, "empty", "x"); err != nil || o.Event.Data == nil || len(o.Event.Data) > 0 {
		t.Errorf("empty data: %v, %#v", err, o.Event)
	}
}

func TestTransformErrors(t *testing.T) {
	c := start(t, self("serve"), host.Options{MaxBytes: 1 << 20})
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ended, end := context.WithCancel(t.Context())
	end()
	for _, test := range []struct {
		name, kind, what string
		ctx              context.Context
		is               error
		says             string
	}{
		{"unavailable", "do", "unavailable", t.Context(), sdk.ErrUnavailable, "database away"},
		{"any other", "do", "error", t.Context(), nil, "its text"},
		{"too few outcomes", "do", "few", t.Context(), host.ErrBreach, "0 outcomes for 1 events"},
		{"answer too large", "do", "big", t.Context(), host.ErrTooLarge, "larger than max"},
		{"deadline", "do", "sleep", short, context.DeadlineExceeded, ""},
		{"cancelled", "do", "leave", ended, context.Canceled, ""},
		{"not configured", "blind", "leave", t.Context(), host.ErrNotConfigured, "blind"},
		{"unknown", "other", "leave", t.Context(), host.ErrNotConfigured, "offers no transform"},
	} {
		data := "its text"
		if test.what == "sleep" {
			data = "1h"
		}
		_, err := c.Transform(test.kind).Transform(test.ctx, []sdk.Input{event(test.what, data)})
		if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %v with %q", test.name, err, test.is, test.says)
		}
		if errors.Is(err, host.ErrEnded) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if got := asked(t, c, "upper", "still there"); got != "STILL THERE" {
		t.Errorf("got %q", got)
	}
}

// TestCallTimeout shows that a call ends though its caller is patient and the
// transform is not.
func TestCallTimeout(t *testing.T) {
	c := start(t, self("serve"), host.Options{CallTimeout: 100 * time.Millisecond})
	if _, err := do(t, c, "stubborn", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestLargeBatches shows that a batch beyond the bound goes in parts, and an event
// beyond it fails alone.
func TestLargeBatches(t *testing.T) {
	c := start(t, self("serve"), host.Options{MaxBytes: 1 << 20})
	var in []sdk.Input
	for i := range 40 {
		x := event("upper", strings.Repeat("a", 100<<10))
		if x.Event.ID = fmt.Sprint(i); i == 7 {
			x.Event.Data = make([]byte, 2<<20)
		}
		in = append(in, x)
	}
	outcomes, err := c.Transform("do").Transform(t.Context(), in)
	if err != nil || len(outcomes) != len(in) {
		t.Fatalf("%v, %d outcomes", err, len(outcomes))
	}
	for i, o := range outcomes {
		switch {
		case i == 7:
			if o.Verdict != sdk.Fail || o.Retry || !strings.Contains(o.Reason, "bytes") {
				t.Errorf("event 7: %+v", o)
			}
		case o.Verdict != sdk.Replace || o.Event.ID != fmt.Sprint(i):
			t.Errorf("event %d: %+v", i, o)
		}
	}
	if outcomes, err := c.Transform("do").Transform(t.Context(), nil); err != nil || len(outcomes) != 0 {
		t.Errorf("empty batch: %v, %v", err, outcomes)
	}
}

// TestNeeds shows that what a kind does not need does not travel, stays, and is
// not the kind's to set.
func TestNeeds(t *testing.T) {
	c := start(t, self("serve"), host.Options{})
	if err := c.Configure(t.Context(), host.Configuration{Kind: "blind"}); err != nil {
		t.Fatal(err)
	}
	in := func(what string) []sdk.Input {
		x := event(what, "1")
		x.Event.DataIsJSON = true
		x.Event.Extensions = []sdk.Extension{{Name: "aab", Value: "7", Kind: sdk.KindInteger}, {Name: "zz", Value: "true", Kind: sdk.KindBoolean}}
		x.Principal = &sdk.Principal{Provider: "p", Subject: "s"}
		return []sdk.Input{x}
	}
	blind, seeing := c.Transform("blind"), c.Transform("do")
	outcomes, err := blind.Transform(t.Context(), in("nothing"))
	if err != nil {
		t.Fatal(err)
	}
	want := in("")[0].Event.Extensions
	if e := outcomes[0].Event; string(e.Data) != "1" || !e.DataIsJSON || !slices.Equal(e.Extensions, want) {
		t.Errorf("got %+v, want %v", e, want)
	}
	for what, part := range map[string]string{"upper": "data", "empty": "data", "tag": "extensions"} {
		outcomes, err := blind.Transform(t.Context(), in(what))
		if err != nil {
			t.Fatal(err)
		}
		if o, reason := outcomes[0], "the transform set "+part+", which it does not say that it needs"; o.Verdict != sdk.Fail || o.Retry || o.Reason != reason {
			t.Errorf("%s: got %+v", what, o)
		}
	}
	want = append([]sdk.Extension{{Name: "aaa", Value: "1"}}, want...)
	if outcomes, err = seeing.Transform(t.Context(), in("tag")); err != nil {
		t.Fatal(err)
	}
	if e := outcomes[0].Event; string(e.Data) != "1" || !e.DataIsJSON || !slices.Equal(e.Extensions, want) {
		t.Errorf("got %+v, want %v", e, want)
	}
	if outcomes, err = seeing.Transform(t.Context(), in("sender")); err != nil || string(outcomes[0].Event.Data) != "p:s" {
		t.Errorf("%v, %+v", err, outcomes)
	}
}

func TestConfigureFaults(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	for _, test := range []struct {
		kind, config string
		want         sdk.Diagnostics
	}{
		{"do", `{"refuse":"not this"}`, sdk.Diagnostics{{Path: "/refuse", Text: "not this"}, {Path: "/version", Text: "another"}}},
		{"other", `{}`, sdk.Diagnostics{{Text: `plugin test offers no kind "other"`}}},
		{"do", `{"panic":true}`, sdk.Diagnostics{{Text: "opening do: panic: opened on purpose"}}},
		{"trust", `{}`, sdk.Diagnostics{{Text: "no issuer"}}},
	} {
		err := c.Configure(t.Context(), host.Configuration{Kind: test.kind, Config: []byte(test.config)})
		if got, _ := errors.AsType[sdk.Diagnostics](err); !slices.Equal(got, test.want) {
			t.Errorf("%s %s: got %v, want %v", test.kind, test.config, err, test.want)
		}
	}
	log.await(t, func(x host.Line) bool {
		return x.Level == "error" && strings.Contains(fmt.Sprint(x.Fields["stack"]), "openDoer")
	})
	if err := c.Configure(t.Context(), host.Configuration{Kind: "do", Config: []byte(`{"version":9}`), DryRun: true}); err != nil {
		t.Error(err)
	}
	if got := asked(t, c, "version", ""); got != "0" {
		t.Errorf("the instance is now %s", got)
	}
}

// TestReconfigureUnderLoad replaces the instance while calls are under way: none
// fails, and each old one is closed when its last call has ended.
func TestReconfigureUnderLoad(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	const times = 30
	done := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if o, err := do(t, c, "slowversion", ""); err != nil || o.Verdict != sdk.Replace {
					t.Errorf("%v, %+v", err, o)
					return
				}
			}
		})
	}
	for i := 1; i <= times; i++ {
		if err := c.Configure(t.Context(), host.Configuration{Kind: "do", Config: fmt.Appendf(nil, `{"version":%d}`, i)}); err != nil {
			t.Fatal(err)
		}
		if got := asked(t, c, "version", ""); got != fmt.Sprint(i) {
			t.Errorf("got version %s, want %d", got, i)
		}
	}
	close(done)
	load.Wait()
	until(t, "the closing of every old instance", func() bool {
		n := 0
		for _, x := range log.all() {
			if x.Level == "error" {
				t.Fatalf("logged %+v", x)
			}
			if x.Text == "closed" {
				n++
			}
		}
		return n == times
	})
}

// TestDrain shows that calls under way end, and new ones are refused.
func TestDrain(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	slow := make(chan error, 1)
	go func() { _, err := do(t, c, "sleep", "300ms"); slow <- err }()
	log.await(t, func(x host.Line) bool { return x.Text == "sleeping" })
	if err := c.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-slow:
		if err != nil {
			t.Errorf("the call under way: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("drained before the call ended")
	}
	if _, err := do(t, c, "upper", ""); !errors.Is(err, sdk.ErrUnavailable) || errors.Is(err, host.ErrEnded) {
		t.Errorf("a new call: %v", err)
	}
	if err := c.Health(t.Context()); !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("health: %v", err)
	}
	if err := c.Drain(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
}

// TestPanics shows that a panic is an outcome of the event that made it, alone
// and in a batch, and the process lives on.
func TestPanics(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	outcomes, err := c.Transform("do").Transform(t.Context(), []sdk.Input{event("upper", "a"), event("panic", "b"), event("upper", "c")})
	if err != nil {
		t.Fatal(err)
	}
	if string(outcomes[0].Event.Data) != "A" || string(outcomes[2].Event.Data) != "C" {
		t.Errorf("got %+v", outcomes)
	}
	if o := outcomes[1]; o.Verdict != sdk.Fail || o.Retry || o.Reason != "panic: event on purpose" || !strings.Contains(o.Stack, "child_test.go") {
		t.Errorf("got %+v", o)
	}
	log.await(t, func(x host.Line) bool { return x.Level == "error" && x.Text == "panic: event on purpose" })
	if got := asked(t, c, "upper", "d"); got != "D" {
		t.Errorf("got %q", got)
	}
}

// TestCrash shows what a dying process leaves: the error of the call under way,
// and how it ended.
func TestCrash(t *testing.T) {
	c := start(t, self("serve"), host.Options{})
	_, err := do(t, c, "crash", "")
	if !errors.Is(err, host.ErrEnded) || !errors.Is(err, sdk.ErrUnavailable) || !strings.Contains(err.Error(), "exit status 2") {
		t.Errorf("got %v", err)
	}
	<-c.Exited()
	if x := c.Exit(); x.Code != 2 || x.Signal != "" || !strings.HasPrefix(x.Tail, "panic: process on purpose") || x.At.IsZero() {
		t.Errorf("got %+v", x)
	}
	if _, err := do(t, c, "upper", ""); !errors.Is(err, host.ErrEnded) {
		t.Errorf("afterwards: %v", err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
