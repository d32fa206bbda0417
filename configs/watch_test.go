package configs_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/headgate-io/headgate/core/metrics"
)

// TestAlerts: every rule is whole, and asks for metrics that there are.
func TestAlerts(t *testing.T) {
	text, err := os.ReadFile("prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For string
				Labels           map[string]string
				Annotations      map[string]string
			}
		}
	}
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if !strings.HasPrefix(r.Alert, "Headgate") || seen[r.Alert] || g.Name == "" {
				t.Errorf("alert %q", r.Alert)
			}
			seen[r.Alert] = true
			if !slices.Contains([]string{"page", "ticket"}, r.Labels["severity"]) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: labels %v, annotations %v", r.Alert, r.Labels, r.Annotations)
			}
			for _, fault := range faults(r.Expr) {
				t.Errorf("%s: %s", r.Alert, fault)
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("%d alerts", len(seen))
	}
}

// TestDashboard: every panel has its place and asks for metrics that there are.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("grafana/headgate.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		UID    string
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     struct{ H, W, X, Y int }
			Targets     []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	ids, asked := map[int]bool{}, 0
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H == 0 || (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("panel %d %q is at %+v", p.ID, p.Title, p.GridPos)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			asked++
			for _, fault := range faults(target.Expr) {
				t.Errorf("%s: %s", p.Title, fault)
			}
			for _, of := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.Contains(labelsIn(target.Expr), of[1]) {
					t.Errorf("%s: the legend has %s, which %s has not", p.Title, of[1], target.Expr)
				}
			}
		}
	}
	if asked < 40 {
		t.Errorf("%d questions", asked)
	}
}

// TestFaultsAreFound by what the other tests go by.
func TestFaultsAreFound(t *testing.T) {
	for expr, want := range map[string]int{
		`sum by (channel) (rate(headgate_channel_done_total{channel=~"a|b(c"}[5m])) > 0.5`: 0,
		`headgate_channel_don_total`:                     1,
		`summ(headgate_ready)`:                           1,
		`headgate_ready{channel="x"}`:                    1,
		`sum by (route) (headgate_ready)`:                1,
		`(headgate_ready`:                                1,
		`headgate_intake_duration_seconds`:               1,
		`rate(headgate_intake_duration_seconds_sum[1m])`: 0,
		`headgate_ready_bucket`:                          1,
		`headgate_ready[5m`:                              2,
		`headgate_ready{instance="x}`:                    2,
	} {
		if got := faults(expr); len(got) != want {
			t.Errorf("%s: %q", expr, got)
		}
	}
}

// words of PromQL that are neither metrics nor labels.
var words = []string{"sum", "min", "max", "by", "on", "group_left", "and", "or", "unless", "rate", "increase", "deriv", "predict_linear", "histogram_quantile", "time",
	"up", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "go_memstats_heap_inuse_bytes"}

var (
	quoted     = regexp.MustCompile(`"[^"]*"`)
	spans      = regexp.MustCompile(`\[(\d+[smhd]|\$__rate_interval)\]`)
	identifier = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
)

// faults tells what of an expression no router answers. It is no parser: it knows
// every word, and that brackets close.
func faults(expr string) (out []string) {
	bare := spans.ReplaceAllString(quoted.ReplaceAllString(expr, ""), "")
	labels := labelsIn(expr)
	for _, word := range identifier.FindAllString(bare, -1) {
		if metric(word) == nil && !slices.Contains(words, word) && !slices.Contains(labels, word) {
			out = append(out, word+" is neither a metric, nor a label of those, nor a function")
		}
	}
	var open []rune
	closes := map[rune]rune{')': '(', ']': '[', '}': '{'}
	for _, c := range bare {
		switch c {
		case '(', '[', '{':
			open = append(open, c)
		case ')', ']', '}':
			if len(open) == 0 || open[len(open)-1] != closes[c] {
				return append(out, string(c)+" closes nothing")
			}
			open = open[:len(open)-1]
		case '"':
			return append(out, "a text does not end")
		}
	}
	if len(open) > 0 {
		out = append(out, string(open)+" stays open")
	}
	return out
}

// labelsIn are those that the metrics of an expression have.
func labelsIn(expr string) []string {
	labels := []string{"instance", "job"}
	for _, word := range identifier.FindAllString(quoted.ReplaceAllString(expr, ""), -1) {
		if m := metric(word); m != nil {
			labels = append(labels, m.Labels...)
			if m.Kind == "histogram" {
				labels = append(labels, "le")
			}
		}
	}
	return labels
}

// metric finds one by the name of a series.
func metric(series string) *metrics.Metric {
	for _, m := range metrics.Table() {
		if m.Kind != "histogram" && m.Name == series {
			return &m
		}
		for _, end := range []string{"_bucket", "_sum", "_count"} {
			if m.Kind == "histogram" && m.Name+end == series {
				return &m
			}
		}
	}
	return nil
}
