package supervisor_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/plugin"
)

var kills = flag.Int("kills", 6, "how often a plugin is killed under load; pauses grow to half a minute")

// asPlugin makes this binary a plugin: the version comes next.
const asPlugin = "as-plugin"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == asPlugin {
		plugin.Serve(sdk.TransformFunc("beast", os.Args[2], obey))
	}
	goleak.VerifyTestMain(m)
}

type nothing struct {
	Broken bool `json:"broken"`
}

func (n *nothing) Validate() error {
	if n.Broken {
		return sdk.Diagnostics{{Path: "/broken", Text: "must be false"}}
	}
	return nil
}

// endless keeps a loop from being nothing.
var endless atomic.Int64

// obey does what an event's subject says.
func obey(_ context.Context, _ nothing, e *sdk.Event) error {
	switch e.Subject {
	case "crash":
		go func() { panic("a beast of an event") }()
		select {}
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "hang":
		select {}
	case "loop":
		for n := 0; ; n++ {
			endless.Store(int64(n))
		}
	case "slow":
		time.Sleep(5 * time.Millisecond)
	}
	e.Data = append([]byte("done:"), e.Data...)
	return nil
}

func beast(version string) supervisor.Setting {
	return supervisor.Setting{Command: host.Command{Self: []string{asPlugin, version}}, Plugin: "beast", Timeout: 2 * time.Second}
}

// begun runs a Process with real processes until the test ends.
func begun(t *testing.T, s supervisor.Setting) *supervisor.Process {
	t.Helper()
	p := supervisor.New(supervisor.Options{Name: "beast", Setting: s, TempDir: t.TempDir()})
	supervisor.Tolerate(p, 1<<30)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var going sync.WaitGroup
	going.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		going.Wait()
		if pid := p.Facts().PID; syscall.Kill(pid, 0) == nil {
			t.Errorf("process %d is left", pid)
		}
	})
	return p
}

// batch is n events from a number on, with a subject for some.
func batch(from, n int, subjects map[int]string) []sdk.Input {
	list := make([]sdk.Input, n)
	for i := range list {
		id := from + i
		list[i] = sdk.Input{Event: &sdk.Event{
			ID: strconv.Itoa(id), Source: "/test", SpecVersion: "1.0", Type: "t", Subject: subjects[id], DataContentType: "text/plain", Data: []byte(strconv.Itoa(id)),
		}}
	}
	return list
}

// patience is how long a test waits for what takes a second or two.
const patience = time.Minute

// insist gives events until they are taken.
func insist(t *testing.T, p *supervisor.Process, list []sdk.Input) []sdk.Outcome {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		select {
		case <-p.Available():
		case <-ctx.Done():
			t.Fatal("the plugin does not come back")
		}
		outcomes, _, err := p.Apply(ctx, list)
		if err == nil {
			return outcomes
		}
		if !errors.Is(err, sdk.ErrUnavailable) {
			t.Error(err)
			return nil
		}
	}
}

// check wants every event changed but those in lost.
func check(t *testing.T, list []sdk.Input, outcomes []sdk.Outcome, lost ...int) {
	t.Helper()
	if len(outcomes) != len(list) {
		t.Fatalf("%d outcomes for %d events", len(outcomes), len(list))
	}
	for i, o := range outcomes {
		id := list[i].Event.ID
		blamed := false
		for _, l := range lost {
			blamed = blamed || id == strconv.Itoa(l)
		}
		switch {
		case blamed && o.Verdict != sdk.Fail:
			t.Errorf("event %s: %+v, want it given up", id, o)
		case !blamed && (o.Verdict != sdk.Replace || string(o.Event.Data) != "done:"+id):
			t.Errorf("event %s: %+v", id, o)
		}
	}
}

func TestRealPoison(t *testing.T) {
	for do, want := range map[string]string{
		"crash": "crashed the plugin 3 times: exit code 2",
		"kill":  "crashed the plugin 8 times: signal: killed",
		"hang":  "made the plugin miss its deadline 3 times: no answer within its timeout of 1s",
	} {
		t.Run(do, func(t *testing.T) {
			s := beast("1.0.0")
			s.Timeout = time.Second
			p := begun(t, s)
			list := batch(0, 100, map[int]string{42: do})
			outcomes := insist(t, p, list)
			check(t, list, outcomes, 42)
			if o := outcomes[42]; o.Reason != want || (do == "crash") != strings.Contains(o.Stack, "a beast of an event") {
				t.Errorf("outcome %+v", o)
			}
			next := batch(100, 10, nil)
			check(t, next, insist(t, p, next))
		})
	}
}

