package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/metrics"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/core/topology"
	"github.com/headgate-io/headgate/core/trust"
)

var update = flag.Bool("update", false, "write README.md anew")

// router has something of everything.
type router struct {
	top    admin.Top
	keys   admin.Keys
	levels []admin.PartLevel
	err    error
}

func (r *router) Top(context.Context) (admin.Top, error)            { return r.top, r.err }
func (r *router) Keys(context.Context) (admin.Keys, error)          { return r.keys, r.err }
func (r *router) Levels(context.Context) ([]admin.PartLevel, error) { return r.levels, r.err }

func whole() *router {
	at := time.UnixMilli(1_700_000_000_500)
	socket := func(n int) admin.Socket {
		return admin.Socket{Counts: topology.Counts{Connected: 10, Refused: 2, Cut: 1, Reasons: map[string]uint64{"too many peers": 3}}, Connections: make([]topology.Connection, n)}
	}
	door := socket(1)
	disk := &outbox.Disk{Bytes: 1000, Free: 5000, Reserve: 256, Segments: 2, Refusing: "full", Damaged: 1}
	for _, v := range []uint64{0, 1, 2, 3, 4, 1 << 40} {
		disk.Commits.Add(v)
		disk.Syncs.Add(v)
	}
	return &router{
		top: admin.Top{Version: "v1.2.3", Started: at, Draining: true,
			Doors:   []admin.Door{{Name: "edge"}, {Name: "direct", ZMQ: &ingress.ZMQCounts{Requests: 7, Answers: 5, Dropped: 2}, Socket: &door}},
			Replies: admin.Replies{Taken: 8, Bad: 1, Socket: socket(3)},
			Intake:  intake.Counts{Accepted: 100, Duplicate: 10, Refused: 5},
			Outbox: outbox.Stats{Durable: true, Entries: 40, IDs: 400, Bytes: 4000, Capacity: 1 << 32, Disk: disk,
				Channels: map[string]outbox.ChannelStats{"commands": {Pending: 30, Out: 4, Dead: 2, Held: 1, Bytes: 3000}, "gone": {Dead: 1}}},
			Commands: []admin.Command{{Facts: dispatch.Facts{Name: "commands", Paused: true, Waiting: 3, Counts: dispatch.Counts{Sent: 50, Done: 45, Lapsed: 2},
				Conns: []dispatch.ConnFacts{{Window: 64}, {Window: 1, Mute: true}}}, Socket: socket(2), Oldest: time.Now().Add(-time.Hour)}, {Facts: dispatch.Facts{Name: "empty"}}},
			Telemetry: []admin.Telemetry{{Name: "telemetry", Subscribers: 2, Published: 9, Dropped: 1, Socket: socket(2)}},
			Plugins:   []admin.Plugin{{Name: "mask", State: supervisor.Backoff, Generation: 3, Failures: 2}},
			Required:  []string{"mask"},
			Trust: []admin.Trust{{Name: "okta", Generation: 1, FetchedAt: at, Issuers: []trust.IssuerFact{{Issuer: "https://okta.example", State: trust.TrustStale, Keys: []string{"a", "b"}, UsableUntil: at.Add(time.Hour)}}},
				{Name: "aws", Issuers: []trust.IssuerFact{{Issuer: "https://aws.example", State: trust.TrustNone}}}},
			Audit:  &admin.Audit{Records: 70, Failing: "full", Checkpoint: at, Exported: at},
			Tail:   admin.TailCounts{Readers: 1, Missed: 6},
			Traces: &admin.Traces{Exported: 40, Rejected: 3, Dropped: 2, Queued: 9, Failing: true},
		},
		keys:   admin.Keys{Senders: []admin.Sender{{Auth: "edge-keys", State: "active"}, {Auth: "edge-keys", State: "active"}, {Auth: "edge-keys", State: "revoked"}}, Delivery: make([]admin.DeliveryKey, 2), SendersFault: "bad"},
		levels: []admin.PartLevel{{Part: "intake", LeftOut: 12}},
	}
}

func names() metrics.Names {
	return metrics.Names{Ingress: []string{"edge", "direct"}, Codes: []string{"forbidden", "disk_full"}, Bounds: []string{"requests", "work_bytes"}, Auth: []string{"edge-keys"}, Routes: []string{"orders"}, Channels: []string{"commands"}}
}

