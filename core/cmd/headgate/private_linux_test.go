package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const nobody = 65534

// TestMemoryIsPrivate reads what the kernel says of a running router. What is
// under /proc of a process that no debugger may attach to belongs to root
// (proc_pid(5)), so root runs this router as somebody else.
func TestMemoryIsPrivate(t *testing.T) {
	r := newRig(t, rigOptions{memory: true})
	pid := r.process.Process.Pid
	if os.Getuid() == 0 {
		r.stop()
		if err := filepath.WalkDir(r.dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				err = os.Lchown(path, nobody, nobody)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		pid = r.startAs(nobody)
	}
	proc := fmt.Sprintf("/proc/%d/", pid)
	limits, err := os.ReadFile(proc + "limits")
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(strings.Fields(string(limits)), " "); !strings.Contains(text, "Max core file size 0 0 bytes") {
		t.Errorf("limits: %s", limits)
	}
	info, err := os.Stat(proc + "environ")
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("%senviron belongs to %d: its user may attach a debugger", proc, owner)
	}
}

// startAs runs the router as another user, who may not know the way to this
// test's binary.
func (r *rig) startAs(uid uint32) (pid int) {
	r.Helper()
	cmd := r.headgate("run")
	cmd.Path, cmd.Stderr = "/proc/self/exe", r.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	r.eventually("the router answers", func() bool {
		_, err := r.router.Top(context.Background())
		return err == nil
	})
	return cmd.Process.Pid
}
