package sdktest_test

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func TestMain(m *testing.M) {
	switch mode := os.Getenv(modelMode); mode {
	case "":
		flag.Set("test.parallel", "4") // most of the time is spent on waiting
		goleak.VerifyTestMain(m)
	case "sleeper":
		sleep()
	default:
		os.Exit(serveModel(mode))
	}
}

// suite tries the model in one mode.
func suite(t *testing.T, mode string) *sdktest.Suite {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &sdktest.Suite{
		Command: host.Command{Path: own, Env: map[string]string{modelMode: mode, "GORACE": "atexit_sleep_ms=0"}},
		Options: sdktest.Options{
			Config: map[string]string{"wrap": `{"word":"inner"}`, "keys": `{"word":"none"}`},
			Policy: map[string]sdk.ProviderPolicy{"keys": {Issuers: []string{"https://issuer.example"}, Audiences: []string{"headgate"}, Algs: []string{"EdDSA"}}},
			Cycles: 3,
		},
	}
}

func TestGoodPasses(t *testing.T) {
	s := suite(t, "good")
	if !s.Run(t.Context(), func(r sdktest.Result) {
		t.Logf("%-16s %-14s %s %s", r.Rule, r.Verdict, r.Took.Round(time.Millisecond), r.Reason)
		if r.Verdict != sdktest.Pass {
			t.Errorf("%s: %s: %s", r.Rule, r.Verdict, r.Reason)
		}
	}) {
		t.Error("the model does not pass")
	}
}

// bad are plugins with one thing wrong. A rule without one would be a rule that
// nobody knows to work.
var bad = []struct {
	mode, rule, reason string
	also               []string // rules that the same thing breaks
}{
	{"noise", "handshake", `first line on stdout is "hello"`, nil},
	{"silent", "handshake", "no handshake within", nil},
	{"dies", "handshake", "out of ideas", nil},
	{"elsewhere", "handshake", "is not in the directory", nil},
	{"no-cookie", "cookie", "without the cookie it serves all the same", nil},
	{"cookie-quiet", "cookie", "says nothing on stderr", nil},
	{"any-version", "version", "asked for the versions 1,999 it claims to speak 999", nil},
	{"open-door", "mtls", "a client without a certificate is answered", nil},
	{"any-client", "mtls", "a client with another certificate than the router's is answered", nil},
	{"plain", "mtls", "handshake has no certificate", []string{"health", "describe"}},
	{"no-health", "health", `asked for "plugin"`, nil},
	{"describe-changes", "describe", "something else the second time", nil},
	{"describe-slow", "describe", "no answer in time", nil},
	{"no-kinds", "describe", "offers neither a transform nor a provider", nil},
	{"bad-name", "describe", `"Wrap It"`, nil},

	{"schema-invalid", "schema", "no JSON Schema 2020-12", nil},
	{"schema-old", "schema", "another draft", nil},
	{"default-misfit", "schema", "default of count does not fit", nil},
	{"sample-misfit", "sample", "colour", nil},
	{"refuses-all", "configure", "not today", nil},
	{"lenient", "unknown-key", "/zz-headgate-unknown", []string{"dry-run"}},
	{"no-path", "wrong-type", "no diagnostic has the path /count", nil},
	{"missing-ok", "missing-key", "is taken whose /word is at fault", nil},
	{"tells-secret", "secrets", "a diagnostic shows a secret", nil},
	{"logs-secret", "secrets", "the log shows a secret", nil},
	{"dry-keeps", "dry-run", "after a dry run alone", nil},
	{"dry-blind", "dry-run", "in a dry run", nil},
	{"unconfigured-ok", "unconfigured", "is answered", []string{"dry-run"}},
	{"unconfigured-vague", "unconfigured", "with Unknown: want FAILED_PRECONDITION", []string{"dry-run"}},
	{"forgets", "kept-config", "does not work any more", nil},

	{"one-short", "one-outcome", "outcomes for 2 events", nil},
	{"two-events", "one-outcome", "has 2 events", nil},
	{"says-nothing", "one-outcome", "an outcome says nothing", nil},
	{"no-reason", "one-outcome", "drops the event without a reason", nil},
	{"shuffles", "order", "want them in the order of the events", []string{"concurrent"}},
	{"retypes", "core", "the type of a replaced event went from", nil},
	{"breaks-json", "core", "which are no JSON", nil},
	{"renames", "core", "which none of the batch has", []string{"order", "concurrent"}},
	{"dies-deep", "hostile-data", "stack overflow", nil},
	{"fails-batch", "hostile-data", "cut JSON", nil},
	{"small", "large", "data of 5 MiB", nil},
	{"dies-large", "large", "exit status 137", nil},
	{"never-ends", "deadline", "never ends", nil},
	{"mixes", "concurrent", "is of another call", nil},
	{"gap", "reconfigure", "a call failed while another configuration came", nil},
	{"strict-fields", "later-fields", "a field of a later version", nil},

	{"prints", "stdout", `begin with "one more batch`, nil},
	{"other-log", "log-lines", `in JSON a router wants @level and @message`, nil},
	{"long-line", "log-lines", "want at most 65536", nil},
	{"floods", "log-volume", "for 256 events", nil},

	{"drain-deaf", "drain", "a call after Drain is answered", nil},
	{"drain-dies", "drain", "the process died", []string{"cycles", "router"}},
	{"drain-unknown", "drain", "refused with Unknown: want UNAVAILABLE", []string{"sigterm"}},
	{"sigterm-1", "sigterm", "exit status 1", nil},
	{"sigterm-deaf", "sigterm", "it still runs", nil},
	{"sigterm-internal", "sigterm", "half dead", nil},
	{"sigint-dies", "sigint", "exit status 130", nil},
	{"no-shutdown", "shutdown", "is not served", nil},
	{"shutdown-deaf", "shutdown", "it still runs", nil},
	{"orphan", "orphan", "it still runs", nil},
	{"leaves-child", "cycles", "a process that it started lives on", nil},
	{"leaves-file", "cycles", `it left "left" in the temporary directory`, nil},

	{"trust-silent", "first-snapshot", "no snapshot came", nil},
	{"trust-stale", "snapshot-times", "usable_until is 1m0s ago", nil},
	{"trust-disorder", "snapshot-times", "fresh_until is before fetched_at", nil},
	{"trust-foreign", "snapshot-policy", `the issuer "https://elsewhere.example"`, nil},
	{"trust-private", "snapshot-keys", `private member "d"`, nil},
	{"trust-symmetric", "snapshot-keys", `kty "oct"`, nil},
	{"trust-hasty", "snapshot-answer", "before the first was answered", nil},
	{"trust-sulks", "snapshot-refused", "then not", nil},
	{"trust-back", "snapshot-version", "comes after version", nil},
	{"hint-slow", "hint", "no answer in time", nil},
	{"watch-stays", "watch-end", "does not end", nil},
}