// scrape reads the metrics as a Prometheus does.
func scrape(t *testing.T, h http.Handler) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	got, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// series gives each one of a router's own metrics as "name{labels}".
func series(families map[string]*dto.MetricFamily) map[string]float64 {
	out := make(map[string]float64)
	for name, f := range families {
		if !strings.HasPrefix(name, "headgate_") {
			continue
		}
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			id := name + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Counter != nil:
				out[id] = m.Counter.GetValue()
			case m.Gauge != nil:
				out[id] = m.Gauge.GetValue()
			case m.Histogram != nil:
				out[id] = float64(m.Histogram.GetSampleCount())
			}
		}
	}
	return out
}

func counted() *metrics.Metrics {
	m := metrics.New()
	m.Use(names())
	m.Intake().Took("edge", 3*time.Millisecond)
	m.Intake().Refused("edge", "forbidden")
	m.Intake().Refused("edge", "forbidden")
	m.Intake().Shed("edge", "requests")
	m.Intake().Verdict("edge-keys", "key_unknown")
	m.Intake().Routed("orders")
	m.Channel("commands").Delivered(10 * time.Millisecond)
	m.Channel("commands").Settled(time.Second)
	return m
}

func TestAScrapeTellsARouter(t *testing.T) {
	got := series(scrape(t, counted().Handler(whole(), zerolog.Nop())))
	for id, want := range map[string]float64{
		`headgate_build_info{version="v1.2.3"}`:                                             1,
		`headgate_start_time_seconds{}`:                                                     1_700_000_000.5,
		`headgate_ready{}`:                                                                  0,
		`headgate_unready{what="router"}`:                                                   1,
		`headgate_unready{what="journal"}`:                                                  1,
		`headgate_unready{what="audit"}`:                                                    1,
		`headgate_unready{what="plugin"}`:                                                   1,
		`headgate_unready{what="trust"}`:                                                    1,
		`headgate_intake_events_total{result="accepted"}`:                                   100,
		`headgate_intake_events_total{result="refused"}`:                                    5,
		`headgate_intake_refused_total{code="forbidden",ingress="edge"}`:                    2,
		`headgate_intake_refused_total{code="disk_full",ingress="direct"}`:                  0,
		`headgate_intake_shed_total{bound="requests",ingress="edge"}`:                       1,
		`headgate_intake_shed_total{bound="work_bytes",ingress="direct"}`:                   0,
		`headgate_intake_duration_seconds{ingress="edge"}`:                                  1,
		`headgate_auth_verdicts_total{auth="edge-keys",verdict="key_unknown"}`:              1,
		`headgate_route_events_total{route="orders"}`:                                       1,
		`headgate_channel_delivery_wait_seconds{channel="commands"}`:                        1,
		`headgate_channel_settle_seconds{channel="commands"}`:                               1,
		`headgate_ingress_zmq_requests_total{ingress="direct"}`:                             7,
		`headgate_socket_connections{name="commands",part="channel"}`:                       2,
		`headgate_socket_connections{name="replies",part="replies"}`:                        3,
		`headgate_socket_connections{name="direct",part="ingress"}`:                         1,
		`headgate_socket_ended_total{name="direct",part="ingress",reason="too many peers"}`: 3,
		`headgate_channel_pending{channel="commands"}`:                                      30,
		`headgate_channel_dead{channel="gone"}`:                                             1,
		`headgate_channel_paused{channel="commands"}`:                                       1,
		`headgate_channel_consumers{channel="commands"}`:                                    2,
		`headgate_channel_mute_consumers{channel="commands"}`:                               1,
		`headgate_channel_credit{channel="commands"}`:                                       65,
		`headgate_channel_done_total{channel="commands"}`:                                   45,
		`headgate_telemetry_subscribers{channel="telemetry"}`:                               2,
		`headgate_journal_refusing{}`:                                                       1,
		`headgate_journal_commit_records{}`:                                                 6,
		`headgate_plugin_state{plugin="mask",state="backoff"}`:                              1,
		`headgate_plugin_state{plugin="mask",state="ready"}`:                                0,
		`headgate_trust_state{auth="okta",issuer="https://okta.example",state="stale"}`:     1,
		`headgate_trust_fetched_timestamp_seconds{auth="okta"}`:                             1_700_000_000.5,
		`headgate_trust_keys{auth="okta",issuer="https://okta.example"}`:                    2,
		`headgate_audit_failing{}`:                                                          1,
		`headgate_audit_records{}`:                                                          70,
		`headgate_keys{auth="edge-keys",state="active"}`:                                    2,
		`headgate_delivery_keys{}`:                                                          2,
		`headgate_keys_stale{keys="senders"}`:                                               1,
		`headgate_keys_stale{keys="delivery"}`:                                              0,
		`headgate_log_lines_left_out_total{part="intake"}`:                                  12,
		`headgate_tail_missed_total{}`:                                                      6,
		`headgate_trace_spans_total{result="exported"}`:                                     40,
		`headgate_trace_spans_total{result="rejected"}`:                                     3,
		`headgate_trace_spans_total{result="dropped"}`:                                      2,
		`headgate_trace_queued{}`:                                                           9,
		`headgate_trace_failing{}`:                                                          1,
	} {
		if value, found := got[id]; !found || value != want {
			t.Errorf("%s is %v (%v), want %v", id, value, found, want)
		}
	}
	if age := got[`headgate_channel_oldest_pending_seconds{channel="commands"}`]; age < 3600 || age > 3700 {
		t.Errorf("the oldest has waited for %v s", age)
	}
	if age, found := got[`headgate_channel_oldest_pending_seconds{channel="empty"}`]; !found || age != 0 {
		t.Errorf("nothing waits, and that for %v s", age)
	}
	if _, found := got[`headgate_trust_fetched_timestamp_seconds{auth="aws"}`]; found {
		t.Error("keys that never came have an age")
	}
}

