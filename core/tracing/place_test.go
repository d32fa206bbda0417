package tracing_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/tracing"
	"github.com/headgate-io/headgate/sdk"
)

func delivered(e *outbox.Entry) *dispatch.Delivered {
	return &dispatch.Delivered{Channel: "commands", Entry: e, Seq: 7, Attempt: 1, Sent: e.Accepted, At: e.Accepted, End: dispatch.EndDone, Reply: "done"}
}

// carrying is an entry whose event has a traceparent, whatever it is.
func carrying(traceparent string) *outbox.Entry {
	return &outbox.Entry{Event: sdk.Event{ID: "e1", Source: "//shop", Type: "order", Extensions: []sdk.Extension{{Name: "traceparent", Value: traceparent}}}, Accepted: time.Unix(1, 2)}
}

func TestTraceParents(t *testing.T) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for _, tt := range []struct {
		name, traceparent string
		goesOn            string // with these flags; empty for not at all
	}{
		{"sampled", "00-" + trace + "-" + parent + "-01", "-01"},
		{"sampled and random", "00-" + trace + "-" + parent + "-03", "-03"},
		{"a version to come", "01-" + trace + "-" + parent + "-01-more", "-01"},
		{"a version to come, as long", "cc-" + trace + "-" + parent + "-01", "-01"},
		{"a version to come, run on", "01-" + trace + "-" + parent + "-01more", ""},
		{"no version", "ff-" + trace + "-" + parent + "-01", ""},
		{"more of this version", "00-" + trace + "-" + parent + "-01-more", ""},
		{"upper case", "00-" + strings.ToUpper(trace) + "-" + parent + "-01", ""},
		{"no trace", "00-" + strings.Repeat("0", 32) + "-" + parent + "-01", ""},
		{"no parent", "00-" + trace + "-" + strings.Repeat("0", 16) + "-01", ""},
		{"no hexadecimal digit", "00-" + trace + "-" + parent + "-0g", ""},
		{"short", "00-" + trace + "-" + parent + "-1", ""},
		{"other dashes", "00_" + trace + "_" + parent + "_01", ""},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tracing.New(tracing.Options{}).TraceParent(carrying(tt.traceparent), "c", 1)
			if goesOn := strings.HasPrefix(got, "00-"+trace) && !strings.Contains(got, parent); goesOn != (tt.goesOn != "") || !strings.HasSuffix(got, tt.goesOn) {
				t.Errorf("it becomes %s", got)
			}
		})
	}
}

// TestTraceStates: a vendor's part is passed on as far as it can be read (W3C Trace
// Context, section 3.3).
func TestTraceStates(t *testing.T) {
	for _, tt := range []struct{ name, traceparent, state, want string }{
		{"one vendor", sampled, "vendor=1", "vendor=1"},
		{"two", sampled, "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"},
		{"not readable", sampled, "no state", ""},
		{"not ASCII", sampled, "vendor=ä", ""},
		{"too long", sampled, "a=" + strings.Repeat("x", 256) + ",b=" + strings.Repeat("x", 256), ""},
		{"of no trace", "", "vendor=1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCollector(t)
			r := run(t, tracing.Options{Endpoint: c.URL, Sample: 1})
			e := carrying(tt.traceparent)
			e.Event.Extensions = append(e.Event.Extensions, sdk.Extension{Name: "tracestate", Value: tt.state})
			r.Taken(&intake.Taken{Submission: &intake.Submission{}, Status: intake.Queued, Entry: e, Began: e.Accepted})
			r.Delivered(delivered(e))
			r.end()
			for _, name := range []string{"accept", "deliver commands", "reply"} {
				if got := c.one(name).TraceState; got != tt.want {
					t.Errorf("%s: %q", name, got)
				}
			}
		})
	}
}

// TestSpansOutliveARouter: another router names the spans of an entry as this one
// does, and those of anything else otherwise.
func TestSpansOutliveARouter(t *testing.T) {
	name := func(id string, accepted time.Time, channel string, attempt int) string {
		e := carrying(sampled)
		e.Event.ID, e.Accepted = id, accepted
		return tracing.New(tracing.Options{}).TraceParent(e, channel, attempt)
	}
	at := time.Unix(1, 2)
	want := name("e1", at, "c", 1)
	if got := name("e1", at.In(time.FixedZone("", 3600)), "c", 1); got != want {
		t.Errorf("%s and then %s", want, got)
	}
	for _, other := range []string{name("e2", at, "c", 1), name("e1", at.Add(1), "c", 1), name("e1", at, "d", 1), name("e1", at, "c", 2)} {
		if other == want {
			t.Errorf("two spans are %s", want)
		}
	}
}

func FuzzTraceParent(f *testing.F) {
	for _, seed := range []string{sampled, unsampled, "", "00-", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", strings.Repeat("0", 55)} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$`)
	f.Fuzz(func(t *testing.T, text string) {
		tracer := tracing.New(tracing.Options{Sample: 0.5})
		e := carrying(text)
		if got := tracer.TraceParent(e, "c", 1); got != text && !form.MatchString(got) {
			t.Errorf("%q becomes %q", text, got)
		}
		tracer.Delivered(delivered(e))
	})
}
