package sdktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

// junit is the part of a JUnit report that its readers look at.
type junit struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Suites   []struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
		Cases    []struct {
			Class   string `xml:"classname,attr"`
			Name    string `xml:"name,attr"`
			Failure *struct {
				Text string `xml:"message,attr"`
				Body string `xml:",chardata"`
			} `xml:"failure"`
			Skipped *struct {
				Text string `xml:"message,attr"`
			} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	err := sdktest.JUnit(&b, []sdktest.Result{
		{Rule: "handshake", Doc: "It greets.", Verdict: sdktest.Pass, Took: 1500 * time.Millisecond},
		{Rule: "order", Doc: "It keeps <order>.", Verdict: sdktest.Fail, Reason: "outcome \"1\" & 2\x00\x1b[31m\xff\nmore", Took: 250 * time.Millisecond},
		{Rule: "hint", Verdict: sdktest.NotApplicable, Reason: "the plugin offers no provider"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), `<?xml version="1.0" encoding="UTF-8"?>`) {
		t.Errorf("the report begins with %.60s", b.String())
	}
	var got junit
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in\n%s", err, &b)
	}
	if got.Tests != 3 || got.Failures != 1 || len(got.Suites) != 1 {
		t.Fatalf("the report is\n%s", &b)
	}
	s := got.Suites[0]
	if s.Tests != 3 || s.Failures != 1 || s.Skipped != 1 || s.Time != "1.750" || len(s.Cases) != 3 {
		t.Errorf("the suite is %+v", s)
	}
	if c := s.Cases[0]; c.Name != "handshake" || c.Class != "headgate.plugin.v1" || c.Failure != nil || c.Skipped != nil {
		t.Errorf("a pass is %+v", c)
	}
	if f := s.Cases[1].Failure; f == nil || f.Text != `outcome "1" & 2??[31m?` || !strings.Contains(f.Body, "It keeps <order>.\n") || !strings.HasSuffix(f.Body, "\nmore") {
		t.Errorf("a failure is %+v", f)
	}
	if c := s.Cases[2]; c.Skipped == nil || c.Skipped.Text != "the plugin offers no provider" {
		t.Errorf("what is not applicable is %+v", c)
	}
}

// full is a writer that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestJUnitTellsWriteErrors(t *testing.T) {
	if err := sdktest.JUnit(full{}, nil); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("got %v", err)
	}
}

func TestRulesThatFollowAreNotTried(t *testing.T) {
	s := suite(t, "good")
	s.Command.Path = t.TempDir() // a directory cannot be run
	results := map[string]sdktest.Result{}
	if s.Run(t.Context(), func(r sdktest.Result) { results[r.Rule] = r }) {
		t.Error("it passes")
	}
	if len(results) != len(sdktest.Rules()) {
		t.Errorf("%d results of %d rules", len(results), len(sdktest.Rules()))
	}
	for name, r := range results {
		want := sdktest.NotApplicable
		if name == "handshake" {
			want = sdktest.Fail
		}
		if r.Verdict != want || r.Reason == "" {
			t.Errorf("%s: %s: %s", name, r.Verdict, r.Reason)
		}
	}
	if r := results["describe"]; r.Reason != "not tried, for handshake was not met" {
		t.Errorf("describe: %s", r.Reason)
	}
}

func TestInterruptedSuiteFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := suite(t, "good")
	s.Only("handshake", "cookie", "version")
	var verdicts []sdktest.Verdict
	passed := s.Run(ctx, func(r sdktest.Result) {
		verdicts = append(verdicts, r.Verdict)
		cancel()
	})
	if passed || len(verdicts) != 3 || verdicts[0] != sdktest.Pass || verdicts[1] != sdktest.Fail || verdicts[2] != sdktest.Fail {
		t.Errorf("passed %v by %v", passed, verdicts)
	}
}

func TestGivenThingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*sdktest.Options)
		want   string
	}{
		{"event", func(o *sdktest.Options) { o.Events = []string{`{}`} }, "event 1 of those"},
		{"kind", func(o *sdktest.Options) { o.Config["warp"] = `{}` }, `"warp", which is no kind`},
		{"no JSON", func(o *sdktest.Options) { o.Config["wrap"] = `{` }, "no JSON"},
		{"none", func(o *sdktest.Options) { delete(o.Config, "wrap") }, "give it one to be tested with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := suite(t, "good")
			s.Only("handshake", "describe", "schema", "sample")
			c.change(&s.Options)
			expect(t, s, "sample", c.want, nil)
		})
	}
}

