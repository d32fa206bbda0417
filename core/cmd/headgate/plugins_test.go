package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

// author is somebody who writes a plugin.
type author struct {
	*testing.T
	dir, binary string
}

func newAuthor(t *testing.T) *author {
	t.Helper()
	a := &author{T: t, dir: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a.binary = filepath.Join(a.dir, "headgate") // by this name the test binary is the command
	if err := os.Symlink(self, a.binary); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *author) command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = filepath.Join(a.dir, dir)
	return cmd
}

// must runs a command and gives what it printed.
func (a *author) must(dir, name string, args ...string) string {
	a.Helper()
	out, err := a.command(dir, name, args...).CombinedOutput()
	if err != nil {
		a.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (a *author) want(text string, parts ...string) {
	a.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			a.Errorf("%q is not in\n%s", p, text)
		}
	}
}

func TestAuthorsInGo(t *testing.T) {
	a := newAuthor(t)
	a.want(a.must(".", a.binary, "plugin", "new", "shout"), "headgate plugin dev shout", `plugin = "shout"`, "sha256 = ")
	a.must("shout", "go", "test", ".")
	a.want(a.must(".", a.binary, "plugin", "dev", "shout", "--once"), `"text":"HELLO!"`)
	a.want(a.must(".", a.binary, "plugin", "inspect", "shout/shout"), "shout 0.1.0", "config.mark", `shout/shout"`)
	a.want(a.must(".", a.binary, "plugin", "inspect", "shout/shout", "--call", "sample", "--config-json", `{"mark":"?"}`), `"text":"HELLO?"`)
	a.want(a.must(".", a.binary, "plugin", "bench", "shout/shout", "--for", "20ms", "--batches", "1,16"), "US/EVENT")
	a.want(a.must(".", a.binary, "plugin", "inspect", "shout"), "[[transforms]]", `shout/shout"`, sumOf(t, filepath.Join(a.dir, "shout", "shout")))
	if err := os.Remove(filepath.Join(a.dir, "shout", "shout")); err != nil {
		t.Fatal(err)
	}
	a.want(a.must(".", a.binary, "plugin", "inspect", "shout"), "# first, for shout/shout is absent or of another source:  (cd shout && go build -o shout .)")
	out, err := a.command(".", a.binary, "plugin", "new", "shout").CombinedOutput()
	if err == nil {
		t.Error("a directory that is there is written into")
	}
	a.want(string(out), "shout is there already")
	a.want(a.must(".", a.binary, "plugin", "new", "idp", "--kind", "provider"), "headgate plugin test idp --alg ES256 --config-json '"+sampleKeys+"'",
		"[[auth]]\nname = \"idp\"\nplugin = \"idp\"\npath = ", "# config = { keys = .. }", "issuers = [", "[[grants]]\nauth = \"idp\"")
	a.must("idp", "go", "vet", ".")
	a.want(a.must(".", a.binary, "plugin", "test", "idp", "--alg", "ES256", "--config-json", sampleKeys, "--cycles", "1"), " 0 failed")
	a.want(a.must(".", a.binary, "plugin", "inspect", "idp"), "[[auth]]\nname = \"idp\"")
}

func TestAuthorsInPython(t *testing.T) {
	const python = "/usr/bin/python3" // that of the system, which has Debian's packages
	if exec.Command(python, "-c", "import grpc, google.protobuf, cryptography").Run() != nil {
		if os.Getenv("HEADGATE_REQUIRE_PEERS") != "" {
			t.Fatal("python3 with grpcio, protobuf and cryptography is required")
		}
		t.Skip("python3-grpcio, python3-protobuf and python3-cryptography are absent")
	}
	a := newAuthor(t)
	a.want(a.must(".", a.binary, "plugin", "new", "say-it", "--lang", "python"), "python3 -m unittest", `say-it.pyz"`, `command = ["python3", "-I"]`)
	a.must("say-it", python, "-m", "unittest")
	a.want(a.must(".", a.binary, "plugin", "dev", "say-it", "--once"), `"text":"HELLO!"`)
	a.want(a.must(".", a.binary, "plugin", "test", "say-it.pyz", "--cycles", "1", "--junit", "report.xml"), " 0 failed")
	if report, err := os.ReadFile(filepath.Join(a.dir, "report.xml")); err != nil || !bytes.Contains(report, []byte(`name="one-outcome"`)) {
		t.Errorf("the report is %s, %v", report, err)
	}
	if sum := a.must(".", a.binary, "plugin", "pack", "say-it", "-o", "again.pyz"); !strings.HasPrefix(sum, sumOf(t, filepath.Join(a.dir, "say-it.pyz"))) {
		t.Error("the same files give other bytes")
	}
	a.want(a.must(".", a.binary, "plugin", "new", "idp", "--kind", "provider", "--lang", "python"), `command = ["python3", "-I"]`, "[[auth]]")
	a.must("idp", python, "-m", "unittest")
}

