package promise_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var (
	binary  = flag.String("headgate", "", "the binary to put to the test; empty to build it")
	beast   = flag.String("beast", "", "the plugin that it has to do with, see testdata/beast; empty to build it")
	cycles  = flag.Int("cycles", 0, "kills, restarts or faults in each test; 0 for the few of the short form")
	ids     = flag.Int("ids", 5_000, "ids that are sent again and again")
	keys    = flag.Int("keys", 200, "order keys")
	backlog = flag.Int("backlog", 20_000, "pending events of 1 KiB before a restart")
	healthy = flag.Int("healthy", 5_000, "events around each one that a plugin cannot take")
	seed    = flag.Uint64("seed", 0, "what a run has printed, to repeat its choices; 0 for the test's own")
)

// patience is how long is waited for what must come.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "hgbin")
	if err == nil && *binary == "" {
		*binary = filepath.Join(dir, "headgate")
		err = build(*binary, "github.com/headgate-io/headgate/core/cmd/headgate")
	}
	if err == nil && *beast == "" {
		*beast = filepath.Join(dir, "beast")
		err = build(*beast, "./testdata/beast")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// build makes a binary as it is shipped: without the race detector, which would
// need more time than these tests have.
func build(to, program string) error {
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", to, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// turns is how often a test does what it does.
func turns(short int) int {
	if *cycles > 0 {
		return *cycles
	}
	return short
}

// chance gives a test its own choices, the same at every run.
func chance(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(t.Name()))
		s = h.Sum64()
	}
	t.Logf("-seed %d", s)
	return rand.New(rand.NewPCG(s, s))
}

// proved says what a test has shown, if it has.
func proved(t *testing.T, format string, args ...any) {
	t.Helper()
	if !t.Failed() {
		t.Logf(format, args...)
	}
}

// portion is a number below n that belongs to a name for good.
func portion(name string, n uint64) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	x := h.Sum64()
	x ^= x >> 33 // FNV's low bits follow the last byte alone
	x *= 0xff51afd7ed558ccd
	return (x ^ x>>33) % n
}

// eventually polls until ok, for conditions that live in other processes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// requireHere skips a test that needs what this machine may lack, unless the
// run insists on everything.
func requireHere(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("HEADGATE_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is required here: %v", what, err)
	}
	t.Skipf("SHOWS NOTHING: %s is absent here: %v", what, err)
}