// hung are those of the bad that never do a thing. They are tried by little more
// than their rule, with little patience.
var hung = []string{"silent", "no-cookie", "describe-slow", "never-ends", "sigterm-deaf", "trust-silent", "watch-stays"}

// family are the rules that a bad plugin is tried by: those of the kind that it
// breaks, and what they need.
func family(rule string) []string {
	for _, f := range [][]string{sdktest.StartRules, sdktest.ConfigRules, sdktest.TransformRules, sdktest.LogRules, sdktest.EndRules, sdktest.TrustRules} {
		if slices.Contains(f, rule) {
			return append([]string{"handshake", "describe", "schema", "sample", "configure"}, f...)
		}
	}
	return nil
}

func TestBadPluginsFail(t *testing.T) {
	for _, b := range bad {
		t.Run(b.mode, func(t *testing.T) {
			t.Parallel()
			s := suite(t, b.mode)
			s.Only(family(b.rule)...)
			if slices.Contains(hung, b.mode) {
				s.Only("handshake", "describe", "schema", "sample", "configure", "first-snapshot", b.rule, "one-outcome")
				s.Hurry()
			}
			expect(t, s, b.rule, b.reason, b.also)
		})
	}
}

// expect runs a suite that is to fail by a rule, for a reason, and by no other
// rule but those that the same thing breaks.
func expect(t *testing.T, s *sdktest.Suite, rule, reason string, also []string) {
	t.Helper()
	found := false
	passed := s.Run(t.Context(), func(r sdktest.Result) {
		if r.Verdict != sdktest.Fail {
			return
		}
		if r.Rule != rule {
			if !slices.Contains(also, r.Rule) {
				t.Errorf("%s fails too: %s", r.Rule, r.Reason)
			}
			return
		}
		found = true
		if !strings.Contains(r.Reason, reason) {
			t.Errorf("%s fails for %q: want a reason with %q", rule, r.Reason, reason)
		}
	})
	if passed || !found {
		t.Errorf("%s does not fail (passed %v)", rule, passed)
	}
}

func TestNoProcessIsLeft(t *testing.T) {
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s := suite(t, "leaves-child")
	s.Command.Env[sleeperDir] = dir
	s.Only("handshake", "describe", "schema", "sample", "configure", "one-outcome", "order", "large")
	s.Run(t.Context(), func(sdktest.Result) {})
	sockets, err := os.ReadDir(dir)
	if err != nil || len(sockets) == 0 {
		t.Fatalf("no child was started: %v", err)
	}
	for _, socket := range sockets {
		conn, err := net.Dial("unix", filepath.Join(dir, socket.Name()))
		if err != nil {
			continue // nobody listens any more
		}
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(10 * time.Second)) // a killed process is not at once gone
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a child of the plugin lives on")
		}
	}
}

func TestRouterRuleChecksTheFile(t *testing.T) {
	t.Parallel()
	s := suite(t, "good")
	s.Only(family("router")...)
	s.Options.Cycles = 1
	s.Command.SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte("another file")))
	expect(t, s, "router", "sha256", nil)
}

func TestEveryRuleHasABadPlugin(t *testing.T) {
	seen := map[string]bool{"router": true} // TestRouterRuleChecksTheFile
	for _, b := range bad {
		seen[b.rule] = true
	}
	for _, r := range sdktest.Rules() {
		if !seen[r.Name] {
			t.Errorf("no bad plugin shows that the rule %s works", r.Name)
		}
		if r.Doc == "" || !strings.HasSuffix(r.Doc, ".") {
			t.Errorf("%s is not told in a sentence: %q", r.Name, r.Doc)
		}
	}
}