func TestReportShowsNoSecret(t *testing.T) {
	for _, secret := range []string{"s3cr\"et-of-the-author", strings.Repeat("s3cret", 60)} {
		text, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		s := suite(t, "tells-all")
		s.Only(append(sdktest.ConfigRules, "handshake", "describe", "log-lines")...)
		s.Options.Config["wrap"] = `{"word":"inner","token":` + string(text) + `}`
		failed := false
		s.Run(t.Context(), func(r sdktest.Result) {
			failed = failed || r.Verdict == sdktest.Fail && strings.Contains(r.Reason, "[redacted]")
			if strings.Contains(r.Reason, "s3cr") {
				t.Errorf("%s shows a secret: %s", r.Rule, r.Reason)
			}
		})
		if !failed {
			t.Error("nothing was shown that had to be redacted")
		}
	}
}

func TestFloodIsNotKept(t *testing.T) {
	c := sdktest.NewCapture()
	for range 100 {
		if n, err := c.Write(make([]byte, 100<<10)); n != 100<<10 || err != nil {
			t.Fatalf("wrote %d: %v", n, err)
		}
	}
	if text, total := c.Text(); len(text) != 2<<20 || total != 100*100<<10 {
		t.Errorf("kept %d of %d bytes", len(text), total)
	}
}

func TestLineFault(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"hclog", `{"@level":"info","@message":"","@timestamp":"now","n":1}`, ""},
		{"text", `it works`, ""},
		{"a list", `[]`, ""},
		{"no level", `{"@message":"x"}`, "wants @level"},
		{"no text", `{"@level":"info"}`, "wants @level"},
		{"long", `{"@level":"info","@message":"` + strings.Repeat("x", 64<<10) + `"}`, "at most 65536"},
	} {
		t.Run(c.name, func(t *testing.T) { told(t, sdktest.LineFault(c.line), c.want) })
	}
}

func TestOutcomeFaults(t *testing.T) {
	event := func(id string) *pb.Event { return &pb.Event{Id: id, Source: "/s", Type: "t"} }
	replace := func(e ...*pb.Event) *pb.Outcome {
		return &pb.Outcome{Is: &pb.Outcome_Replace{Replace: &pb.Replace{Events: e}}}
	}
	unchanged := &pb.Outcome{Is: &pb.Outcome_Unchanged{Unchanged: &pb.Unchanged{}}}
	events := []*pb.Event{event("a"), event("b")}
	changed := event("b")
	changed.Subject = "new"
	broken := event("b")
	broken.DataIsJson, broken.Data = true, []byte("{")
	for _, c := range []struct {
		name               string
		outcomes           []*pb.Outcome
		whole, order, core string
		replaced           int
	}{
		{"as it should be", []*pb.Outcome{unchanged, replace(event("b"))}, "", "", "", 1},
		{"swapped", []*pb.Outcome{replace(event("b")), replace(event("a"))}, "", "outcome 1 of 2 is that of event 2", "", 2},
		{"changed core", []*pb.Outcome{unchanged, replace(changed)}, "", "", "the subject of a replaced event", 1},
		{"own id", []*pb.Outcome{unchanged, replace(event("c"))}, "", "", `the id "c"`, 1},
		{"broken JSON", []*pb.Outcome{unchanged, replace(broken)}, "", "", "no JSON", 1},
		{"too few", []*pb.Outcome{unchanged}, "1 outcomes for 2 events", "", "", 0},
		{"nothing", []*pb.Outcome{unchanged, {}}, "says nothing", "", "", 0},
		{"none instead", []*pb.Outcome{unchanged, replace()}, "has 0 events", "", "", 0},
		{"failure without a reason", []*pb.Outcome{unchanged, {Is: &pb.Outcome_Failure{Failure: &pb.Failure{}}}}, "without a reason", "", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			told(t, sdktest.OutcomeFault(len(events), c.outcomes), c.whole)
			_, err := sdktest.OrderFault(events, c.outcomes)
			told(t, err, c.order)
			n, err := sdktest.CoreFault(events, c.outcomes)
			told(t, err, c.core)
			if n != c.replaced {
				t.Errorf("%d events were replaced: want %d", n, c.replaced)
			}
		})
	}
}
