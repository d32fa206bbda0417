package core_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/supervisor"
)

// lockedLog collects log lines.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), what)
}

// TestADeadPluginRefusesNoStart: the router starts and goes on trying; check says
// that it is dead.
func TestADeadPluginRefusesNoStart(t *testing.T) {
	s := newBeast(t)
	cfg := s.config("1.0.0", `config = { fail = "exit" }`)
	var problems config.Problems
	if err := core.CheckPlugins(t.Context(), cfg, core.Options{Log: zerolog.Nop()}); !errors.As(err, &problems) || len(problems) != 1 || problems[0].Line == 0 || !strings.Contains(err.Error(), "exit code 9") {
		t.Errorf("check: %v", err)
	}
	log := new(lockedLog)
	s.run(cfg, zerolog.New(log))
	if p := s.Plugins()[0]; p.Failures == 0 || p.State == supervisor.Ready {
		t.Errorf("plugin %+v", p)
	}
	if !log.has(`"level":"error","part":"plugin","plugin":"beast"`) || !log.has("plugin did not start: what needs it waits, and it is started again") {
		t.Error("the log does not tell of it")
	}
	s.await("the router is ready", func() bool { return log.has(`"message":"ready"`) })
	if err := s.replace(s.config("1.0.1", "")); err != nil {
		t.Error(err)
	}
	s.isAt("1.0.1")
}

// TestWhatOnlyAnOperatorMendsRefusesTheStart: all of it is told at once, and
// nothing that may pass.
func TestWhatOnlyAnOperatorMendsRefusesTheStart(t *testing.T) {
	s := newBeast(t)
	more := func(name, keys string) string {
		return "[[transforms]]\nname = \"" + name + "\"\nplugin = \"beast\"\npath = \"beast\"\nsha256 = \"" + s.sha256 + "\"\n" + keys + "\n"
	}
	cfg := s.config("1.0.0", `config = { fail = "exit" }`+"\n"+more("lamb", `kind = "lamb"`)+more("fine", "")+more("toothed", "config = { tooth = 3 }")+more("gone", ""))
	cfg.Transforms[4].Path = "no-such-file"
	var problems config.Problems
	_, err := core.New(t.Context(), cfg, core.Options{Log: zerolog.Nop()})
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("error %v", err)
	}
	for i, want := range []string{"no transform \"lamb\"", "config.tooth", "no-such-file: no such file"} {
		if text := problems[i].Error(); !strings.Contains(text, want) || problems[i].Line == 0 {
			t.Errorf("problem %s, want %s", text, want)
		}
	}
}

// TestAStartEndsWithItsContext, whatever a plugin does meanwhile.
func TestAStartEndsWithItsContext(t *testing.T) {
	s := newBeast(t)
	cfg := s.config("1.0.0", "")
	cfg.Transforms[0].Env["BEAST"] = "silent"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil && len(children(t)) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	})
	if _, err := core.New(ctx, cfg, core.Options{Log: zerolog.Nop()}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	watching.Wait()
	if left := children(t); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// TestAPluginThatRedactsLater: what nobody could know at the start holds all the
// same. No original travels beside what is redacted, and the operator is told.
func TestAPluginThatRedactsLater(t *testing.T) {
	s := newBeast(t)
	text := func(env map[string]string) *config.Config {
		cfg := s.config("1.0.0", "")
		cfg.Channels[0].KeepOriginal = true
		for name, value := range env {
			cfg.Transforms[0].Env[name] = value
		}
		return cfg
	}
	if _, err := core.New(t.Context(), text(map[string]string{"REDACTS": "1"}), core.Options{Log: zerolog.Nop()}); err == nil || !strings.Contains(err.Error(), "keep_original") {
		t.Errorf("error %v", err)
	}
	log := new(lockedLog)
	state := s.dir + "/starts"
	s.run(text(map[string]string{"REDACTS": "1", "BEAST": "late", "STATE": state}), zerolog.New(log))
	s.consume()
	stop := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() { s.produce("key", stop) })
	s.await("events wait", func() bool { return s.top().Commands[0].Pending > 0 })
	s.write(state + ".go")
	s.progress("1.0.0")
	close(stop)
	sending.Wait()
	s.await("nothing is pending", func() bool { return s.top().Commands[0].Pending == 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.originals != 0 {
		t.Errorf("EXPOSED: %d originals", s.originals)
	}
	if !log.has("consumers would see what transform \\\"beast\\\" takes out") {
		t.Error("the log does not tell of it")
	}
}

// children are this process's own.
func children(t *testing.T) []string {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("no /proc to find children in")
	}
	var pids []string
	for _, task := range tasks {
		list, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		pids = append(pids, strings.Fields(string(list))...)
	}
	return pids
}
