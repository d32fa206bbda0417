package jwks_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs every test in an environment that names proxies, which nobody
// may ask.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		if err := os.Setenv(name, "http://proxy.invalid:3128"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}
