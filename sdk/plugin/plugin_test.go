package plugin_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/plugin"
)

// TestMain is also the plugin that the tests start, and its parent.
func TestMain(m *testing.M) {
	switch os.Getenv("TEST_PLUGIN") {
	case "good":
		plugin.Serve(sdk.TransformFunc("shout", "1.2.3", func(context.Context, struct{}, *sdk.Event) error { return nil }, sdk.Documented("makes it loud")))
	case "parent":
		parent()
	case "bad":
		plugin.Serve(sdk.Plugin{Name: "Bad Name"})
	default:
		goleak.VerifyTestMain(m)
	}
}

// run starts this binary as a plugin and returns what it said.
func run(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out, errs strings.Builder
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env, command.Stdout, command.Stderr = env, &out, &errs
	if err := command.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestIntroduction runs a plugin by hand.
func TestIntroduction(t *testing.T) {
	f, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	wants := []string{"shout 1.2.3 is a plugin of headgate", "transform shout: makes it loud", fmt.Sprintf("sha256 = \"%x\"", h.Sum(nil)), "path   = "}
	for _, test := range []struct {
		args []string
		code int
	}{{nil, 1}, {[]string{"--help"}, 0}, {[]string{"-h"}, 0}} {
		code, stdout, stderr := run(t, []string{"TEST_PLUGIN=good"}, test.args...)
		said := stderr
		if test.code == 0 {
			said = stdout
		}
		if code != test.code || len(stdout)+len(stderr) != len(said) {
			t.Errorf("%q: status %d, stdout %q, stderr %q", test.args, code, stdout, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(said, want) {
				t.Errorf("%q: no %q in %s", test.args, want, said)
			}
		}
	}
}

// TestRefusals shows what ends a plugin before it is served.
func TestRefusals(t *testing.T) {
	cookie := "HEADGATE_PLUGIN=headgate.plugin.v1"
	for _, test := range []struct{ which, says string }{
		{"bad", `plugin name "Bad Name"`},
		{"good", "the router gave no certificate in PLUGIN_CLIENT_CERT"},
	} {
		code, stdout, stderr := run(t, []string{"TEST_PLUGIN=" + test.which, cookie})
		if code != 1 || stdout != "" || !strings.Contains(stderr, test.says) {
			t.Errorf("%s: status %d, stdout %q, stderr %q", test.which, code, stdout, stderr)
		}
	}
}

type strange struct{ C chan int }

// TestLines shows the form of a log line.
func TestLines(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	var out bytes.Buffer
	h := plugin.NewLines(&out, slog.LevelInfo)
	if h.Enabled(t.Context(), slog.LevelDebug) || !h.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("the level does not count")
	}
	nested := h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.String("b", "2")}).WithGroup("")
	r := slog.NewRecord(at, slog.LevelWarn, "he said \"no\"\nand left", 0)
	r.Add("c", 3*time.Second, "d", errors.New("bad"), "e", slog.GroupValue(slog.Int("f", 6)), slog.Group("", "inline", true), "s", strange{}, slog.Attr{})
	if err := nested.Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 1 || !strings.HasSuffix(out.String(), "\n") {
		t.Errorf("%d lines: %q", n, out.String())
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	want := map[string]any{
		"@level": "warn", "@message": "he said \"no\"\nand left", "@timestamp": "2026-01-02T03:04:05.000006Z",
		"a": 1.0, "g.b": "2", "g.c": "3s", "g.d": "bad", "g.e.f": 6.0, "g.inline": true, "g.s": "{<nil>}",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s = %v, want %v", name, got[name], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
	for level, name := range map[slog.Level]string{slog.LevelDebug: "debug", slog.LevelInfo: "info", slog.LevelError: "error", slog.LevelError + 4: "error", slog.LevelDebug - 4: "debug"} {
		out.Reset()
		if err := h.Handle(t.Context(), slog.NewRecord(at, level, "x", 0)); err != nil || !strings.Contains(out.String(), `"@level":"`+name+`"`) {
			t.Errorf("%v, %s", err, out.String())
		}
	}
}
