package promise_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// trace is strace(1), attached to a router: it writes down system calls, and
// makes some of them slow or fail.
type trace struct {
	*router
	cmd  *exec.Cmd
	file string
}

// trace attaches to every thread. what are further arguments, such as -e inject=...
func (r *router) trace(what ...string) *trace {
	r.Helper()
	path, err := exec.LookPath("strace")
	requireHere(r.T, "strace", err)
	t := &trace{router: r, file: filepath.Join(r.dir, "trace")}
	args := append([]string{"-f", "-qq", "-o", t.file, "-p", strconv.Itoa(r.process.Process.Pid)}, what...)
	t.cmd = exec.Command(path, args...)
	said := new(tail)
	t.cmd.Stderr = said
	if err := t.cmd.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(t.detach)
	r.eventually("strace is attached", func() bool { return r.traced() || strings.Contains(said.String(), "not permitted") })
	if strings.Contains(said.String(), "not permitted") {
		requireHere(r.T, "ptrace", fmt.Errorf("%s", said))
	}
	return t
}

// traced tells whether all threads are (proc_pid_status(5), TracerPid).
func (r *router) traced() bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", r.process.Process.Pid))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), "TracerPid:\t0\n") {
			return false
		}
	}
	return len(files) > 0
}

// detach leaves the router to itself, or ends with it.
func (t *trace) detach() {
	if t.cmd.ProcessState == nil {
		_ = t.cmd.Process.Signal(syscall.SIGINT)
		_ = t.cmd.Wait()
	}
}

// injected tells whether any call was made to fail so far.
func (t *trace) injected() bool {
	text, err := os.ReadFile(t.file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), "(INJECTED)")
}

// call is one system call of a trace. It began and ended at these lines.
type call struct {
	name       string
	text       string // arguments and result, as strace shows them
	fd         string // its first argument
	begun, end int
	failed     bool
}

var (
	beginning = regexp.MustCompile(`^(\d+) +([a-z0-9_]+)\((.*)$`)
	resuming  = regexp.MustCompile(`^(\d+) +<\.\.\. ([a-z0-9_]+) resumed>(.*)$`)
)

const unfinished = " <unfinished ...>"

// calls reads the trace. A line that strace has broken in two says when a call
// began and when it ended; for the others nothing happened between.
func (t *trace) calls() []call {
	t.Helper()
	f, err := os.Open(t.file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []call
	open := make(map[string]int) // by thread
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for n := 0; lines.Scan(); n++ {
		if m := beginning.FindStringSubmatch(lines.Text()); m != nil {
			c := call{name: m[2], begun: n, end: n, text: m[3]}
			c.fd, _, _ = strings.Cut(strings.TrimSuffix(c.text, unfinished), ",")
			c.fd, _, _ = strings.Cut(c.fd, ")")
			if head, broken := strings.CutSuffix(c.text, unfinished); broken {
				c.text, c.end = head, int(^uint(0)>>1)
				open[m[1]] = len(list)
			}
			list = append(list, c)
		} else if m := resuming.FindStringSubmatch(lines.Text()); m != nil {
			if at, ok := open[m[1]]; ok && list[at].name == m[2] {
				list[at].text += m[3]
				list[at].end = n
				delete(open, m[1])
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for i := range list {
		result := list[i].text[strings.LastIndex(list[i].text, ") ")+1:]
		list[i].failed = !strings.Contains(result, "= ") || strings.Contains(result, "= -1")
	}
	return list
}

// recorded are the calls that tell what was durable when.
const recorded = "trace=read,write,pwrite64,fdatasync,close"

// answers gives for each event that was answered 202 accepted, or 200 duplicate
// if that is wanted too, what is wrong with the order of calls before: its body
// was read, then written to a file, then a sync of that file began and ended
// well, then the answer was written. A file of which a sync has failed is not
// trusted any more.
func (t *trace) answers(withDuplicates bool) (answered int, wrong []string) {
	t.Helper()
	calls := t.calls()
	for i, answer := range calls {
		is := strings.Contains(answer.text, `\"status\":\"accepted\"`) || withDuplicates && strings.Contains(answer.text, `\"status\":\"duplicate\"`)
		if answer.name != "write" || !is {
			continue
		}
		answered++
		_, id, _ := strings.Cut(answer.text, `{\"id\":\"`)
		id, _, _ = strings.Cut(id, `\"`)
		if !durable(calls[:i], answer.begun, `<`+id+`>`) {
			wrong = append(wrong, id)
		}
	}
	return answered, wrong
}

// durable tells whether the event with a mark in its data was synced before a line.
func durable(calls []call, before int, mark string) bool {
	read := before // when a body with the event was there first: a twin's read may begin before and end after that
	for _, c := range calls {
		if c.name == "read" && strings.Contains(c.text, mark) {
			read = min(read, c.end)
		}
	}
	bad := make(map[string]bool)    // files
	written := make(map[string]int) // files with the event, and when it was there
	for _, c := range calls {
		switch {
		case c.end >= before:
		case c.name == "close":
			delete(bad, c.fd)
			delete(written, c.fd)
		case c.name == "pwrite64" && strings.Contains(c.text, mark) && c.begun > read && !c.failed:
			written[c.fd] = c.end
		case c.name == "fdatasync" && c.failed:
			bad[c.fd] = true
		case c.name == "fdatasync" && !bad[c.fd]:
			if at, has := written[c.fd]; has && c.begun > at {
				return true
			}
		}
	}
	return false
}
