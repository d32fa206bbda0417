package main

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/headgate-io/headgate/configs"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/supervisor"
)

// containerUser is who runs in the image.
const containerUser = 65532

// contained ROOT DATA PROGRAM.. becomes a program in a container: PID 1, with a
// root that has nothing but a directory and cannot be written, DATA in /data, and
// for user whom the image says, where there is one.
func contained() {
	if err := contain(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "contained:", err)
		os.Exit(exitBad)
	}
}

func contain(root, data string, program []string) error {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	for _, m := range []struct {
		from, to, kind string
		flags          uintptr
	}{
		{root, root, "", unix.MS_BIND},
		{"proc", filepath.Join(root, "proc"), "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{data, filepath.Join(root, "data"), "", unix.MS_BIND},
		{"", root, "", unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY},
	} {
		if err == nil {
			err = unix.Mount(m.from, m.to, m.kind, m.flags, "")
		}
	}
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Chroot(root), unix.Chdir("/data")); err != nil {
		return err
	}
	if ids, err := os.ReadFile("/proc/self/uid_map"); err == nil && strings.Contains(string(ids), fmt.Sprint(containerUser)) {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(containerUser), syscall.Setuid(containerUser)); err != nil {
			return err
		}
	}
	return unix.Exec(program[0], program, []string{"TMPDIR=/data"})
}

// container is a root with the binary alone, and a volume.
type container struct {
	*testing.T
	root, data string
}

func newContainer(t *testing.T) *container {
	t.Helper()
	c := &container{T: t, root: filepath.Join(shortDir(t), "root"), data: shortDir(t)}
	for _, dir := range []string{"data", "proc"} {
		if err := os.MkdirAll(filepath.Join(c.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(c.root, "headgate"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if os.Getuid() == 0 {
		if err := errors.Join(os.Chmod(filepath.Dir(c.root), 0o755), os.Chown(c.data, containerUser, containerUser)); err != nil {
			t.Fatal(err)
		}
	}
	probe := c.command("version")
	if out, err := probe.CombinedOutput(); err != nil {
		if os.Getenv("HEADGATE_REQUIRE_PEERS") == "1" {
			t.Fatalf("a container is required here: user, PID and mount namespaces, and mounting /proc in them: %v: %s", err, out)
		}
		t.Skipf("no container can be made here: %v: %s", err, out)
	}
	return c
}

// command runs headgate as PID 1.
func (c *container) command(args ...string) *exec.Cmd {
	c.Helper()
	self, err := os.Executable()
	if err != nil {
		c.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{"contained", c.root, c.data, "/headgate"}, args...)
	ids := []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	groups := []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	if os.Getuid() == 0 {
		nobody := syscall.SysProcIDMap{ContainerID: containerUser, HostID: containerUser, Size: 1}
		ids, groups = append(ids, nobody), append(groups, nobody)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		UidMappings: ids, GidMappings: groups, GidMappingsEnableSetgroups: os.Getuid() == 0, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// TestContainer runs the static binary, with a plugin, where nothing else is.
func TestContainer(t *testing.T) {
	c := newContainer(t)
	binary, err := elf.Open(filepath.Join(c.root, "headgate"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary is not static")
		}
	}
	binary.Close()

	if out, err := c.command("init", "--container", ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(c.data, "here.toml"), []byte(`
[[ingress]]
name = "edge"
listen = "https://127.0.0.1:0"
[replies]
listen = "tcp://127.0.0.1:0"
advertise = ""
[[channels]]
name = "commands"
listen = "tcp://127.0.0.1:0"
[[channels]]
name = "telemetry"
listen = "tcp://127.0.0.1:0"
[[transforms]]
name = "mask-card"
plugin = "mask"
config = { fields = ["/data/card"] }
[[routes]]
name = "orders"
transforms = ["mask-card"]
`), 0o644); err != nil {
		t.Fatal(err)
	}
	log := new(tail)
	cmd := c.command("run", "-c", "headgate.toml", "-c", "here.toml")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it has been waited for, but for a test that failed
		if t.Failed() {
			t.Logf("router's log:\n%s", log)
		}
	})
	r := &rig{T: t, dir: c.data, router: admin.NewClient(datadir.Socket(filepath.Join(c.data, "headgate-data")))}
	plugin := func(failures int) func() bool {
		return func() bool {
			top, err := r.router.Top(context.Background())
			return err == nil && len(top.Plugins) == 1 && top.Plugins[0].State == supervisor.Ready && top.Plugins[0].Failures >= failures
		}
	}
	r.eventually("the plugin is ready", plugin(0))
	if out, err := r.headgate("healthcheck", "-c", "headgate.toml").CombinedOutput(); err != nil {
		t.Errorf("healthcheck: %v: %s", err, out)
	}
	if is := ids(t, cmd.Process.Pid); !slices.Contains(is, "NSpid 1") || os.Getuid() == 0 && !slices.Contains(is, fmt.Sprintf("Uid %d", containerUser)) {
		t.Errorf("it runs as %q", is)
	}

	// A plugin that dies is waited for by who has started it, and started again.
	kin := children(t, cmd.Process.Pid)
	if len(kin) != 1 {
		t.Fatalf("children of the router: %v", kin)
	}
	if err := syscall.Kill(kin[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.eventually("the plugin is ready again", plugin(1))
	if now := children(t, cmd.Process.Pid); len(now) != 1 || now[0] == kin[0] {
		t.Errorf("children of the router: %v, before %v", now, kin)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(log.String(), `"stopped"`) {
		t.Error("it did not drain")
	}
	late := r.headgate("healthcheck", "-c", "headgate.toml")
	if out, _ := late.CombinedOutput(); late.ProcessState.ExitCode() != exitBad { // container runtimes know 0 and 1
		t.Errorf("healthcheck: %v: %s", late.ProcessState, out)
	}
}

// ids are a process's user and its PID in its own namespace (proc_pid_status(5)).
func ids(t *testing.T, pid int) []string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^(NSpid|Uid):.*\t(\d+)$`).FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1]+" "+m[2])
	}
	return out
}

// children are those of all threads of a process, ended ones too.
func children(t *testing.T, pid int) []int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, file := range files {
		text, _ := os.ReadFile(file) // of a thread that has ended meanwhile
		for _, field := range strings.Fields(string(text)) {
			var child int
			if _, err := fmt.Sscan(field, &child); err != nil {
				t.Fatal(err)
			}
			out = append(out, child)
		}
	}
	return out
}

// TestContainerfile holds the image against what the test above runs.
func TestContainerfile(t *testing.T) {
	text, err := os.ReadFile("../../../configs/container/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"FROM scratch", fmt.Sprintf("USER %[1]d:%[1]d", containerUser), "WORKDIR /data", "ENV TMPDIR=/data", `ENTRYPOINT ["/headgate"]`,
		"STOPSIGNAL SIGTERM", "CGO_ENABLED=0"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("the Containerfile has no %s", line)
		}
	}
	for _, port := range regexp.MustCompile(`(?m)^(?:listen|advertise).*:(\d+)"`).FindAllStringSubmatch(string(configs.Container), -1) {
		if !regexp.MustCompile(`(?m)^EXPOSE .*\b` + port[1] + `\b`).Match(text) {
			t.Errorf("the Containerfile does not expose %s", port[1])
		}
	}
}