// TestNamesFollowTheRules of Prometheus: counters end in _total and nothing else
// does, units are base units and spelled out, and every metric says what it is.
func TestNamesFollowTheRules(t *testing.T) {
	families := scrape(t, counted().Handler(whole(), zerolog.Nop()))
	form := regexp.MustCompile(`^headgate_[a-z]+(_[a-z]+)*$`)
	labels := []string{"version", "what", "result", "ingress", "code", "auth", "verdict", "route", "channel", "part", "name", "reason", "state", "plugin", "issuer", "keys", "bound"}
	seen := 0
	for name, f := range families {
		if !strings.HasPrefix(name, "headgate_") {
			continue
		}
		seen++
		if !form.MatchString(name) || (f.GetType() == dto.MetricType_COUNTER) != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is no name of a %s", name, f.GetType())
		}
		if regexp.MustCompile(`_(ms|millis|milliseconds|micros|minutes|hours|kb|mb|kib|mib|percent)(_|$)`).MatchString(name) {
			t.Errorf("%s is not in base units", name)
		}
		if help := f.GetHelp(); !strings.HasSuffix(help, ".") || len(help) < 10 {
			t.Errorf("%s says %q of itself", name, help)
		}
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if !slices.Contains(labels, l.GetName()) {
					t.Errorf("%s has label %s", name, l.GetName())
				}
			}
		}
	}
	for _, process := range []string{"process_resident_memory_bytes", "process_open_fds", "go_goroutines"} {
		if families[process] == nil {
			t.Errorf("%s is missing", process)
		}
	}
	if listed := len(metrics.Table()); seen != listed {
		t.Errorf("%d metrics are seen of a router that has everything, and %d are listed", seen, listed)
	}
}

// TestHistogramsOfPowersOfTwo keep each value in its bucket, the bound included.
func TestHistogramsOfPowersOfTwo(t *testing.T) {
	families := scrape(t, counted().Handler(whole(), zerolog.Nop()))
	for name, want := range map[string]map[float64]uint64{
		"headgate_journal_commit_records":          {0: 1, 1: 2, 3: 4, 7: 5},
		"headgate_journal_commit_duration_seconds": {1e-6: 1, 2e-6: 2, 4e-6: 4, 8e-6: 5},
	} {
		h := families[name].Metric[0].Histogram
		for _, b := range h.Bucket {
			if n, asked := want[b.GetUpperBound()]; asked && n != b.GetCumulativeCount() {
				t.Errorf("%s: %d up to %v, want %d", name, b.GetCumulativeCount(), b.GetUpperBound(), n)
			}
			delete(want, b.GetUpperBound())
		}
		if len(want) > 0 || h.GetSampleCount() != 6 {
			t.Errorf("%s: no buckets %v; %d in all", name, want, h.GetSampleCount())
		}
	}
}