// TestTOMLOfAPlugin has several kinds, one of which needs a configuration.
func TestTOMLOfAPlugin(t *testing.T) {
	d := host.Description{Name: "two", Transforms: []host.Transform{{Name: "one"}, {Name: "other", Schema: []byte(`{"required":["a","b"]}`)}}}
	a := &app{files: []string{"/none/headgate.toml"}}
	const want = `[[transforms]]
name = "one"
plugin = "two"
path = "/p"
sha256 = "00"
command = ["python3", "-I"]
kind = "one"

[[transforms]]
name = "other"
plugin = "two"
path = "/p"
sha256 = "00"
command = ["python3", "-I"]
kind = "other"
# config = { a = .., b = .. }    # it cannot do without

# and on a route, or as a channel's require:
# transforms = ["one", "other"]
`
	if got := a.pluginTOML(&d, "/p", "00", []string{"python3", "-I"}); got != want {
		t.Errorf("got %s", got)
	}
}

// TestResultsForPrograms shows the names that a suite's results have in JSON.
func TestResultsForPrograms(t *testing.T) {
	got, err := json.Marshal(tried([]sdktest.Result{{Rule: "r", Doc: "d", Verdict: sdktest.Fail, Reason: "why", Took: 1500 * time.Millisecond}}))
	if want := `[{"rule":"r","doc":"d","verdict":"fail","reason":"why","seconds":1.5}]`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func sumOf(t *testing.T, path string) string {
	t.Helper()
	sum, err := sha256File(path)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// A change is swapped in, also while the event is in a loop; what does not build
// changes nothing.
func TestDevSwapsAtEveryChange(t *testing.T) {
	a := newAuthor(t)
	a.must(".", a.binary, "plugin", "new", "shout")
	ctx, end := context.WithCancel(t.Context())
	defer end()
	dev := exec.CommandContext(ctx, a.binary, "plugin", "dev", "shout")
	dev.Dir = a.dir
	dev.Cancel = func() error { return dev.Process.Signal(os.Interrupt) }
	both, to := io.Pipe()
	dev.Stdout, dev.Stderr = to, to
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- dev.Wait(); _ = to.Close() }()
	lines := bufio.NewScanner(both)
	said := func(part string) {
		t.Helper()
		var all strings.Builder
		for lines.Scan() {
			all.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), part) {
				return
			}
		}
		t.Fatalf("%q did not come:\n%s", part, all.String())
	}
	source := filepath.Join(a.dir, "shout", "main.go")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	rewrite := func(old, with string) {
		t.Helper()
		if err := os.WriteFile(source, bytes.Replace(text, []byte(old), []byte(with), 1), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	said(`"text":"HELLO!"`)
	said("watching")
	rewrite("ToUpper", "ToTitle is no Go")
	said("the old version goes on: shout does not build")
	rewrite("ToUpper(text)", "Repeat(text, 2)")
	said("swapped")
	said(`"text":"hellohello!"`)
	rewrite("data[\"text\"] =", "for {\n\t}\n\tdata[\"text\"] =")
	said("swapped")
	rewrite("data[\"text\"] =", "go panic(`on purpose`)\n\tselect {}\n\tdata[\"text\"] =")
	said("out: nothing: it was changed before it had answered")
	said("out: nothing: the plugin died: exit code 2")
	rewrite("ToUpper", "ToLower")
	said(`"text":"hello!"`)
	rewrite(`plugin.Serve(transform)`, `panic("not today"); plugin.Serve(transform)`)
	said("the old version goes on: ")
	end()
	go func() { _, _ = io.Copy(io.Discard, both) }()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) { // which it is when it ends well
		t.Errorf("dev ends with %v", err)
	}
}

// TestPluginsAreListedByName: while a configuration is put in place what is seen of
// plugins and of their keys may be of two.
func TestPluginsAreListedByName(t *testing.T) {
	top := admin.Top{Plugins: []admin.Plugin{{Name: "staff", Plugin: "okta", Events: 7}, {Name: "hide", Plugin: "mask", Events: 5}}, Trust: []admin.Trust{{Name: "gone"}, {Name: "staff"}, {Name: "new"}}}
	var out strings.Builder
	a := app{streams: streams{out: &out}}
	a.printPlugins(&top)
	for _, want := range []string{`(?m)^staff +provider +okta +- .* 0 +- +- +- +- +-$`, `(?m)^hide +transform +mask +- .* 0 +5 +0 +0 +0 +-$`} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("%s lacks %s", out.String(), want)
		}
	}
	for i, want := range []string{"provider", "transform"} {
		if got := listed(&top)[i].Class; got != want {
			t.Errorf("%s is a %s", top.Plugins[i].Name, got)
		}
	}
}
