package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/sdk"
)

func verifier(t testing.TB) note.Verifier {
	t.Helper()
	text, err := audit.VerifierKey(origin, key.Public().(ed25519.PublicKey))
	must(t, err)
	v, err := note.NewVerifier(text)
	must(t, err)
	return v
}

// TestProofs proves every record against several checkpoints, and none that was
// altered.
func TestProofs(t *testing.T) {
	s := newSample(t, 20)
	dir := s.dir(s.lines)
	local, err := audit.ParseCheckpoints(s.local)
	must(t, err)
	for _, c := range []audit.Checkpoint{local[0], local[4], local[len(local)-1]} {
		for i := range c.Size {
			p, err := audit.Prove(context.Background(), dir, i, c)
			must(t, err)
			read, err := audit.ParseProof(p.Format())
			must(t, err)
			if err := read.Verify(verifier(t)); err != nil || !bytes.Equal(read.Record, bytes.TrimSuffix(s.lines[i].line, []byte("\n"))) {
				t.Fatalf("record %d of %d: %v", i, c.Size, err)
			}
			read.Record[len(read.Record)-5] ^= 1
			if err := read.Verify(verifier(t)); err == nil {
				t.Fatalf("record %d of %d, altered, is proven", i, c.Size)
			}
		}
	}
	if _, err := audit.Prove(context.Background(), dir, local[0].Size, local[0]); err == nil {
		t.Error("a record that the checkpoint does not cover is proven")
	}
	// Without the first files the later records are proven still.
	newest := local[len(local)-1]
	delete(dir, s.names[0])
	if _, err := audit.Prove(context.Background(), dir, 1, newest); err == nil {
		t.Error("a record that is gone is proven")
	}
	p, err := audit.Prove(context.Background(), dir, newest.Size-1, newest)
	must(t, err)
	must(t, p.Verify(verifier(t)))
	p.Checkpoint.Note = bytes.Replace(p.Checkpoint.Note, []byte(origin), []byte("other"), 1)
	if err := p.Verify(verifier(t)); err == nil {
		t.Error("by a checkpoint of another log it is proven")
	}
}

func FuzzProof(f *testing.F) {
	s := newSample(f, 3)
	local, err := audit.ParseCheckpoints(s.local)
	must(f, err)
	p, err := audit.Prove(context.Background(), s.dir(s.lines), 17, local[3])
	must(f, err)
	whole := p.Format()
	f.Add(whole)
	v := verifier(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := audit.ParseProof(text)
		if err != nil {
			return
		}
		if read.Verify(v) == nil && !bytes.Equal(read.Record, p.Record) {
			t.Fatalf("proven: %q", read.Record)
		}
	})
}

func TestSearch(t *testing.T) {
	d, c := disktest.New(disktest.Options{}), newClock()
	o := options(d, c)
	o.MaxFile = 3 << 10
	l := open(t, o)
	for i := 1; i <= 20; i++ {
		accept(t, l, i, i+1)
		c.add(time.Minute)
		done := audit.Record{Action: "event.done", Outcome: audit.Success, Seq: uint64(i), Channel: "commands", Attempt: 1, Pos: audit.Position{Event: uint64(i), State: uint64(i)}}
		must(t, l.Append(done.Pos, []audit.Record{done}))
	}
	denied := acceptance(3)
	denied.Action, denied.Reason, denied.Unproven, denied.Seq, denied.Pos = "auth.deny", "bad_signature", true, 0, audit.Position{}
	denied.Principal = sdk.Principal{Provider: "p", Issuer: "https://i", Subject: "s"}
	l.Refuse(denied)
	long := acceptance(21)
	long.Event.ID = string(bytes.Repeat([]byte("y"), 300)) + "\x1b"
	must(t, l.Append(audit.Position{Event: 21}, []audit.Record{long}))
	shut(t, l)
	start := newClock().Now()
	for what, q := range map[string]struct {
		audit.Query
		want []string
	}{
		"id and what became of it": {audit.Query{ID: "order-3"}, []string{"event.accept 3", "event.done 3", "auth.deny 0"}},
		"a long id":                {audit.Query{ID: long.Event.ID}, []string{"event.accept 21"}},
		"request":                  {audit.Query{Request: acceptance(7).Request}, []string{"event.accept 7"}},
		"reason":                   {audit.Query{Reason: "bad_signature"}, []string{"auth.deny 0"}},
		"principal":                {audit.Query{Principal: "p:https://i:s"}, []string{"auth.deny 0"}},
		"subject":                  {audit.Query{Principal: "edge", Limit: 2}, []string{"event.accept 1", "event.accept 2"}},
		"action":                   {audit.Query{Action: "auth"}, []string{"auth.deny 0"}},
		"no half action":           {audit.Query{Action: "aut"}, nil},
		"time":                     {audit.Query{Since: start.Add(4 * time.Minute), Until: start.Add(5 * time.Minute), Action: "event"}, []string{"event.done 4", "event.accept 5"}},
		"source":                   {audit.Query{Source: "//shop.example/till", Action: "event.done", Limit: 1}, []string{"event.done 1"}},
		"nothing":                  {audit.Query{Source: "//shop.example/other"}, nil},
	} {
		var got []string
		unread, err := audit.Search(context.Background(), files(d), q.Query, func(l *audit.Line) error {
			got = append(got, fmt.Sprintf("%s %d", l.Action, l.Seq))
			return nil
		})
		if err != nil || unread != 0 || !slices.Equal(got, q.want) {
			t.Errorf("%s: %q, %d, %v", what, got, unread, err)
		}
	}
}

// TestExtract takes spans out of a log: each is checked alone, and a mutation of
// it is found.
func TestExtract(t *testing.T) {
	s := newSample(t, 20)
	dir := s.dir(s.lines)
	for what, span := range map[string]audit.Span{
		"all":       {},
		"a middle":  {From: 25, To: 60},
		"the end":   {From: int64(len(s.lines)) - 2},
		"the begin": {To: 3},
		"times":     {Since: newClock().Now().Add(-time.Hour), Until: newClock().Now().Add(time.Hour)},
	} {
		to := filepath.Join(t.TempDir(), "extract")
		x, err := audit.Extract(context.Background(), dir, span, to)
		must(t, err)
		if x.First > span.From || span.To > 0 && x.Size < span.To || x.Checkpoints == 0 {
			t.Errorf("%s: %+v", what, x)
		}
		r, err := audit.Check(context.Background(), os.DirFS(to), audit.CheckOptions{Keys: []note.Verifier{verifier(t)}, Exported: s.exported[:1]})
		must(t, err)
		if x.Size >= s.exported[0].Size {
			good(t, r)
		}
		r, err = audit.Check(context.Background(), os.DirFS(to), audit.CheckOptions{})
		must(t, err)
		good(t, r)
		if r.First != x.First || r.Size != x.Size || r.Local == 0 {
			t.Errorf("%s: %+v", what, r)
		}
		altered := fstest.MapFS{}
		list, err := os.ReadDir(to)
		must(t, err)
		for i, e := range list {
			text, err := os.ReadFile(filepath.Join(to, e.Name()))
			must(t, err)
			if i == 0 {
				text[len(text)-30] ^= 1
			}
			altered[e.Name()] = &fstest.MapFile{Data: text}
		}
		if r := check(t, altered); r.Good() {
			t.Errorf("%s: an altered one is good", what)
		}
		if _, err := audit.Extract(context.Background(), dir, span, to); err == nil {
			t.Errorf("%s: over another", what)
		}
	}
}
