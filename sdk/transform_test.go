package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

type word struct {
	Word string `json:"word" default:"hey"`
}

func (w *word) Validate() error {
	if w.Word == "no" {
		return errors.New("say something else")
	}
	return nil
}

func open(t *testing.T, f sdk.Func[word]) sdk.Transform {
	t.Helper()
	p := sdk.TransformFunc("shout", "1.2.3", f)
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	tr, err := p.Transforms[0].Open(t.Context(), json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestTransformFuncTellsWhatAFunctionDid(t *testing.T) {
	cause := errors.New("cause")
	for name, c := range map[string]struct {
		f    sdk.Func[word]
		want sdk.Outcome
	}{
		"nothing":              {func(context.Context, word, *sdk.Event) error { return nil }, sdk.Outcome{}},
		"the same data anew":   {func(_ context.Context, _ word, e *sdk.Event) error { e.Data = []byte(string(e.Data)); return nil }, sdk.Outcome{}},
		"dropped":              {func(context.Context, word, *sdk.Event) error { return sdk.Dropped("dull") }, sdk.Outcome{Verdict: sdk.Drop, Reason: "dull"}},
		"an error":             {func(context.Context, word, *sdk.Event) error { return cause }, sdk.Outcome{Verdict: sdk.Fail, Reason: "cause", Retry: true}},
		"permanent":            {func(context.Context, word, *sdk.Event) error { return sdk.Permanent(cause) }, sdk.Outcome{Verdict: sdk.Fail, Reason: "cause"}},
		"permanent, wrapped":   {func(context.Context, word, *sdk.Event) error { return fmt.Errorf("x: %w", sdk.Permanent(cause)) }, sdk.Outcome{Verdict: sdk.Fail, Reason: "x: cause"}},
		"retry after":          {func(context.Context, word, *sdk.Event) error { return sdk.RetryAfter(cause, time.Second) }, sdk.Outcome{Verdict: sdk.Fail, Reason: "cause", Retry: true, After: time.Second}},
		"dropped, though told": {func(_ context.Context, _ word, e *sdk.Event) error { e.Data = nil; return sdk.Dropped("dull") }, sdk.Outcome{Verdict: sdk.Drop, Reason: "dull"}},
	} {
		e := sdk.Event{ID: "1", Source: "s", Type: "t", Data: []byte(`{"a":1}`), DataIsJSON: true}
		got, err := open(t, c.f).Transform(t.Context(), []sdk.Input{{Event: &e}})
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	if !errors.Is(sdk.Permanent(cause), cause) || !errors.Is(sdk.RetryAfter(cause, 0), cause) {
		t.Error("the cause is lost")
	}
}

func TestTransformFuncFindsEveryChange(t *testing.T) {
	for name, change := range map[string]func(*sdk.Event){
		"data in place": func(e *sdk.Event) { e.Data[0] = '[' },
		"data":          func(e *sdk.Event) { e.Data = []byte("x") },
		"no data":       func(e *sdk.Event) { e.Data = nil },
		"kind of data":  func(e *sdk.Event) { e.DataIsJSON = false },
		"content type":  func(e *sdk.Event) { e.DataContentType = "text/plain" },
		"schema":        func(e *sdk.Event) { e.DataSchema = "x" },
		"extension":     func(e *sdk.Event) { e.Extensions[0].Value = "c" },
		"id":            func(e *sdk.Event) { e.ID = "2" },
	} {
		data := []byte(`{}`)
		e := sdk.Event{ID: "1", Data: data, DataIsJSON: true, Extensions: []sdk.Extension{{Name: "a", Value: "b"}}}
		tr := open(t, func(_ context.Context, _ word, e *sdk.Event) error { change(e); return nil })
		got, err := tr.Transform(t.Context(), []sdk.Input{{Event: &e}})
		if err != nil || got[0].Verdict != sdk.Replace {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if string(data) != "{}" {
			t.Errorf("%s: the caller's data changed", name)
		}
	}
}

func TestAPanicIsOneEventsOwn(t *testing.T) {
	tr := open(t, func(_ context.Context, _ word, e *sdk.Event) error {
		if e.ID == "2" {
			panic("boom")
		}
		return nil
	})
	var events []sdk.Input
	for _, id := range []string{"1", "2", "3"} {
		events = append(events, sdk.Input{Event: &sdk.Event{ID: id}})
	}
	got, err := tr.Transform(t.Context(), events)
	if err != nil || len(got) != 3 || got[0].Verdict != sdk.Unchanged || got[2].Verdict != sdk.Unchanged {
		t.Fatalf("%+v, %v", got, err)
	}
	if o := got[1]; o.Verdict != sdk.Fail || o.Retry || o.Reason != "panic: boom" || !strings.Contains(o.Stack, "transform_test.go") {
		t.Errorf("the outcome is %+v", o)
	}
}

func TestAFuncKnowsItsSender(t *testing.T) {
	var got []string
	tr := open(t, func(ctx context.Context, _ word, _ *sdk.Event) error {
		p, ok := sdk.Sender(ctx)
		got = append(got, fmt.Sprint(ok, p.Subject))
		return nil
	})
	if _, err := tr.Transform(t.Context(), []sdk.Input{{Event: &sdk.Event{}, Principal: &sdk.Principal{Subject: "a"}}, {Event: &sdk.Event{}}}); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != "[truea false]" {
		t.Errorf("got %v", got)
	}
}

func TestOpenChecksTheConfiguration(t *testing.T) {
	p := sdk.TransformFunc("shout", "1.0.0", func(context.Context, word, *sdk.Event) error { return nil })
	for text, want := range map[string]string{`{"word":1}`: "/word: want a string, not such a number", `{"word":"no"}`: "say something else"} {
		_, err := p.Transforms[0].Open(t.Context(), json.RawMessage(text))
		if _, ok := errors.AsType[sdk.Diagnostics](err); !ok || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCheckRefusesABadPlugin(t *testing.T) {
	good := sdk.NewTransform("a", func(context.Context, word, *sdk.Event) error { return nil })
	shut := good
	shut.Open = nil
	dumb := good
	dumb.Schema = json.RawMessage("{")
	for name, p := range map[string]sdk.Plugin{
		"no name":     {Version: "1", Transforms: []sdk.TransformKind{good}},
		"bad name":    {Name: "A b", Version: "1", Transforms: []sdk.TransformKind{good}},
		"no version":  {Name: "a", Transforms: []sdk.TransformKind{good}},
		"bad version": {Name: "a", Version: "1\x1b[2J", Transforms: []sdk.TransformKind{good}},
		"long":        {Name: "a", Version: strings.Repeat("1", 65), Transforms: []sdk.TransformKind{good}},
		"no kinds":    {Name: "a", Version: "1"},
		"twice":       {Name: "a", Version: "1", Transforms: []sdk.TransformKind{good, good}},
		"cannot open": {Name: "a", Version: "1", Transforms: []sdk.TransformKind{shut}},
		"no schema":   {Name: "a", Version: "1", Transforms: []sdk.TransformKind{dumb}},
	} {
		if p.Check() == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

func TestABatchNobodyWaitsForEnds(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	calls := 0
	tr := open(t, func(context.Context, word, *sdk.Event) error { calls++; end(); return nil })
	if _, err := tr.Transform(ctx, []sdk.Input{{Event: &sdk.Event{}}, {Event: &sdk.Event{}}}); !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
