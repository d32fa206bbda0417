//go:build linux

package host_test

import (
	"bufio"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/headgate-io/headgate/sdk/host"
)

// TestEnvironmentIsExact gives the router a secret that no plugin may see.
func TestEnvironmentIsExact(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	t.Setenv("HTTPS_PROXY", "http://user:password@proxy")
	t.Setenv("TZ", "Europe/Berlin")
	t.Setenv("SSL_CERT_FILE", "/certs")
	t.Setenv("SSL_CERT_DIR", "")
	os.Unsetenv("SSL_CERT_DIR")
	command := self("serve")
	command.Env = map[string]string{"MINE": "x y", "LANG": "de_DE", "HEADGATE_PLUGIN": "other"}
	c := start(t, command, host.Options{Level: "warn"})
	var names []string
	got := map[string]string{}
	for _, v := range strings.Split(asked(t, c, "env", ""), "\x00") {
		name, value, _ := strings.Cut(v, "=")
		names, got[name] = append(names, name), value
	}
	slices.Sort(names)
	want := []string{"HEADGATE_PLUGIN", "HEADGATE_PLUGIN_LOG", "LANG", "MINE", "PATH", "PLUGIN_CLIENT_CERT", "PLUGIN_MAX_PORT", "PLUGIN_MIN_PORT", "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR", "SSL_CERT_FILE", "TZ"}
	if !slices.Equal(names, want) {
		t.Errorf("got  %q\nwant %q", names, want)
	}
	for name, value := range map[string]string{"MINE": "x y", "LANG": "de_DE", "PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "Europe/Berlin", "SSL_CERT_FILE": "/certs", "HEADGATE_PLUGIN": "headgate.plugin.v1", "HEADGATE_PLUGIN_LOG": "warn"} {
		if got[name] != value {
			t.Errorf("%s = %q, want %q", name, got[name], value)
		}
	}
	facts := strings.Join(c.Facts().Env, "\n")
	if !strings.Contains(facts, "MINE=[redacted]") || strings.Contains(facts, "x y") || !strings.Contains(facts, "TZ=Europe/Berlin") {
		t.Errorf("facts: %s", facts)
	}
	info, err := os.Stat(got["PLUGIN_UNIX_SOCKET_DIR"])
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket directory: %v, %v", err, info)
	}
}

// TestDescriptorsAreExact leaks one on purpose, as whoever started the router
// might.
func TestDescriptorsAreExact(t *testing.T) {
	leak, err := unix.Open("/etc/hostname", unix.O_RDONLY, 0) // without O_CLOEXEC
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(leak)
	path, sum := copied(t, "")
	for name, command := range map[string]host.Command{
		"self": self("serve"), "foreign": {Path: path, SHA256: sum, Args: []string{"child", "serve"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, command, host.Options{})
			var inherited []string
			own := regexp.MustCompile(`socket:|anon_inode:|/proc/\d+/fd|/sys/fs/cgroup/|^\d+ pipe:`)
			for _, x := range strings.Split(asked(t, c, "files", ""), "\n") {
				n, what, _ := strings.Cut(x, " ")
				if fd, _ := strconv.Atoi(n); fd > 2 && !own.MatchString(x) {
					inherited = append(inherited, what)
				}
			}
			want := len(c.Facts().Files) - 3
			if len(inherited) != want || want == 1 && !strings.Contains(inherited[0], "memfd:headgate-plugin") {
				t.Errorf("it has %q", inherited)
			}
		})
	}
}

// TestProcessIsConfined reads what the kernel says of the plugin.
func TestProcessIsConfined(t *testing.T) {
	command := self("serve")
	command.Limits = host.Limits{Memory: 4 << 30, Files: 123, Processes: 4567, CPU: 890}
	c := start(t, command, host.Options{})
	status := asked(t, c, "status", "status")
	if !strings.Contains(status, "NoNewPrivs:\t1\n") {
		t.Errorf("status: %s", status)
	}
	limits := strings.Join(strings.Fields(asked(t, c, "status", "limits")), " ")
	for _, want := range []string{"Max core file size 0 0", "Max data size 4294967296 4294967296", "Max open files 123 123", "Max processes 4567 4567", "Max cpu time 890 890"} {
		if !strings.Contains(limits, want) {
			t.Errorf("no %q in %s", want, limits)
		}
	}
	pid := c.Facts().PID
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("group %d, %v, want its own, %d", group, err, pid)
	}
	if mine, err := os.ReadFile("/proc/thread-self/status"); err != nil || !strings.Contains(string(mine), "NoNewPrivs:\t0\n") {
		t.Errorf("the router lost its own privileges: %v %s", err, mine)
	}
}

// TestUser runs the plugin as nobody.
func TestUser(t *testing.T) {
	u, err := user.Lookup("nobody")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root, and a user nobody")
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil { // as the router does
		t.Fatal(err)
	}
	path, sum := copied(t, "")
	c := start(t, host.Command{Path: path, SHA256: sum, Args: []string{"child", "serve"}, User: "nobody"}, host.Options{})
	status := asked(t, c, "status", "status")
	for _, want := range []string{"Uid:\t" + u.Uid, "Gid:\t" + u.Gid, "Groups:\t \n", "NoNewPrivs:\t1"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in %s", want, status)
		}
	}
	if f := c.Facts(); f.Boundary != "uid" {
		t.Errorf("got %+v", f)
	}
}

// TestNobodyElseMayListen puts another process's socket where the plugin says
// that its own is.
func TestNobodyElseMayListen(t *testing.T) {
	dir := shortDir(t)
	found, listening := make(chan error, 1), make(chan int, 1)
	go func() { found <- impostor(dir, listening) }()
	_, err := host.Start(t.Context(), self("saying", "1|1|unix|DIR/impostor|grpc|"+field(newCertificate()), "after"), host.Options{TempDir: dir})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d listens there, not the plugin", os.Getpid())) {
		t.Errorf("got %v", err)
	}
	if err := <-found; err != nil {
		t.Fatal(err)
	}
	unix.Close(<-listening)
}

// impostor listens in the first socket directory that appears.
func impostor(dir string, listening chan<- int) error {
	for {
		found, err := filepath.Glob(filepath.Join(dir, "plugin-dir*"))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			if err := unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(found[0], "impostor")}); err != nil {
				return err
			}
			listening <- fd
			return unix.Listen(fd, 1)
		}
	}
}

// alive tells whether a process is there and no zombie.
func alive(pid int) bool {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "State:") {
			return !strings.Contains(lines.Text(), "Z") && !strings.Contains(lines.Text(), "X")
		}
	}
	return false
}
