package promise_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// auditLine is what these tests read of a record.
type auditLine struct {
	N       int64
	Action  string
	Outcome string
	Reason  string
	Seq     uint64
	Channel string
	Count   uint64
	Event   struct{ ID, Source, Type, Digest string }
}

// auditLines reads a router's audit log.
func (r *router) auditLines() []auditLine {
	r.Helper()
	files, err := filepath.Glob(filepath.Join(r.dir, "data", "audit", "audit-*.jsonl"))
	if err != nil {
		r.Fatal(err)
	}
	var out []auditLine
	for _, name := range files {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			r.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var l auditLine
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				r.Fatalf("%s: %v: %s", name, err, lines.Bytes())
			}
			out = append(out, l)
		}
		_ = f.Close()
	}
	return out
}

const auditedChannel = oneChannel + `
[audit]
export = ["file:elsewhere"]
checkpoint = "1s"
`

// D16: every accepted command has exactly one audit record, and each of its ends
// one, whatever kills the router; and what is checked against a checkpoint kept
// elsewhere is intact.
func TestD16EveryAcceptanceIsOnRecord(t *testing.T) {
	dice := chance(t)
	r := newRouter(t, auditedChannel)
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	producers := r.produce(l, 8, time.Millisecond, func(producer, n int) (string, []byte) {
		id := fmt.Sprintf("p%d-%d", producer, n)
		return id, order("order.created", id, "")
	})
	kills := turns(8)
	for range kills {
		time.Sleep(time.Duration(50+dice.IntN(300)) * time.Millisecond) // the kill comes whenever it comes
		r.crash()
	}
	producers.halt()
	r.drained()
	if b := l.balance(r, never); b.pending != 0 {
		t.Errorf("the end is %v", b)
	}
	events := r.events()
	r.stop()
	accepts, ends := make(map[string]int), make(map[uint64]int)
	for n, line := range r.auditLines() {
		if line.N != int64(n) {
			t.Fatalf("record %d has the number %d", n, line.N)
		}
		switch line.Action {
		case "event.accept":
			accepts[line.Event.ID]++
		case "event.done":
			ends[line.Seq]++
		}
	}
	for id, e := range events {
		if accepts[id] != 1 {
			t.Errorf("UNRECORDED: %s was accepted and has %d records", id, accepts[id])
		}
		if ends[e.Seq] != 1 {
			t.Errorf("UNRECORDED: the end of %s has %d records", id, ends[e.Seq])
		}
	}
	if len(accepts) != len(events) {
		t.Errorf("%d are on record, %d were accepted", len(accepts), len(events))
	}
	out := r.command("audit", "verify", "--checkpoint", "elsewhere")
	if !strings.Contains(out, "intact up to record") {
		t.Errorf("verify says %s", out)
	}
	proved(t, "%d kills, %d accepted: each on record once, each end once", kills, len(events))
}

// D16: while the audit log cannot be written nothing is accepted, deliveries go
// on, and it takes events again by itself.
func TestD16WithoutItsAuditLogNothingIsAccepted(t *testing.T) {
	disk := smallDisk(t, 16)
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(disk, filepath.Join(dir, "data", "audit")); err != nil {
		t.Fatal(err)
	}
	r := newRouterIn(t, dir, oneChannel+"[audit]\nmax_file = \"1MiB\"\n")
	l := newLedger(t)
	sent := 0
	send := func() answer {
		t.Helper()
		id := fmt.Sprintf("e%d", sent)
		sent++
		a, err := r.edge.post(t.Context(), id, order("order.created", id, ""))
		if err != nil {
			t.Fatal(err)
		}
		if a.says() == accepted {
			l.accept(id)
		}
		return a
	}
	if a := send(); a.says() != accepted {
		t.Fatalf("before: %s", a.Body)
	}
	fill := filepath.Join(disk, "filler")
	f, err := os.Create(fill)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	_ = f.Close()
	r.eventually("it is noticed", func() bool { return send().HTTP == http.StatusServiceUnavailable })
	for range 200 {
		if a := send(); a.HTTP != http.StatusServiceUnavailable || a.RetryAfter == "" {
			t.Fatalf("UNRECORDED: %s, Retry-After %q", a.says(), a.RetryAfter)
		}
	}
	r.take(taking{channel: "orders"}, doing(l))
	r.drained()
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	r.eventually("events are taken again", func() bool { return send().says() == accepted })
	r.drained()
	l.balance(r, never)
	r.stop()
	records := make(map[string]bool)
	for _, line := range r.auditLines() {
		if line.Action == "event.accept" {
			records[line.Event.ID] = true
		}
	}
	for id := range l.accepted {
		if !records[id] {
			t.Errorf("UNRECORDED: %s", id)
		}
	}
}

// command runs the binary beside the router, and wants it to end well.
func (r *router) command(args ...string) string {
	r.Helper()
	cmd := exec.Command(*binary, args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Errorf("headgate %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
