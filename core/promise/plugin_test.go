package promise_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// transform is a [[transforms]] that runs the beast, with more keys.
func transform(t *testing.T, name, more string) string {
	t.Helper()
	return transformOf(t, name, *beast, more)
}

// transformOf is transform with a program of one's own, by its hash.
func transformOf(t *testing.T, name, program, more string) string {
	t.Helper()
	image, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("[[transforms]]\nname = %q\nplugin = \"beast\"\npath = %q\nsha256 = \"%x\"\n%s\n", name, program, sha256.Sum256(image), more)
}

// tame is an event of a type that goes through transforms; to says what the
// beast does with it, empty for what it should.
func tame(id, to string) []byte {
	more := ""
	if to != "" {
		more = fmt.Sprintf(`,"beast":%q`, to)
	}
	return marked("tame", id, "", more)
}

// taming is work that is done at once, by a consumer that looks whether what it
// is given went through the transforms it had to.
func taming(l *ledger) consumer.Work {
	return func(_ context.Context, d *delivery.Delivery) (any, error) {
		at := l.see(d)
		want := fmt.Sprintf(`{"mark":"<%s>"}`, d.Event.ID)
		if strings.HasPrefix(d.Event.Type, "com.example.tame") {
			want = fmt.Sprintf(`{"by":"beast","was":%s}`, want)
		}
		if string(d.Event.Data) != want {
			l.Errorf("UNTRANSFORMED: %v came as %s through %v", at, d.Event.Data, d.Header.Transforms)
		}
		l.act(at)
		return nil, nil
	}
}

// plugin gives one transform's state.
func (r *router) plugin(name string) admin.Plugin {
	r.Helper()
	for _, p := range r.now().Plugins {
		if p.Name == name {
			return p
		}
	}
	r.Fatalf("no transform %s", name)
	panic("unreachable")
}

// children are the router's processes: its plugins, also those in which events
// run alone (proc_pid_children(5)).
func (r *router) children() []int {
	r.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", r.process.Process.Pid))
	if err == nil && len(tasks) == 0 {
		err = os.ErrNotExist
	}
	requireHere(r.T, "/proc/PID/task/TID/children", err)
	var pids []int
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // the thread may have ended
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				r.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// signal sends one to a process that may have ended.
func (r *router) signal(pid int, s syscall.Signal) {
	r.Helper()
	if pid <= 1 {
		r.Fatalf("no process has the number %d", pid)
	}
	if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
		r.Fatal(err)
	}
}

// alive tells whether a process is there and has not ended, by the third field
// of proc_pid_stat(5), behind the name in parentheses.
func alive(pid int) bool {
	state, _ := stat(pid)
	return state != "" && state != "Z" && state != "X"
}

// stat gives state and process group; nothing of a process that is gone.
func stat(pid int) (state string, group int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	group, _ = strconv.Atoi(fields[2])
	return fields[0], group
}

// group lists who is alive in a process group.
func group(of int) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && alive(pid) {
			if _, g := stat(pid); g == of {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// rewrite changes the configuration for the next start.
func (r *router) rewrite(change func(text string) string) {
	r.Helper()
	path := filepath.Join(r.dir, "headgate.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(text))), 0o600); err != nil {
		r.Fatal(err)
	}
}

// says runs a command of the binary beside the router and gives what it prints.
func (r *router) says(args ...string) string {
	r.Helper()
	cmd := exec.Command(*binary, args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("headgate %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// sent posts an event that has to be accepted at once.
func (r *router) sent(l *ledger, id string, event []byte) {
	r.Helper()
	a, err := r.edge.post(r.Context(), id, event)
	if err != nil || a.says() != accepted {
		r.Errorf("REFUSED: %s: %s, %v", id, a.says(), err)
		return
	}
	l.accept(id)
}
