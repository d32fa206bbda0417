package sdktest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func TestApply(t *testing.T) {
	got := sdktest.Apply(t, stampPlugin(), `{"with":"ink"}`, sdktest.Event(`{"a":1}`))
	if got.Verdict != sdk.Replace || string(got.Event.Data) != `{"a":1,"stamp":"ink"}` {
		t.Errorf("a change is %+v", got)
	}
	text := `{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"text/plain","data":"as it is"}`
	got = sdktest.Apply(t, stampPlugin(), `{"with":"ink"}`, text)
	if got.Verdict != sdk.Unchanged || string(got.Event.Data) != "as it is" {
		t.Errorf("no change is %+v", got)
	}
	for _, c := range []struct {
		subject string
		want    sdk.Verdict
		reason  string
	}{{"drop", sdk.Drop, "as asked"}, {"panic", sdk.Fail, "panic: as asked"}} {
		got := sdktest.Apply(t, stampPlugin(), `{"with":"ink"}`, strings.Replace(sdktest.Event(`{}`), `"id"`, `"subject":"`+c.subject+`","id"`, 1))
		if got.Verdict != c.want || got.Reason != c.reason || got.Event != nil {
			t.Errorf("subject %s: got %+v", c.subject, got)
		}
	}
}

// ended is a test that notes what ends it.
type ended struct {
	testing.TB
	why string
}

func (e *ended) Helper() {}

func (e *ended) Fatalf(format string, args ...any) {
	e.why = fmt.Sprintf(format, args...)
	panic(e)
}

func TestApplyTellsFaults(t *testing.T) {
	for _, c := range []struct {
		name, config, event, want string
		plugin                    sdk.Plugin
	}{
		{"config", `{"wiht":"ink"}`, sdktest.Event(`{}`), "/wiht: is not known: did you mean with?", stampPlugin()},
		{"event", `{"with":"ink"}`, `{}`, "event: ", stampPlugin()},
		{"no transform", `{}`, sdktest.Event(`{}`), "offers 0 transforms", sdk.Plugin{Name: "none"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &ended{TB: t}
			func() {
				defer func() { _ = recover() }()
				sdktest.Apply(e, c.plugin, c.config, c.event)
			}()
			if !strings.Contains(e.why, c.want) {
				t.Errorf("it ends by %q: want %q", e.why, c.want)
			}
		})
	}
}
