package core_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
)

// written is a log in memory.
type written struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func (w *written) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Reset()
}

// says tells which of its levels a part writes now.
func says(log zerolog.Logger, to *written) string {
	to.Reset()
	log.Debug().Msg("")
	log.Info().Msg("")
	log.Warn().Msg("")
	log.Error().Msg("")
	var out []string
	for line := range strings.Lines(to.String()) {
		_, rest, _ := strings.Cut(line, `"level":"`)
		level, _, _ := strings.Cut(rest, `"`)
		out = append(out, level)
	}
	return strings.Join(out, " ")
}

func TestPartsHaveLevelsOfTheirOwn(t *testing.T) {
	var to written
	logs := core.NewLogs(config.Log{Levels: map[string]string{"intake": "debug", "channel": "error"}}, zerolog.New(&to).Level(zerolog.InfoLevel))
	intake, ingress := logs.Part("intake"), logs.Part("ingress")
	child := logs.Part("channel").With().Str("channel", "commands").Logger()
	want := func(what, intakeSays, ingressSays, childSays string) {
		t.Helper()
		for _, c := range []struct {
			log  zerolog.Logger
			want string
		}{{intake, intakeSays}, {ingress, ingressSays}, {child, childSays}} {
			if got := says(c.log, &to); got != c.want {
				t.Errorf("%s: %q, want %q", what, got, c.want)
			}
		}
	}
	want("configured", "debug info warn error", "info warn error", "error")
	for part, level := range map[string]string{"intake": "warn", "ingress": "debug", "channel": "debug"} {
		if err := logs.Set(admin.LevelChange{Part: part, Level: level}); err != nil {
			t.Fatal(err)
		}
	}
	want("set", "warn error", "debug info warn error", "debug info warn error")
	logs.Use(config.Log{Levels: map[string]string{"ingress": "error"}})
	want("configured anew", "info warn error", "error", "info warn error")
	for _, c := range []struct {
		change admin.LevelChange
		want   error
	}{
		{admin.LevelChange{Part: "intake", Level: "loud"}, admin.ErrBad},
		{admin.LevelChange{Part: "intake", Level: ""}, admin.ErrBad},
		{admin.LevelChange{Part: "intake", Level: "disabled"}, admin.ErrBad},
		{admin.LevelChange{Part: "nobody", Level: "info"}, admin.ErrNotFound},
		{admin.LevelChange{Part: "intake", Level: "debug", Seconds: -1}, admin.ErrBad},
		{admin.LevelChange{Part: "intake", Level: "debug", Seconds: 1 << 40}, admin.ErrBad},
	} {
		if err := logs.Set(c.change); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.change, err)
		}
	}
	want("refused", "info warn error", "error", "info warn error")
}

