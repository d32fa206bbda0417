package sdktest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/plugin"
)

// serveEnv names the test that is to serve its plugin instead of testing it.
const serveEnv = "HEADGATE_SDKTEST_SERVE"

// shortCycles is Options.Cycles under go test -short.
const shortCycles = 5

// Run tries p by every rule, each as a subtest. There is nothing to build: the
// test binary is started again, for the same test, and is the plugin there. So
// what stands before Run in the test happens in the plugin's process too, and
// must print nothing; a test or subtest has one Run.
func Run(t *testing.T, p sdk.Plugin, o Options) {
	t.Helper()
	switch os.Getenv(serveEnv) {
	case "":
	case t.Name():
		plugin.Serve(p) // never returns
	default:
		return // a subtest of this one is to serve
	}
	if o.Cycles == 0 && testing.Short() {
		o.Cycles = shortCycles
	}
	env := map[string]string{
		serveEnv: t.Name(),
		"GORACE": "atexit_sleep_ms=0", // the race detector would hold each end for a second
	}
	s := Suite{
		Command: host.Command{Self: []string{"-test.run=" + testPattern(t.Name())}, Env: env},
		Options: o,
	}
	s.Run(t.Context(), func(r Result) {
		t.Run(r.Rule, func(t *testing.T) {
			switch r.Verdict {
			case Fail:
				t.Errorf("%s\n%s", r.Doc, r.Reason)
			case NotApplicable:
				t.Skip(r.Reason)
			}
		})
	})
}

// testPattern is what selects exactly one test by -test.run.
func testPattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
