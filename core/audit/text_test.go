package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/sdk"
)

// hostile are texts that peers may send.
var hostile = map[string]string{
	"newlines":      "a\nb\r\nc\n{\"n\":0}",
	"separators":    "a\u2028b\u2029c\u0085d",
	"NUL":           "a\x00b",
	"invalid UTF-8": "a\xff\xfe\xc3(\xed\xa0\x80\xf8\x88\x80\x80\x80",
	"1 MiB":         strings.Repeat("x", 1<<20),
	"1 MiB of NUL":  strings.Repeat("\x00", 1<<20),
	"1 MiB of ✓":    strings.Repeat("✓", 1<<20/3),
	"ANSI":          "\x1b[2J\x1b[31mred\x1b]0;title\x07\u009b1m",
	"quotes":        `"},"action":"admin.act","x":{"`,
	"backslashes":   `\"\\u0022\`,
	"bidi":          "a\u202eb\u2066c\ufeffd\u200be",
	"DEL":           "a\x7fb",
	"beyond 16 bit": "\U000e0041\U0001f600",
	"HTML":          "<script>&amp;",
	"empty":         "",
}

func TestNothingLeavesItsLine(t *testing.T) {
	d := disktest.New(disktest.Options{})
	l := open(t, options(d, newClock()))
	var n int
	for _, text := range hostile {
		for _, unproven := range []bool{false, true} {
			r := audit.Record{Action: "auth.deny", Outcome: text, Reason: text, Request: text, Principal: sdk.Principal{Provider: text, Issuer: text, Subject: text},
				Key: text, Ingress: text, Addr: text, Event: audit.Event{ID: text, Source: text, Type: text}, Unproven: unproven,
				Channel: text, Actor: text, Why: text, From: text, To: text, Detail: map[string]string{text + "!": text, "b": text}}
			for range 100 {
				r.Routes = append(r.Routes, text)
			}
			must(t, l.Write(context.Background(), r))
			l.Refuse(r)
			n += 2
		}
	}
	shut(t, l)
	for line := range bytes.Lines(files(d)["audit-000000000000.jsonl"].Data) {
		if n--; !json.Valid(line) || !utf8.Valid(line) || len(line) > audit.MaxLine {
			t.Fatalf("%.300q", line)
		}
		for _, r := range string(bytes.TrimSuffix(line, []byte("\n"))) {
			if !unicode.IsPrint(r) {
				t.Fatalf("%U in %.300q", r, line)
			}
		}
		if !bytes.Contains(line, []byte(`"action":"`+audit.ActionOpen)) && !bytes.Contains(line, []byte(`"action":"auth.deny"`)) {
			t.Errorf("%.300q", line)
		}
	}
	if n != -1 {
		t.Errorf("%d lines too few", n+1)
	}
	good(t, check(t, files(d)))
}

// TestWhatAnUnprovenPeerWrote stands apart.
func TestWhatAnUnprovenPeerWrote(t *testing.T) {
	d := disktest.New(disktest.Options{})
	l := open(t, options(d, newClock()))
	r := acceptance(1)
	r.Action, r.Unproven = "auth.deny", true
	must(t, l.Write(context.Background(), r))
	shut(t, l)
	line := allLines(t, files(d))[1]
	if line.Principal != (sdk.Principal{}) || line.Key != "" || line.Event.ID != "" {
		t.Errorf("as proven: %s", line.Raw)
	}
	if line.Unproven.Principal.Subject != "edge" || line.Unproven.Key != "edge-1" || line.Unproven.Event.ID != "order-1" || line.Source.Addr != "192.0.2.7" {
		t.Errorf("%s", line.Raw)
	}
}

func FuzzAppendText(f *testing.F) {
	for _, text := range hostile {
		f.Add(text[:min(len(text), 1000)], 256)
	}
	f.Add("ab✓", 4)
	f.Fuzz(func(t *testing.T, s string, most int) {
		if most < 4 || most > 1<<20 {
			return
		}
		out := audit.AppendText(nil, s, most)
		var back string
		if err := json.Unmarshal(out, &back); err != nil || bytes.ContainsFunc(out, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q: %v", out, err)
		}
		want := strings.ToValidUTF8(s, "")
		if len(s) <= most && utf8.ValidString(s) && back != s {
			t.Fatalf("%q came back as %q", want, back)
		}
		if len(out) > 6*most+16 {
			t.Fatalf("%d bytes of %d", len(out), most)
		}
	})
}

func FuzzLine(f *testing.F) {
	s := newSample(f, 3)
	for _, l := range s.lines[:20] {
		f.Add(bytes.TrimSuffix(l.line, []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		n, err := audit.ParseHead(line)
		l, perr := audit.ParseLine(line)
		if err == nil && (n < 0 || !json.Valid(line)) {
			t.Fatalf("record %d: %q", n, line)
		}
		if perr == nil && !bytes.HasSuffix(line, []byte("\n")) && l.N != n {
			t.Fatalf("%d and %d: %q", l.N, n, line)
		}
	})
}

// FuzzCheck has any bytes for a log: it is bad or good, and never more.
func FuzzCheck(f *testing.F) {
	s := newSample(f, 3)
	dir := s.dir(s.lines)
	f.Add(dir[s.names[0]].Data[:3000], s.local[:600])
	f.Fuzz(func(t *testing.T, first, local []byte) {
		dir := s.dir(s.lines)
		dir[s.names[0]].Data, dir[audit.CheckpointsIn].Data = first, local
		r, err := audit.Check(context.Background(), dir, audit.CheckOptions{Exported: s.exported})
		if err == nil && r.Good() && r.Exported == nil {
			t.Fatalf("%+v", r)
		}
	})
}

func FuzzCheckpoints(f *testing.F) {
	s := newSample(f, 3)
	f.Add(s.local)
	var notes []byte
	for _, c := range s.exported {
		notes = append(notes, c.Note...)
	}
	f.Add(notes)
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := audit.ParseCheckpoints(text)
		for _, c := range list {
			if err == nil && c.Size < 0 {
				t.Fatalf("%+v", c)
			}
		}
	})
}