// TestALevelGoesBack by itself, to what is configured then.
func TestALevelGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var to written
		logs := core.NewLogs(config.Log{}, zerolog.New(&to).Level(zerolog.InfoLevel))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- logs.Run(ctx) }()
		intake := logs.Part("intake")
		if err := logs.Set(admin.LevelChange{Part: "intake", Level: "debug", Seconds: 600}); err != nil {
			t.Fatal(err)
		}
		logs.Use(config.Log{Levels: map[string]string{"intake": "warn"}})
		time.Sleep(10*time.Minute - time.Millisecond)
		if got := says(intake, &to); got != "debug info warn error" {
			t.Errorf("before: %q", got)
		}
		i := slices.IndexFunc(logs.List(), func(l admin.PartLevel) bool { return l.Part == "intake" })
		if l := logs.List()[i]; l.Level != "debug" || l.Configured != "warn" || l.Until.IsZero() {
			t.Errorf("listed as %+v", l)
		}
		to.Reset()
		time.Sleep(time.Second)
		synctest.Wait()
		if !strings.Contains(to.String(), `{"level":"info","part":"intake","to":"warn","message":"log level is back"}`) {
			t.Errorf("log is %s", to.String())
		}
		if got := says(intake, &to); got != "warn error" {
			t.Errorf("afterwards: %q", got)
		}
		if l := logs.List()[i]; l.Level != "warn" || !l.Until.IsZero() {
			t.Errorf("listed as %+v", l)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestAFloodIsCutAndCounted: a line a second says how many were left out.
func TestAFloodIsCutAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var to written
		logs := core.NewLogs(config.Log{}, zerolog.New(&to).Level(zerolog.InfoLevel))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- logs.Run(ctx) }()
		intake := logs.Part("intake")
		for range 1000 {
			intake.Info().Msg("refused")
			intake.Debug().Msg("never")
		}
		journal := logs.Part("journal")
		journal.Warn().Msg("another part speaks on")
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		const left = `{"level":"warn","part":"intake","lines":800,"message":"lines were left out: more than 200 a second of one level"}`
		text := to.String()
		if strings.Count(text, "refused") != 200 || strings.Count(text, left) != 1 || strings.Count(text, "left out") != 1 || !strings.Contains(text, "another part") {
			t.Errorf("%d lines pass, log ends %s", strings.Count(text, "refused"), text[max(0, len(text)-400):])
		}
		to.Reset()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if to.String() != "" {
			t.Errorf("in peace it says %s", to.String())
		}
		for range 201 {
			intake.Error().Msg("again")
		}
		cancel() // what is left at the end is told, too
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if text := to.String(); strings.Count(text, "again") != 200 || !strings.Contains(text, `"lines":1,`) {
			t.Errorf("at the end: %s", text)
		}
		i := slices.IndexFunc(logs.List(), func(l admin.PartLevel) bool { return l.Part == "intake" })
		if l := logs.List()[i]; l.LeftOut != 801 {
			t.Errorf("listed as %+v", l)
		}
	})
}

// TestPluginsAreToldTheirLevel: what their logger says of itself is theirs, and
// raising it silences lines that nobody samples.
func TestPluginsAreToldTheirLevel(t *testing.T) {
	var to written
	logs := core.NewLogs(config.Log{}, zerolog.New(&to).Level(zerolog.InfoLevel))
	plugin := logs.Part("plugin")
	if plugin.GetLevel() != zerolog.InfoLevel {
		t.Errorf("it says %v", plugin.GetLevel())
	}
	if err := logs.Set(admin.LevelChange{Part: "plugin", Level: "debug"}); !errors.Is(err, admin.ErrBad) || !strings.Contains(err.Error(), "[log] levels") {
		t.Errorf("got %v", err)
	}
	own := plugin.Sample(nil)
	if got := says(own, &to); got != "info warn error" {
		t.Errorf("its own lines: %q", got)
	}
	if err := logs.Set(admin.LevelChange{Part: "plugin", Level: "error"}); err != nil {
		t.Fatal(err)
	}
	if got := says(own, &to); got != "error" {
		t.Errorf("its own lines: %q", got)
	}
	logs = core.NewLogs(config.Log{Levels: map[string]string{"plugin": "debug"}}, zerolog.New(&to).Level(zerolog.InfoLevel))
	if level := logs.Part("plugin").GetLevel(); level != zerolog.DebugLevel {
		t.Errorf("configured, it says %v", level)
	}
}

// TestEveryPartIsListed that writes a log.
func TestEveryPartIsListed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			of, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || of.Sel.Name != "part" || len(call.Args) != 1 {
				return true
			}
			if name, ok := call.Args[0].(*ast.BasicLit); ok {
				named++
				if part, _ := strconv.Unquote(name.Value); !slices.Contains(config.LogParts(), part) {
					t.Errorf("%s: part %s is not in config.LogParts", file, part)
				}
			}
			return true
		})
	}
	if named < 5 {
		t.Errorf("%d parts are seen", named)
	}
}

func BenchmarkALineThatIsNotWritten(b *testing.B) {
	log := core.NewLogs(config.Log{}, zerolog.New(io.Discard).Level(zerolog.InfoLevel)).Part("intake")
	for b.Loop() {
		log.Debug().Msg("")
	}
}
