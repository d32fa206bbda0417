package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/sdk"
)

// auditLog is a data directory with an audit log of two files, which is exported
// to notes up to record 20 or so, and signed by the key.
type auditLog struct {
	dir, notes, key string
	size            int64
}

func newAuditLog(t *testing.T) *auditLog {
	t.Helper()
	dir := t.TempDir()
	l := &auditLog{dir: filepath.Join(dir, "data"), notes: filepath.Join(dir, "notes")}
	files, err := disk.Open(mkdir(t, filepath.Join(l.dir, "audit")))
	if err != nil {
		t.Fatal(err)
	}
	to, err := audit.ParseExport("file:"+l.notes, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := audit.Options{FS: files, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Origin: "router.example/audit", Boot: "b", MaxFile: 8 << 10,
		Exports: []audit.Export{to}, Log: zerolog.Nop()}
	for range 2 {
		log, err := audit.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		from := log.Resume().Event
		for seq := from + 1; seq <= from+10; seq++ {
			err := log.Append(audit.Position{Event: seq, State: seq}, []audit.Record{
				{Action: "event.accept", Outcome: audit.Allow, Principal: sdk.Principal{Provider: "edge-keys", Subject: "edge"}, Seq: seq, Pos: audit.Position{Event: seq, State: seq - 1},
					Event: audit.Event{ID: fmt.Sprintf("order-%d\x1b[2J", seq), Source: "//shop.example/till", Type: "com.example.order"}},
				{Action: "event.done", Outcome: audit.Success, Seq: seq, Channel: "commands", Pos: audit.Position{Event: seq, State: seq}}})
			if err != nil {
				t.Fatal(err)
			}
		}
		s := log.Stats()
		l.key, l.size = s.Key, s.Size
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		o.Exports = nil // the second half stays here
	}
	return l
}

func mkdir(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// headgateAudit runs a command, and gives its exit code and what it printed.
func headgateAudit(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.Background(), append([]string{"audit"}, args...), streams{in: strings.NewReader(""), out: &o, err: &e})
	if strings.Contains(o.String()+e.String(), "\x1b") {
		t.Errorf("an escape: %q", o.String()+e.String())
	}
	return code, o.String(), e.String()
}

// says runs a command and wants an exit code, and texts in what it prints.
func says(t *testing.T, code int, texts []string, args ...string) string {
	t.Helper()
	got, out, errs := headgateAudit(t, args...)
	if got != code {
		t.Errorf("audit %q: exit code %d: %s%s", args, got, out, errs)
	}
	for _, text := range texts {
		if !strings.Contains(out+errs, text) {
			t.Errorf("audit %q: no %q in\n%s%s", args, text, out, errs)
		}
	}
	return out
}

func TestAuditVerify(t *testing.T) {
	l := newAuditLog(t)
	newer := fmt.Sprintf("%d records newer: no exported checkpoint covers them", l.size-21)
	out := says(t, exitFine, []string{"internally consistent", "no proof"}, "verify", l.dir)
	if strings.Contains(out, "intact") {
		t.Error(out)
	}
	says(t, exitFine, []string{"intact up to record 20 (checkpoint of 20", newer, l.key}, "verify", l.dir, "--checkpoint", l.notes)
	says(t, exitFine, []string{"intact up to record 20", "as given"}, "verify", filepath.Join(l.dir, "audit"), "--checkpoint", l.notes, "--key", l.key)
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(l.notes))))
	defer server.Close()
	says(t, exitFine, []string{"intact up to record 20"}, "verify", l.dir, "--checkpoint", server.URL+"/notes")
	says(t, exitBad, []string{"404"}, "verify", l.dir, "--checkpoint", server.URL+"/none")
	says(t, exitBad, []string{"no https URL"}, "verify", l.dir, "--checkpoint", "http://192.0.2.1/notes")
	says(t, exitBad, []string{"no verifier key"}, "verify", l.dir, "--key", "x")
	says(t, exitBad, []string{"has no audit log"}, "verify", t.TempDir())
	says(t, exitBad, []string{"audit log: open ", "no such file"}, "verify", filepath.Join(t.TempDir(), "none"))
	says(t, exitUsage, nil, "verify", l.dir, l.dir)
	var v struct {
		Verdict string
		Newer   int64
	}
	if err := json.Unmarshal([]byte(says(t, exitFine, nil, "verify", l.dir, "--checkpoint", l.notes, "--json")), &v); err != nil || v.Verdict != "intact" || v.Newer != l.size-21 {
		t.Errorf("%+v, %v", v, err)
	}
	path := filepath.Join(l.dir, "audit", "audit-000000000000.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := bytes.Replace(text, []byte("order-3"), []byte("order-x"), 1)
	if err := os.WriteFile(path, spoilt, 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, exitBad, []string{"first bad record: audit-000000000000.jsonl:6: record 5 altered", "as evidence"}, "verify", l.dir, "--checkpoint", l.notes)
	if err := json.Unmarshal([]byte(says(t, exitBad, nil, "verify", l.dir, "--json")), &v); err != nil || v.Verdict != "bad" {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestAuditSearch(t *testing.T) {
	l := newAuditLog(t)
	out := says(t, exitFine, []string{"RECORD", "event.accept", "event.done", `order-7\x1b[2J`}, "search", "--dir", l.dir, "--id", "order-7\x1b[2J")
	if strings.Count(out, "\n") != 3 {
		t.Error(out)
	}
	out = says(t, exitFine, nil, "search", "--dir", l.dir, "--action", "event.accept", "--principal", "edge", "--limit", "4", "--since", "24h", "--json")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 4 || !json.Valid([]byte(lines[3])) {
		t.Error(out)
	}
	says(t, exitUsage, []string{"is no time"}, "search", "--dir", l.dir, "--since", "yesterday")
	says(t, exitUsage, []string{"less than 0"}, "search", "--dir", l.dir, "--limit", "-1")
}

func TestAuditProve(t *testing.T) {
	l := newAuditLog(t)
	proof := filepath.Join(t.TempDir(), "p.tlog-proof")
	says(t, exitFine, []string{"record 5 is among the 21"}, "prove", "--dir", l.dir, "--index", "5", "--checkpoint", l.notes, "--out", proof)
	says(t, exitFine, []string{"record 5 is in the log router.example/audit", "order-3"}, "verify", "--proof", proof, "--key", l.key)
	says(t, exitFine, []string{"record 5 is in the log"}, "verify", "--proof", proof, "--checkpoint", l.notes)
	says(t, exitBad, []string{"give --key"}, "verify", "--proof", proof)
	says(t, exitUsage, nil, "verify", l.dir, "--proof", proof)
	text, err := os.ReadFile(proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(proof, bytes.Replace(text, []byte("index 5"), []byte("index 6"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, exitBad, []string{"not record 6"}, "verify", "--proof", proof, "--key", l.key)

	receipt := filepath.Join(t.TempDir(), "receipt.json")
	if err := os.WriteFile(receipt, []byte(`{"id":"order-15\u001b[2J","source":"//shop.example/till","status":"accepted"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := says(t, exitFine, nil, "prove", "--dir", l.dir, "--receipt", receipt); !strings.HasPrefix(out, "c2sp.org/tlog-proof@v1\n") {
		t.Error(out)
	}
	says(t, exitBad, []string{"no checkpoint covers record"}, "prove", "--dir", l.dir, "--receipt", receipt, "--checkpoint", l.notes)
	says(t, exitUsage, nil, "prove", "--dir", l.dir)
	says(t, exitUsage, nil, "prove", "--dir", l.dir, "--index", "1", "--receipt", receipt)
}

func TestAuditExport(t *testing.T) {
	l := newAuditLog(t)
	to := filepath.Join(t.TempDir(), "part")
	says(t, exitFine, []string{"records 0 to ", "checkpoint"}, "export", to, "--dir", l.dir, "--to", "5")
	says(t, exitFine, []string{"intact up to record 20", "extract"}, "verify", to, "--checkpoint", l.notes)
	says(t, exitFine, []string{"order-3"}, "search", "--dir", to)
	says(t, exitBad, []string{"is not empty"}, "export", to, "--dir", l.dir)
	says(t, exitUsage, nil, "export", to, "--dir", l.dir, "--from", "9", "--to", "3")
}
