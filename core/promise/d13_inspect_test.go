package promise_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
)

// D13: a plugin gets nothing of its router but what is listed, and inspect shows
// just that.
func TestD13PluginsGetWhatIsListed(t *testing.T) {
	const secret = "s3cr3t-of-the-router"
	r := newRouter(t, tameConfig+transform(t, "beast", `env = { MODE = "of the operator" }`)+
		"[[transforms]]\nname = \"mask\"\nplugin = \"mask\"\nconfig = { fields = [\"/data/card\"] }\n")
	r.stop()
	leaked, err := os.Open("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	defer leaked.Close()
	r.env = []string{"AWS_SECRET_ACCESS_KEY=" + secret, "HTTPS_PROXY=http://u:" + secret + "@proxy", "LD_LIBRARY_PATH=/nowhere", "HOME=/root",
		"TZ=UTC", "SSL_CERT_FILE=/etc/ssl/cert.pem", "SSL_CERT_DIR=/etc/ssl/certs"}
	r.leak = []*os.File{leaked}
	r.start()
	if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/3", r.process.Process.Pid)); err != nil || filepath.Base(to) != "doc.go" {
		t.Fatalf("the router inherits %q, %v: this test shows nothing", to, err)
	}

	allowed := []string{"HEADGATE_PLUGIN", "HEADGATE_PLUGIN_LOG", "LANG", "PATH", "PLUGIN_CLIENT_CERT", "PLUGIN_MAX_PORT", "PLUGIN_MIN_PORT",
		"PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR", "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ"}
	for name, own := range map[string]string{"beast": "MODE", "mask": ""} {
		var told admin.Plugin
		if err := json.Unmarshal([]byte(r.says("plugin", "inspect", name, "--json")), &told); err != nil {
			t.Fatal(err)
		}
		want := allowed
		if own != "" {
			want = append(slices.Clone(allowed), own)
			slices.Sort(want)
		}
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", told.PID))
		requireHere(t, "/proc/PID/environ", err)
		given := strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00")
		if got := names(given); !slices.Equal(got, want) {
			t.Errorf("%s has the variables %v, want %v", name, got, want)
		}
		if got := names(told.Env); !slices.Equal(got, want) {
			t.Errorf("inspect shows the variables %v of %s, want %v", got, name, want)
		}
		text := r.says("plugin", "inspect", name)
		for _, where := range []string{text, string(environ), strings.Join(told.Env, " ")} {
			if strings.Contains(where, secret) {
				t.Errorf("a secret of the router's is where %s can see it, or shown", name)
			}
		}
		if strings.Contains(text, "of the operator") {
			t.Error("inspect shows the value that the operator gave to a variable")
		}
		if got := inherited(t, told.PID); len(got) != len(told.Files)-3 || own != "" && !strings.Contains(got[0], "memfd:headgate-plugin") {
			t.Errorf("%s inherits %q beyond its standard streams, inspect says %q", name, got, told.Files)
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", told.PID))
		if err != nil || !strings.Contains(string(status), "NoNewPrivs:\t1\n") {
			t.Errorf("%s may get new privileges: %v", name, err)
		}
	}
}

// names are those of variables, sorted.
func names(variables []string) []string {
	var out []string
	for _, v := range variables {
		name, _, _ := strings.Cut(v, "=")
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// made is what a Go program opens for itself: sockets, its poller, its limits.
var made = regexp.MustCompile(`^(socket:|anon_inode:|pipe:|/sys/fs/cgroup/|/proc/)`)

// inherited are the descriptors above the standard streams that a process did
// not make itself.
func inherited(t *testing.T, pid int) []string {
	t.Helper()
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(open) < 3 {
		t.Fatalf("%v of process %d, %v", open, pid, err)
	}
	var out []string
	for _, fd := range open {
		to, err := os.Readlink(fd)
		if n := filepath.Base(fd); err == nil && n != "0" && n != "1" && n != "2" && !made.MatchString(to) {
			out = append(out, to)
		}
	}
	return out
}
