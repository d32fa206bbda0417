package python_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// patience is how long anything may take before it counts as stuck.
const patience = 2 * time.Minute

const example = "../../examples/transform-python"

// requirePython finds Python with what the SDK needs, or skips the test.
func requirePython(t *testing.T) {
	t.Helper()
	if err := exec.Command("/usr/bin/python3", "-c", "import grpc, google.protobuf, cryptography").Run(); err != nil {
		const what = "python3-grpcio, python3-protobuf or python3-cryptography"
		if os.Getenv("HEADGATE_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s is required here: %v", what, err)
		}
		t.Skipf("%s is absent", what)
	}
}

// python3 makes a command whose Python finds the SDK and leaves no files behind.
func python3(t *testing.T, dir string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	sdk, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "/usr/bin/python3", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+sdk, "PYTHONDONTWRITEBYTECODE=1")
	return cmd
}

// TestPython runs the SDK's own tests, and those of the example that is made
// with it.
func TestPython(t *testing.T) {
	requirePython(t)
	for name, cmd := range map[string]*exec.Cmd{
		"sdk":     python3(t, ".", "-m", "unittest", "discover", "-q", "-s", "tests", "-t", "."),
		"example": python3(t, example, "-m", "unittest", "-q"),
	} {
		t.Run(name, func(t *testing.T) {
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "OK") || strings.Contains(string(out), "Ran 0 tests") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
