package main

import (
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
)

func look(accepted uint64, at time.Time) screen {
	return screen{at: at, top: &admin.Top{Version: "v1", Started: at.Add(-time.Minute), Intake: intake.Counts{Accepted: accepted}, Replies: admin.Replies{Address: "tcp://127.0.0.1:5557", Told: "tcp://127.0.0.1:5557"},
		Commands: []admin.Command{{Facts: dispatch.Facts{Name: "commands", Brake: 1, Conns: []dispatch.ConnFacts{
			{Addr: "127.0.0.1:1\x1b[2J", Window: 1, Held: 1, Sent: 1, Mute: true}, {Addr: "127.0.0.1:2", Window: 64, Settled: 9}}}}}}}
}

// TestScreenNamesMuteConsumers: with the line they should have sent, and
// nothing that moves the terminal's cursor.
func TestScreenNamesMuteConsumers(t *testing.T) {
	var out strings.Builder
	if err := look(1, time.Now()).print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"MUTE: 127.0.0.1:1\\x1b[2J took 1 delivery from commands and settled none in time.",
		"PUSH one frame to tcp://127.0.0.1:5557:",
		`{"id":"<id of the header>","source":"<source of the header>","lease":"<lease of the header>","status":"done"}`,
		"slow: 1 at once",
		"up 1m0s",
		"1 accepted,",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s\nlacks %q", out.String(), want)
		}
	}
	if strings.Count(out.String(), "MUTE: ") != 1 || strings.Contains(out.String(), "\x1b") {
		t.Error(out.String())
	}
}

func TestScreenGivesRates(t *testing.T) {
	now := time.Now()
	s, before := look(350, now), look(100, now.Add(-2*time.Second))
	s.before, s.beforeAt = before.top, before.at
	var out strings.Builder
	if err := s.redraw(&out); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "350 (125/s) accepted") || !strings.HasPrefix(text, home) || !strings.HasSuffix(text, clearRest) {
		t.Errorf("%q", text)
	}
	s.top.Intake.Accepted = 3 // another router took its place
	if got := s.counted(3, 100); got != "3" {
		t.Errorf("got %q", got)
	}
}

func TestScreenShowsTheDisk(t *testing.T) {
	s := look(1, time.Now())
	print := func() string {
		var out strings.Builder
		if err := s.print(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if text := print(); strings.Contains(text, "disk ") {
		t.Errorf("%s\nshows a disk that is not there", text)
	}
	s.top.Outbox.Disk = &outbox.Disk{Bytes: 3 << 30, Free: 40 << 30, Reserve: 256 << 20, Segments: 48}
	if text, want := print(), "disk      3.0GiB in 48 segments, 40.0GiB free, 256.0MiB of it reserved\n"; !strings.Contains(text, want) {
		t.Errorf("%s\nlacks %q", text, want)
	}
	s.top.Outbox.Disk.Damaged, s.top.Outbox.Disk.Refusing = 1, "disk is full"
	if text, want := print(), "reserved, 1 record DAMAGED, REFUSING: disk is full\n"; !strings.Contains(text, want) {
		t.Errorf("%s\nlacks %q", text, want)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{"//shop.example/till é": "//shop.example/till é", "a\x1b[2Jb": `a\x1b[2Jb`, "a\u202eb": `a\u202eb`, "tab\t": `tab\t`, `say "hi"`: `say "hi"`} {
		if got := printable(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// TestExitCodes: 0 fine, 1 what was asked about is bad, 2 usage, 3 no router.
func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeQuickstart("."); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]int{
		"check":                             exitFine,
		"check -c absent.toml":              exitBad,
		"check extra":                       exitUsage,
		"check --json -c absent.toml":       exitBad,
		"explain absent.json":               exitBad,
		"explain":                           exitUsage,
		"top --once":                        exitUnreachable,
		"top --interval 1ms":                exitUsage,
		"event list":                        exitUnreachable,
		"event list --state gone":           exitUsage,
		"event show a b":                    exitUnreachable,
		"event cancel a b":                  exitUsage,
		"event cancel a b --why x":          exitUnreachable,
		"event show a b --raw --json":       exitUsage,
		"dlq list --limit 0":                exitUsage,
		"dlq drop --all --why x":            exitUsage,
		"dlq drop --all":                    exitUsage,
		"dlq drop --all --type t --dry-run": exitUnreachable,
		"channel list":                      exitUnreachable,
		"channel pause commands":            exitUsage,
		"channel drain commands --why x":    exitUnreachable,
		"channel list -c absent.toml":       exitBad,
		"openapi":                           exitFine,
		"version --json":                    exitFine,
		"versoin":                           exitUsage,
		"check --effective --config x.toml": exitBad,
	} {
		var out, errs strings.Builder
		got := run(t.Context(), strings.Fields(args), streams{in: strings.NewReader(""), out: &out, err: &errs})
		if got != want {
			t.Errorf("%s: exit code %d, want %d\n%s%s", args, got, want, out.String(), errs.String())
		}
		if got != exitFine && out.Len()+errs.Len() == 0 {
			t.Errorf("%s: fails without a word", args)
		}
	}
}