// TestRealKills kills whatever runs, over and over, while events come without a
// pause. Each is taken in the end, and none is blamed.
func TestRealKills(t *testing.T) {
	p := begun(t, beast("1.0.0"))
	ctx, cancel := context.WithCancel(t.Context())
	var going sync.WaitGroup
	var taken atomic.Int64
	for i := range 4 {
		going.Go(func() {
			for n := i << 20; ctx.Err() == nil; n += 32 {
				list := batch(n, 32, map[int]string{n: "slow", n + 7: "slow", n + 20: "slow"})
				check(t, list, insist(t, p, list))
				taken.Add(32)
			}
		})
	}
	for range *kills {
		before := taken.Load()
		await(t, "progress", func() bool { return taken.Load() > before || t.Failed() })
		time.Sleep(time.Duration(rand.Float64() * float64(100*time.Millisecond)))
		for _, pid := range children(t) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	cancel()
	going.Wait()
	if f := p.Facts(); f.Blamed != 0 || f.Failures == 0 {
		t.Errorf("facts %+v", f)
	}
}

// TestRealStop freezes the process under load, and later while Run ends.
func TestRealStop(t *testing.T) {
	p := begun(t, beast("1.0.0"))
	first := p.Facts().PID
	if err := syscall.Kill(first, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var going sync.WaitGroup
	for i := range 4 {
		going.Go(func() {
			list := batch(i*10, 10, nil)
			check(t, list, insist(t, p, list))
		})
	}
	going.Wait()
	await(t, "another process", func() bool { f := p.Facts(); return f.State == supervisor.Ready && f.PID != first })
	// On a busy machine a health question may come before the first call.
	if f := p.Facts(); f.Blamed != 0 || !strings.Contains(f.LastCrash.Reason, "in a row") {
		t.Errorf("facts %+v", f)
	}
	if err := syscall.Kill(p.Facts().PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// TestRealReplace replaces a plugin over and over under load. No call fails.
func TestRealReplace(t *testing.T) {
	p := begun(t, beast("0.0.0"))
	ctx, cancel := context.WithCancel(t.Context())
	var going sync.WaitGroup
	for i := range 4 {
		going.Go(func() {
			for n := i << 20; ctx.Err() == nil; n += 16 {
				list := batch(n, 16, map[int]string{n: "slow"})
				outcomes, _, err := p.Apply(t.Context(), list)
				if err != nil {
					t.Error(err)
					return
				}
				check(t, list, outcomes)
			}
		})
	}
	for i := range 5 {
		version := fmt.Sprintf("1.0.%d", i)
		if err := p.Replace(t.Context(), beast(version)); err != nil {
			t.Error(err)
		}
		if _, got, err := p.Apply(t.Context(), batch(0, 1, nil)); err != nil || got.Version != version {
			t.Errorf("version %s, %v", got.Version, err)
		}
		bad := beast("2.0.0")
		bad.Resolve = config(`{"broken":true}`)
		var faults sdk.Diagnostics
		if err := p.Replace(t.Context(), bad); !errors.As(err, &faults) || faults[0].Path != "/broken" {
			t.Errorf("error %v", err)
		}
	}
	cancel()
	going.Wait()
	await(t, "the old ones' end", func() bool { return len(children(t)) == 1 })
}

// TestRealStart: a wrong hash ends the start and leaves nothing.
func TestRealStart(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[error]host.Command{
		host.ErrHash: {Path: self, SHA256: strings.Repeat("0", 64), Args: []string{asPlugin, "1.0.0"}},
		host.ErrDied: {Self: []string{"-test.run=^$", "-no-such-flag"}},
	} {
		p := supervisor.New(supervisor.Options{Name: "beast", Setting: supervisor.Setting{Command: c}, TempDir: t.TempDir()})
		if err := p.Start(t.Context()); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
		p.Close()
	}
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// children are this process's own.
func children(t *testing.T) []int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("no /proc to find children in")
	}
	var pids []int
	for _, task := range tasks {
		list, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		for _, field := range strings.Fields(string(list)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
