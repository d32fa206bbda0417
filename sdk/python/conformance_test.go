package python_test

import (
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

// TestConformance tries every rule that a router relies on.
func TestConformance(t *testing.T) {
	requirePython(t)
	plugins := map[string]sdktest.Options{
		example: {Events: []string{`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"text":"a"}}`}},
		"tests/keys": {
			Config: map[string]string{"keys": `{"token":"t"}`},
			Policy: map[string]sdk.ProviderPolicy{"keys": {Issuers: []string{"https://i"}, Audiences: []string{"a"}, Algs: []string{"ES256"}}},
		},
	}
	for folder, options := range plugins {
		t.Run(folder, func(t *testing.T) {
			options.Cycles = 3
			suite := sdktest.Suite{
				Command: host.Command{Interpreter: []string{"/usr/bin/python3", "-I"}, Path: packed(t, folder)},
				Options: options,
			}
			passed := 0
			suite.Run(t.Context(), func(r sdktest.Result) {
				switch r.Verdict {
				case sdktest.Pass:
					passed++
				case sdktest.Fail:
					t.Errorf("%s: %s", r.Rule, r.Reason)
				}
			})
			if passed == 0 {
				t.Error("no rule was tried")
			}
		})
	}
}
