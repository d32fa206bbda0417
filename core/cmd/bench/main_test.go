package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test's own program play the roles, and the plugin.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == roleArg || os.Args[1] == pluginArg) {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// TestRunGivesEveryRow runs everything for moments. It looks at no figure.
func TestRunGivesEveryRow(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds headgate and starts many processes")
	}
	// Under the race detector every role would sleep for a second at its end.
	t.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	report := filepath.Join(t.TempDir(), "bench.json")
	var out strings.Builder
	if err := run(context.Background(), []string{"--rounds", "1", "--seconds", "0.05", "--pending", "2000", "--ids", "2000", "--backlog", "300", "--json", report}, &out); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"S1": 28, "S2": 5, "S3": 19, "S4": 8, "S5": 23, "S6": 40, "S7": 1, "S8": 7, "S9": 9, "S10": 3, "S11": 10,
		"J1": 9, "J2": 5, "J3": 6}
	for name, rows := range want {
		if got := strings.Count(out.String(), "\n"+name+"  "); got != rows {
			t.Errorf("table has %d rows of %s, want %d\n%s", got, name, rows, &out)
		}
		if got := strings.Count(string(text), `"target": "`+name+`"`); got != rows {
			t.Errorf("JSON has %d rows of %s, want %d", got, name, rows)
		}
	}
	var r struct{ Rows []row }
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for _, one := range r.Rows {
		if len(one.Measured) == 0 && one.Missing == "" {
			t.Errorf("%s %s: neither a figure nor a reason for its absence", one.Target, one.What)
		}
	}
}

func TestRunRefusesUnknownTargets(t *testing.T) {
	for _, args := range [][]string{{"--only", "S99"}, {"--rounds", "0"}, {"--seconds", "0"}, {"S1"}, {roleArg}, {roleArg, "", "nobody"}} {
		if err := run(context.Background(), args, &strings.Builder{}); err == nil {
			t.Errorf("run(%q) finds nothing wrong", args)
		}
	}
}
