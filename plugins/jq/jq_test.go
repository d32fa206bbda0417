package jq_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/plugins/jq"
	"github.com/headgate-io/headgate/sdk"
)

// with is a configuration of a filter and more members.
func with(filter, more string) string {
	text, _ := json.Marshal(filter)
	return `{"filter":` + string(text) + more + `}`
}

func open(t testing.TB, config string) sdk.Transform {
	t.Helper()
	p := jq.Plugin()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	tr, err := p.Transforms[0].Open(t.Context(), json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func run(ctx context.Context, t testing.TB, tr sdk.Transform, e *sdk.Event) sdk.Outcome {
	t.Helper()
	outcomes, err := tr.Transform(ctx, []sdk.Input{{Event: e}})
	if err != nil || len(outcomes) != 1 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	return outcomes[0]
}

func event(data string) *sdk.Event {
	return &sdk.Event{
		ID: "1", Source: "//shop.example/a", SpecVersion: "1.0", Type: "order", DataContentType: "application/json", Data: []byte(data), DataIsJSON: true,
		Extensions: []sdk.Extension{{Name: "count", Value: "-7", Kind: sdk.KindInteger}, {Name: "first", Value: "true", Kind: sdk.KindBoolean}, {Name: "region", Value: "eu"}},
	}
}

func TestFilter(t *testing.T) {
	for _, c := range []struct{ name, filter, data, want string }{
		{"a member", `.a`, `{"a":{"b":[1]}}`, `{"b":[1]}`},
		{"a new object", `{id, total: ([.items[].price] | add)}`, `{"id":"x","items":[{"price":1},{"price":2.5}]}`, `{"id":"x","total":3.5}`},
		{"null", `null`, `1`, `null`},
		{"empty ones", `[[], {}, ""]`, `1`, `[[],{},""]`},
		{"sorted members", `. + {b: 1}`, `{"c":1,"a":2}`, `{"a":2,"b":1,"c":1}`},
		{"numbers as written", `.`, `[1.10,1e2,-0,12345678901234567890123,0.1000000000000000055511151231257827,1E400]`, `[1.10,1e2,-0,12345678901234567890123,0.1000000000000000055511151231257827,1E400]`},
		{"integers exactly", `map(. + 1)`, `[9007199254740993,18446744073709551615,123456789012345678901234567890]`, `[9007199254740994,18446744073709551616,123456789012345678901234567891]`},
		{"doubles computed", `map(. + 0)`, `[1.10,0.1000000000000000055511151231257827]`, `[1.1,0.1]`},
		{"what is no JSON number", `[nan, infinite, -infinite]`, `1`, `[null,1.7976931348623157e+308,-1.7976931348623157e+308]`},
		{"text", `.s + "<&>\u0000\ud83d\ude00"`, `{"s":"é\n"}`, `"é\n<&>\u0000😀"`},
		{"the attributes", `$event | [.id, .source, .specversion, .type, .subject, .datacontenttype]`, `1`, `["1","//shop.example/a","1.0","order",null,"application/json"]`},
		{"the extensions", `$event | [.count, .first, .region, .none]`, `1`, `[-7,true,"eu",null]`},
		{"a definition", `def twice: . * 2; twice`, `21`, `42`},
		{"first of several", `first(.[])`, `[1,2]`, `1`},
		{"nothing from outside", `[env, $ENV]`, `1`, `[{},{}]`},
		{"an error caught", `try error("x") catch .`, `1`, `"x"`},
	} {
		o := run(t.Context(), t, open(t, with(c.filter, "")), event(c.data))
		if o.Verdict == sdk.Unchanged && c.data == c.want {
			continue
		}
		if o.Verdict != sdk.Replace || string(o.Event.Data) != c.want || !o.Event.DataIsJSON {
			t.Errorf("%s: %+v, want %s", c.name, o, c.want)
			if o.Event != nil {
				t.Logf("got %s", o.Event.Data)
			}
		}
	}
}

func TestFilterThatGivesNoData(t *testing.T) {
	for _, c := range []struct {
		name, filter, data string
		verdict            sdk.Verdict
		reason             string
	}{
		{"empty", `empty`, `1`, sdk.Drop, "filter gave no value"},
		{"not selected", `select(.n > 5)`, `{"n":1}`, sdk.Drop, "filter gave no value"},
		{"several", `.[]`, `[1,2]`, sdk.Fail, "filter gave more than one value: put it in [ ] or take the first(...)"},
		{"an error behind a value", `., error("late")`, `1`, sdk.Fail, "filter: late"},
		{"its own error", `error("no \(.n)")`, `{"n":1}`, sdk.Fail, "filter: no 1"},
		{"its own long error", `error("ä" * 1000)`, `1`, sdk.Fail, "filter: " + strings.Repeat("ä", 128) + "..."},
		{"an error of a value", `error(.)`, `{"n":"SECRET"}`, sdk.Fail, "filter ended with error(...) of a value that is no text"},
		{"an error without bound", `reduce range(60) as $i (1; [., .]) | error`, `1`, sdk.Fail, "filter ended with error(...) of a value that is no text"},
		{"halt", `halt`, `1`, sdk.Fail, "filter called halt: to drop an event, give empty"},
		{"halt behind a value", `1, halt`, `1`, sdk.Fail, "filter called halt: to drop an event, give empty"},
		{"halt with a value", `.n | halt_error`, `{"n":"SECRET"}`, sdk.Fail, "filter called halt: to drop an event, give empty"},
		{"a wrong kind", `.[]`, `"SECRET"`, sdk.Fail, "filter failed: cannot iterate over: string"},
		{"a wrong member", `.a.b`, `{"a":"SECRET"}`, sdk.Fail, "filter failed: expected an object but got: string"},
		{"a wrong sum", `.a + .b`, `{"a":"SECRET","b":98765}`, sdk.Fail, "filter failed: cannot add: string"},
		{"no number", `tonumber`, `"SECRET"`, sdk.Fail, "filter failed: tonumber cannot be applied"},
		{"no date", `fromdate`, `"SECRET"`, sdk.Fail, "filter failed: strptime"},
		{"no JSON text", `fromjson`, `"SECRET"`, sdk.Fail, "filter failed: fromjson cannot be applied"},
		{"a value of a function", `ltrimstr("a") | test(98765)`, `"SECRET"`, sdk.Fail, "filter failed: test"},
		{"a broken pattern", `.p as $p | test($p)`, `{"p":"(SECRET"}`, sdk.Fail, "filter failed: test"},
		{"a pattern", `.p as $p | "a" | test($p)`, `{"p":"(SECRET"}`, sdk.Fail, "filter failed: invalid regular expression"},
		{"a format", `.f as $f | format($f)`, `{"f":"SECRET"}`, sdk.Fail, "filter failed: format not defined"},
		{"a division", `98765 / .`, `0`, sdk.Fail, "filter failed: cannot divide number"},
		{"a negative index", `.[-98765] = 1`, `[]`, sdk.Fail, "filter failed: setpath"},
		{"no path", `map(.)[0] = 1`, `[98765]`, sdk.Fail, "filter failed: invalid path against: array"},
		{"a great text", `"x" * 1e10`, `1`, sdk.Fail, "filter failed: repeat string result too large"},
		{"modules", `"SECRET" | modulemeta`, `1`, sdk.Fail, "filter failed: cannot load module"},
	} {
		o := run(t.Context(), t, open(t, with(c.filter, "")), event(c.data))
		if o.Verdict != c.verdict || o.Reason != c.reason || o.Retry || o.Stack != "" {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
}

func TestData(t *testing.T) {
	for _, c := range []struct {
		name, filter string
		e            sdk.Event
		want, media  string
	}{
		{"none", `[.]`, sdk.Event{}, `[null]`, "application/json"},
		{"of no stated type", `.a`, sdk.Event{Data: []byte(`{"a":1}`), DataIsJSON: true}, `1`, "application/json"},
		{"of a JSON type", `.a`, sdk.Event{Data: []byte(`{"a":1}`), DataIsJSON: true, DataContentType: "application/vnd.x+json; v=1"}, `1`, "application/vnd.x+json; v=1"},
		{"of another type", `.a`, sdk.Event{Data: []byte(`{"a":"b"}`), DataIsJSON: true, DataContentType: "text/plain"}, `"b"`, "application/json"},
		{"of a broken type", `.a`, sdk.Event{Data: []byte(`{"a":"b"}`), DataIsJSON: true, DataContentType: "json;;"}, `"b"`, "application/json"},
		{"text", `.`, sdk.Event{Data: []byte(`SECRET`)}, "data is not JSON", ""},
		{"JSON in base64", `.`, sdk.Event{Data: []byte(`{"a":1}`), DataContentType: "application/json"}, "data is not JSON", ""},
		{"broken", `.`, sdk.Event{Data: []byte(`{"SECRET`), DataIsJSON: true}, "data is not JSON", ""},
		{"two values", `.`, sdk.Event{Data: []byte(`1 2`), DataIsJSON: true}, "data is not JSON", ""},
	} {
		o := run(t.Context(), t, open(t, with(c.filter, "")), &c.e)
		if c.media == "" {
			if o.Verdict != sdk.Fail || o.Retry || o.Reason != c.want {
				t.Errorf("%s: %+v", c.name, o)
			}
			continue
		}
		if o.Verdict != sdk.Replace || string(o.Event.Data) != c.want || o.Event.DataContentType != c.media || !o.Event.DataIsJSON {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
}

// The hostile filters are those that would go on for ever, or fill any memory.
func TestTimeout(t *testing.T) {
	for _, filter := range []string{
		`def f: f; f`,
		`def f: [f]; f`,
		`def f: 1 + f; f`,
		`[range(1e12)]`,
		`last(range(1e12))`,
		`first(range(1e12) | select(. < 0))`,
		`[limit(1e12; repeat(1))]`,
		`until(false; .)`,
		`reduce range(1e12) as $i (0; [.])`,
		`[recurse([.])]`,
		`try (def f: f; f) catch 1`,
		`label $out | foreach repeat(1) as $i (0; . + 1; if . < 0 then break $out else empty end)`,
		`[[range(1e3)], [range(1e3)], [range(1e3)], [range(1e3)]] | [combinations] | length`,
	} {
		o := run(t.Context(), t, open(t, with(filter, `,"timeout":"20ms"`)), event(`1`))
		if o.Verdict != sdk.Fail || !o.Retry || o.Reason != "filter took longer than 20ms" {
			t.Errorf("%s: %+v", filter, o)
		}
	}
}

func TestTimeoutIsForEachEvent(t *testing.T) {
	tr := open(t, with(`if .slow then (def f: f; f) else .n end`, `,"timeout":"20ms"`))
	outcomes, err := tr.Transform(t.Context(), []sdk.Input{{Event: event(`{"slow":true}`)}, {Event: event(`{"n":5}`)}})
	if err != nil || outcomes[0].Verdict != sdk.Fail || outcomes[1].Verdict != sdk.Replace || string(outcomes[1].Event.Data) != "5" {
		t.Errorf("%+v, %v", outcomes, err)
	}
}

func TestEndOfTheCall(t *testing.T) {
	tr := open(t, with(`def f: f; f`, `,"timeout":"24h"`))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if o := run(ctx, t, tr, event(`1`)); o.Verdict != sdk.Fail || !o.Retry || !strings.HasPrefix(o.Reason, "filter was stopped") {
		t.Errorf("%+v", o)
	}
}

func TestMaxOutput(t *testing.T) {
	for _, c := range []struct {
		filter, reason string
	}{
		{`"x" * 98`, ""},
		{`"x" * 99`, "filter gave more than max_output, 100 bytes"},
		{`"\u0000" * 17`, "filter gave more than max_output, 100 bytes"},
		{`"x" * 1e7`, "filter gave more than max_output, 100 bytes"},
		{`[range(1; 50)] | length`, ""},
		{`[range(100)]`, "filter gave more than max_output, 100 bytes"},
		{`[range(100) | {key: "k\(.)", value: 1}] | from_entries`, "filter gave more than max_output, 100 bytes"},
		{`reduce range(9) as $i (10; . * .)`, "filter gave more than max_output, 100 bytes"},
		{`reduce range(99) as $i (1; . * 10)`, ""},
		{`reduce range(100) as $i (1; . * 10)`, "filter gave more than max_output, 100 bytes"},
		{`reduce range(60) as $i (1; [., .])`, "filter gave more than max_output, 100 bytes"},
		{`reduce range(60) as $i (1; {a: ., b: .})`, "filter gave more than max_output, 100 bytes"},
	} {
		o := run(t.Context(), t, open(t, with(c.filter, `,"max_output":100`)), event(`null`))
		if verdict := map[bool]sdk.Verdict{true: sdk.Replace, false: sdk.Fail}[c.reason == ""]; o.Verdict != verdict || o.Reason != c.reason || o.Retry {
			t.Errorf("%s: %+v", c.filter, o)
		}
	}
}

func TestDepth(t *testing.T) {
	for filter, fits := range map[string]bool{
		`reduce range(63) as $i (1; [.])`:         true,
		`reduce range(64) as $i (1; [.])`:         false,
		`reduce range(63) as $i (1; {a: .})`:      true,
		`reduce range(64) as $i (1; {a: .})`:      false,
		`reduce range(63) as $i ([]; {a: .})`:     false,
		`reduce range(10000) as $i (1; [.])`:      false,
		`reduce range(10000) as $i (1; {a: [.]})`: false,
	} {
		o := run(t.Context(), t, open(t, with(filter, `,"timeout":"1h","max_output":10000000`)), event(`null`))
		if fits && o.Verdict != sdk.Replace || !fits && (o.Verdict != sdk.Fail || o.Retry || !strings.Contains(o.Reason, "deeper")) {
			t.Errorf("%s: %+v", filter, o)
			continue
		}
		if fits { // and an event around it is one
			raw := `{"specversion":"1.0","id":"1","source":"a","type":"t","data":` + string(o.Event.Data) + `}`
			if _, err := sdk.ParseEvent([]byte(raw)); err != nil {
				t.Errorf("%s: %v", filter, err)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		config, text string
		paths        []string
	}{
		{`{}`, "is required", []string{"/filter"}},
		{with("", ""), "at least 1", []string{"/filter"}},
		{with(".a |", ""), "is no jq filter up to byte 4: unexpected EOF", []string{"/filter"}},
		{with(".a | .b )", ""), "is no jq filter up to byte 9: unexpected token \")\"", []string{"/filter"}},
		{with("{", ""), "is no jq filter", []string{"/filter"}},
		{with("nosuch", ""), "nosuch/0", []string{"/filter"}},
		{with("$nosuch", ""), "$nosuch", []string{"/filter"}},
		{with("input", ""), "not allowed", []string{"/filter"}},
		{with("[inputs]", ""), "not allowed", []string{"/filter"}},
		{with("debug", ""), "debug/0", []string{"/filter"}},
		{with("debug(\"x\")", ""), "debug/1", []string{"/filter"}},
		{with("stderr", ""), "stderr/0", []string{"/filter"}},
		{with("input_filename", ""), "input_filename/0", []string{"/filter"}},
		{with("$__prog_args", ""), "$__prog_args", []string{"/filter"}},
		{with(`import "a" as a; .`, ""), "cannot load module", []string{"/filter"}},
		{with(`include "a"; .`, ""), "cannot load module", []string{"/filter"}},
		{with(`import "a" as $a; .`, ""), "cannot load module", []string{"/filter"}},
		{with(".", `,"timeout":"0s"`), "want more", []string{"/timeout"}},
		{with("|", `,"timeout":"-1s"`), "want more", []string{"/timeout", "/filter"}},
		{with(".", `,"timeout":5`), "duration", []string{"/timeout"}},
		{with(".", `,"max_output":0`), "at least 1", []string{"/max_output"}},
		{with(".", `,"file":"a.jq"`), "not known", []string{"/file"}},
	} {
		_, err := jq.Plugin().Transforms[0].Open(t.Context(), json.RawMessage(c.config))
		faults, _ := errors.AsType[sdk.Diagnostics](err)
		var paths []string
		for _, f := range faults {
			paths = append(paths, f.Path)
		}
		if !slices.Equal(paths, c.paths) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.config, err)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	tr := open(b, with(`{id, total: ([.items[].price] | add)}`, ""))
	data := `{"id":"x","items":[{"price":1},{"price":2.5},{"price":3}],"note":"` + strings.Repeat("x", 600) + `"}`
	b.ReportAllocs()
	for b.Loop() {
		if o := run(b.Context(), b, tr, event(data)); o.Verdict != sdk.Replace {
			b.Fatalf("%+v", o)
		}
	}
}
