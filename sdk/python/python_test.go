package python_test

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/python"
)

// patience is how long anything may take before it counts as stuck.
const patience = 2 * time.Minute

const example = "../../examples/transform-python"

// requirePython finds Python with what plugins need, or skips the test.
func requirePython(t *testing.T) {
	t.Helper()
	requireModules(t, "grpc", "google.protobuf", "cryptography")
}

// requireModules finds Python with these modules, or skips the test.
func requireModules(t *testing.T, modules ...string) {
	t.Helper()
	if err := exec.Command("/usr/bin/python3", "-c", "import "+strings.Join(modules, ", ")).Run(); err != nil {
		absent(t, "Python 3 with "+strings.Join(modules, ", "), err)
	}
}

// absent skips the test, or fails it where nothing may be left out.
func absent(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("HEADGATE_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is required here: %v", what, err)
	}
	t.Skipf("%s is absent", what)
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

// TestPython runs the package's own tests, which put the router's binary to use,
// and those of the examples that are made with it.
func TestPython(t *testing.T) {
	requireModules(t, "grpc", "google.protobuf", "cryptography", "zmq")
	router := filepath.Join(t.TempDir(), "headgate")
	build := exec.Command("go", "build", "-o", router, "github.com/headgate-io/headgate/core/cmd/headgate")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, cmd := range map[string]*exec.Cmd{
		"sdk":      python3(t, ".", "-m", "unittest", "discover", "-q", "-s", "tests", "-t", "."),
		"plugin":   python3(t, example, "-m", "unittest", "-q"),
		"consumer": python3(t, "../../examples/consumer-python", "-m", "unittest", "-q"),
	} {
		t.Run(name, func(t *testing.T) {
			cmd.Env = append(cmd.Env, "HEADGATE_TEST_BINARY="+router)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "OK") || strings.Contains(string(out), "Ran 0 tests") || strings.Contains(string(out), "skipped") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestPyright checks the types of the package and of its tests, strictly. What
// pyproject.toml leaves out stands there with its reason.
func TestPyright(t *testing.T) {
	requireModules(t, "grpc", "google.protobuf", "cryptography", "zmq")
	const pyright = "node_modules/.bin/pyright"
	if _, err := os.Stat(pyright); err != nil {
		absent(t, "npm pyright (task peers)", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, pyright, "--project", ".", "--warnings", "--pythonpath", "/usr/bin/python3").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestPluginsCarryNoMore holds what every plugin's .pyz has in it against what a
// plugin needs.
func TestPluginsCarryNoMore(t *testing.T) {
	err := fs.WalkDir(python.SDK, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if path != "headgate/__init__.py" && path != "headgate/py.typed" && filepath.Dir(path) != "headgate/plugin" {
			t.Errorf("%s is packed into plugins", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