// TestLabelsAreBounded: what is in no file is no label, and what is gone is forgotten.
func TestLabelsAreBounded(t *testing.T) {
	m := counted()
	for i := range 1000 {
		odd := fmt.Sprintf("odd-%d", i)
		m.Intake().Took(odd, time.Second)
		m.Intake().Refused("edge", odd)
		m.Intake().Refused(odd, "forbidden")
		m.Intake().Shed("edge", odd)
		m.Intake().Shed(odd, "requests")
		m.Intake().Verdict("edge-keys", odd)
		m.Intake().Verdict(odd, odd)
		m.Intake().Routed(odd)
	}
	h := m.Handler(whole(), zerolog.Nop())
	got := series(scrape(t, h))
	if got[`headgate_intake_refused_total{code="other",ingress="edge"}`] != 1000 {
		t.Error("odd codes are not counted as other")
	}
	verdicts := 0
	for id := range got {
		if strings.Contains(id, "odd") && !strings.HasPrefix(id, "headgate_auth_verdicts_total{auth=\"edge-keys\"") {
			t.Errorf("%s", id)
		}
		if strings.HasPrefix(id, "headgate_auth_verdicts_total") {
			verdicts++
		}
	}
	if verdicts != 129 || got[`headgate_auth_verdicts_total{auth="edge-keys",verdict="other"}`] != 1000-127 {
		t.Errorf("%d verdicts, other is %v", verdicts, got[`headgate_auth_verdicts_total{auth="edge-keys",verdict="other"}`])
	}
	m.Use(metrics.Names{Ingress: []string{"edge"}, Codes: []string{"forbidden"}})
	m.Channel("new").Delivered(1)
	got = series(scrape(t, h))
	for id, want := range map[string]bool{
		`headgate_intake_refused_total{code="forbidden",ingress="edge"}`:       true,
		`headgate_intake_refused_total{code="forbidden",ingress="direct"}`:     false,
		`headgate_intake_shed_total{bound="requests",ingress="direct"}`:        false,
		`headgate_route_events_total{route="orders"}`:                          false,
		`headgate_auth_verdicts_total{auth="edge-keys",verdict="key_unknown"}`: false,
		`headgate_channel_settle_seconds{channel="commands"}`:                  false,
		`headgate_channel_delivery_wait_seconds{channel="new"}`:                true,
	} {
		if _, found := got[id]; found != want {
			t.Errorf("%s: %v", id, found)
		}
	}
	m.Use(names())
	if got := series(scrape(t, h)); got[`headgate_intake_shed_total{bound="requests",ingress="edge"}`] != 1 {
		t.Error("an ingress that stays begins anew")
	}
	if got[`headgate_intake_refused_total{code="forbidden",ingress="edge"}`] != 2 {
		t.Error("what stays begins anew")
	}
}

// TestCountingIsFree of allocations, and nothing for nil.
func TestCountingIsFree(t *testing.T) {
	var in *metrics.Intake
	var ch *metrics.Channel
	in.Took("edge", 1)
	in.Refused("edge", "forbidden")
	in.Shed("edge", "requests")
	in.Verdict("a", "b")
	in.Routed("a")
	ch.Delivered(1)
	ch.Settled(1)
	m := counted()
	in, ch = m.Intake(), m.Channel("commands")
	if n := testing.AllocsPerRun(100, func() {
		in.Took("edge", 1)
		in.Refused("edge", "forbidden")
		in.Shed("edge", "requests")
		in.Verdict("edge-keys", "key_unknown")
		in.Routed("orders")
		ch.Delivered(1)
		ch.Settled(1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestARouterThatDoesNotAnswer(t *testing.T) {
	r := whole()
	r.err = errors.New("no such luck")
	w := httptest.NewRecorder()
	var log bytes.Buffer
	metrics.New().Handler(r, zerolog.New(&log)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 500 || !strings.Contains(log.String(), `"error":"no such luck"`) || strings.Contains(w.Body.String(), "luck") {
		t.Errorf("%d %s, log is %s", w.Code, w.Body, log.String())
	}
}

// TestOpenMetrics is spoken to who asks for it.
func TestOpenMetrics(t *testing.T) {
	req := httptest.NewRequest("GET", "/metrics", nil)
	req.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	counted().Handler(whole(), zerolog.Nop()).ServeHTTP(w, req)
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(w.Body.String(), "# EOF\n") {
		t.Errorf("%d %s", w.Code, w.Header())
	}
}

// TestReadmeIsCurrent holds README.md against the metrics there are.
func TestReadmeIsCurrent(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil && !*update {
		t.Fatal(err)
	}
	var table bytes.Buffer
	table.WriteString("| metric | kind | labels | what it says |\n| --- | --- | --- | --- |\n")
	for _, m := range metrics.Table() {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind, strings.Join(m.Labels, ", "), m.Help)
	}
	const begin, end = "<!-- table -->\n", "<!-- end of table -->\n"
	before, rest, _ := strings.Cut(string(text), begin)
	_, after, _ := strings.Cut(rest, end)
	want := before + begin + table.String() + end + after
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Error("README.md does not list the metrics: run go test ./core/metrics -run Readme -update")
	}
}
