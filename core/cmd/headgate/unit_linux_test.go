package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/headgate-io/headgate/configs"
)

// exposure is the most that systemd-analyze security may give the unit: 20 is "2.0,
// OK". What is left is the network, a plugin's ptrace and limits, and what others
// set for the whole host.
const exposure = 20

// TestUnit has systemd read the unit, as it would when it is installed.
func TestUnit(t *testing.T) {
	requirePeer(t, "systemd-analyze (Debian's systemd)", exec.Command("systemd-analyze", "--version"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "headgate.service")
	if err := os.WriteFile(unit, bytes.ReplaceAll(configs.Service, []byte("/usr/local/bin/headgate"), []byte(self)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); err != nil || bytes.Contains(out, []byte(unit)) {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", fmt.Sprintf("--threshold=%d", exposure), unit).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// foreign are the system calls by which sdk/host copies a plugin of somebody else
// to sealed memory, and holds it at its start until it has its limits.
var foreign = []string{"memfd_create", "fcntl", "execve", "ptrace", "prlimit64", "prctl", "waitid", "kill", "pidfd_send_signal", "pidfd_open", "close_range", "fchmod", "unlinkat", "symlinkat"}

// TestUnitPermits holds the system calls of a router at work, and its plugin's,
// against those that the unit lets it make.
func TestUnitPermits(t *testing.T) {
	requirePeer(t, "systemd-analyze (Debian's systemd)", exec.Command("systemd-analyze", "--version"))
	requirePeer(t, "strace", exec.Command("strace", "-V"))
	permitted := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^SystemCallFilter=(.*)$`).FindAllSubmatch(configs.Service, -1) {
		list, deny := strings.CutPrefix(string(line[1]), "~")
		for _, name := range strings.Fields(list) {
			for _, call := range calls(t, name) {
				permitted[call] = !deny
			}
		}
	}
	if permitted["mount"] || permitted["setuid"] || !permitted["read"] {
		t.Fatal("the filter is not read")
	}

	r := newRig(t, rigOptions{})
	r.stop()
	more := filepath.Join(r.dir, "more.toml")
	if err := os.WriteFile(more, []byte("[[transforms]]\nname = \"mask-card\"\nplugin = \"mask\"\nconfig = { fields = [\"/data/card\"] }\n[[routes]]\nname = \"orders\"\ntransforms = [\"mask-card\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(r.dir, "trace")
	router := r.headgate("run", "-c", "headgate.toml", "-c", more)
	cmd := exec.Command("strace", append([]string{"-f", "-qq", "-o", trace, router.Path}, router.Args[1:]...)...)
	cmd.Dir, cmd.Stderr = r.dir, r.log
	self := filepath.Join(r.dir, "headgate") // by its name it knows what it is
	if err := os.Symlink(router.Path, self); err != nil {
		t.Fatal(err)
	}
	cmd.Args[slices.Index(cmd.Args, router.Path)] = self
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it has been waited for, but for a test that failed
	})
	r.eventually("the router answers", func() bool {
		top, err := r.router.Top(t.Context())
		r.top = top
		return err == nil
	})
	r.producer.to = r.top.Doors[0].Address
	r.send("1", "2")
	consumer := r.headgate("consume", "commands", "--connect", r.top.Commands[0].Address, "--keys", r.keysFile, "--count", "2")
	if out, err := consumer.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r.awaitState("2", "done")
	traced := children(t, cmd.Process.Pid)
	if len(traced) == 0 {
		t.Fatal("strace has no child")
	}
	if err := syscall.Kill(traced[0], syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("router ended with %v", err)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	called := slices.Clone(foreign)
	for _, m := range regexp.MustCompile(`(?m)^\d+ +(\w+)\(`).FindAllSubmatch(text, -1) {
		called = append(called, string(m[1]))
	}
	slices.Sort(called)
	called = slices.Compact(called)
	if !slices.Contains(called, "execve") || !slices.Contains(called, "fdatasync") || !slices.Contains(called, "accept4") {
		t.Errorf("the trace lacks what it must have: %v", called)
	}
	for name, forbidden := range map[string]string{
		"MemoryDenyWriteExecute":  `(?m)^\d+ +(mmap\(.*PROT_WRITE\|PROT_EXEC|(pkey_)?mprotect\(.*PROT_EXEC).*$`,
		"RestrictAddressFamilies": `(?m)^\d+ +socket(pair)?\(AF_([A-HJ-TV-Z]|INET[^,6]|I[^N]|U[^N]).*$`,
		"RestrictNamespaces":      `(?m)^\d+ +(clone3?|unshare|setns)\(.*CLONE_NEW.*$`,
	} {
		if found := regexp.MustCompile(forbidden).Find(text); found != nil {
			t.Errorf("the unit's %s forbids %s", name, found)
		}
	}
	for _, call := range called {
		if !permitted[call] {
			t.Errorf("the unit forbids %s, which is called", call)
		}
	}
}

// calls lists what is in a set of systemd, or the one call of that name.
func calls(t *testing.T, name string) []string {
	t.Helper()
	if !strings.HasPrefix(name, "@") {
		return []string{name}
	}
	out, err := exec.Command("systemd-analyze", "--no-pager", "syscall-filter", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		inner, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if indented && !strings.HasPrefix(inner, "#") {
			list = append(list, calls(t, inner)...)
		}
	}
	return list
}
