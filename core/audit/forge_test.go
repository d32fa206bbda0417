package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

// TestAForgerWhoMakesItFit alters a record and every hash after it: the chain is
// whole, and the signed roots are not met.
func TestAForgerWhoMakesItFit(t *testing.T) {
	s := newSample(t, 3)
	lines := append([]text(nil), s.lines...)
	at := 47
	local, err := audit.ParseCheckpoints(s.local)
	must(t, err)
	var before int64
	for _, c := range local {
		if c.Size <= int64(at) {
			before = c.Size
		}
	}
	lines[at].line = bytes.Replace(lines[at].line, []byte(`"bytes":1024`), []byte(`"bytes":1023`), 1)
	chain(lines, at+1)
	r := check(t, s.dir(lines), s.exported...)
	if len(r.Findings) == 0 || r.Findings[0].Kind != audit.Rewritten || r.Findings[0].Index > int64(at) {
		t.Fatalf("%v %v", r.Findings, r.Faults)
	}
	if r.Exported == nil || r.Exported.Size > int64(at) || r.Exported.Size != r.Findings[0].Index {
		t.Errorf("it holds up to %v, bad from %v", r.Exported, r.Findings[0])
	}
	// So it is with the local checkpoints alone, which are more.
	if r := check(t, s.dir(lines)); len(r.Findings) == 0 || r.Findings[0].Kind != audit.Rewritten || r.Findings[0].Index != before {
		t.Errorf("%v", r.Findings)
	}
}

// chain makes the hashes of lines fit from one on.
func chain(lines []text, from int) {
	for i := from; i < len(lines); i++ {
		h := audit.LeafOf(bytes.TrimSuffix(lines[i-1].line, []byte("\n")))
		begin, after, _ := bytes.Cut(lines[i].line, []byte(`,"prev":"`))
		lines[i].line = append(append(bytes.Clone(begin), `,"prev":"`+h.String()...), after[44:]...)
	}
}

// TestAnEdgeThatIsNoneOfTheRecords has a file go on from a tree that never was.
func TestAnEdgeThatIsNoneOfTheRecords(t *testing.T) {
	s := newSample(t, 3)
	lines := append([]text(nil), s.lines...)
	second := slices.IndexFunc(lines, func(l text) bool { return l.file == s.names[1] })
	at := bytes.Index(lines[second].line, []byte(`"edge":["`)) + 9
	lines[second].line = bytes.Clone(lines[second].line)
	copy(lines[second].line[at:], "AAAA")
	chain(lines, second+1)
	dir := s.dir(lines)
	delete(dir, audit.CheckpointsIn)
	r := check(t, dir)
	if len(r.Findings) == 0 || r.Findings[0].Kind != audit.Altered || r.Findings[0].Index != int64(second) {
		t.Errorf("%v", r.Findings)
	}
}

// TestARouterThatWasRolledBack goes on from an older copy: every link and every
// local checkpoint is right, and the export tells.
func TestARouterThatWasRolledBack(t *testing.T) {
	d, c, out := disktest.New(disktest.Options{}), newClock(), newExport()
	o := options(d, c)
	o.Exports = []audit.Export{out}
	l := open(t, o)
	accept(t, l, 1, 11)
	must(t, l.Sign())
	l.ExportOnce()
	old := files(d)
	accept(t, l, 11, 21)
	shut(t, l)

	again := options(diskOf(t, old), c)
	l = open(t, again)
	accept(t, l, 11, 16)
	must(t, l.Sign())
	accept(t, l, 17, 30)
	shut(t, l)
	dir := files(again.FS.(*disktest.Disk))
	good(t, check(t, dir))
	r := check(t, dir, out.all()...)
	if len(r.Findings) == 0 || r.Findings[0].Kind != audit.Rewritten || r.Findings[0].Index != 11 || r.Exported.Size != 11 {
		t.Fatalf("%v %+v", r.Findings, r.Exported)
	}
}

// diskOf is a disk that holds files.
func diskOf(t testing.TB, dir fstest.MapFS) *disktest.Disk {
	t.Helper()
	d := disktest.New(disktest.Options{})
	for name, f := range dir {
		w, err := d.Create(name, 0)
		must(t, err)
		_, err = w.WriteAt(f.Data, 0)
		must(t, errors.Join(err, w.Sync(), w.Close()))
	}
	must(t, d.Sync())
	return d
}

// TestATailThatNoExportCovers is cut with its local checkpoints: what was
// exported is intact, and what is newer is said to be covered by none.
func TestATailThatNoExportCovers(t *testing.T) {
	s := newSample(t, 20)
	for cut := s.covered; cut <= len(s.lines); cut++ {
		dir := s.dir(s.lines[:cut])
		if r := check(t, dir, s.exported...); cut < len(s.lines)-4 == r.Good() { // the local checkpoint tells
			t.Fatalf("cut at %d: %v", cut, r.Findings)
		}
		delete(dir, audit.CheckpointsIn)
		r := check(t, dir, s.exported...)
		good(t, r)
		if r.Exported == nil || r.Exported.Size != int64(s.covered) || r.Newer != int64(cut-s.covered) {
			t.Fatalf("cut at %d: %+v", cut, r)
		}
	}
	r := check(t, s.dir(s.lines))
	good(t, r)
	if r.Exported != nil || r.Newer != int64(len(s.lines)) {
		t.Errorf("without an export: %+v", r)
	}
}

func TestLocalCheckpointsThatAreAltered(t *testing.T) {
	s := newSample(t, 3)
	random := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		local := bytes.Clone(s.local)
		at := bytes.Index(local, []byte(`"note":"`)) + 8 + random.IntN(150) // within the first note
		local[at] ^= byte(1 + random.IntN(255))
		dir := s.dir(s.lines)
		dir[audit.CheckpointsIn].Data = local
		if r := check(t, dir, s.exported...); r.Good() {
			t.Fatalf("byte %d altered, and nobody said so: %q", at, local[:400])
		}
	}
}

func TestCheckpointsOfAnotherKey(t *testing.T) {
	s := newSample(t, 3)
	other := ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", ed25519.SeedSize)))
	text, err := audit.VerifierKey(origin, other.Public().(ed25519.PublicKey))
	must(t, err)
	v, err := note.NewVerifier(text)
	must(t, err)
	r, err := audit.Check(context.Background(), s.dir(s.lines), audit.CheckOptions{Keys: []note.Verifier{v}, Exported: s.exported})
	must(t, err)
	if r.Good() || r.Exported != nil {
		t.Errorf("%+v", r)
	}
	// A log made again by another key does not fit what was exported.
	d := disktest.New(disktest.Options{})
	o := options(d, newClock())
	o.Key = other
	l := open(t, o)
	accept(t, l, 1, 101)
	shut(t, l)
	if r := check(t, files(d), s.exported...); r.Good() {
		t.Errorf("%+v", r)
	}
}

// TestTheFirstFilesAreGone tells removal by age from removal by somebody.
func TestTheFirstFilesAreGone(t *testing.T) {
	s := newSample(t, 3)
	dir := s.dir(s.lines)
	delete(dir, s.names[0])
	r := check(t, dir, s.exported...)
	if r.Good() || r.Findings[0].Kind != audit.Missing || r.Findings[0].Index != 0 {
		t.Errorf("%v", r.Findings)
	}
	if len(r.Findings) != 1 || r.Exported == nil || r.Exported.Size != int64(s.covered) {
		t.Errorf("the rest is not proven: %v, %+v", r.Findings, r.Exported)
	}
}

func TestParseCheckpointsRefuses(t *testing.T) {
	root := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, text := range map[string]string{
		"no note":        "hello",
		"two lines":      "origin\n1\n\n— origin AAAA\n",
		"no origin":      "\n1\n" + root + "\n\n— origin AAAA\n",
		"a zero":         "origin\n01\n" + root + "\n\n— origin AAAA\n",
		"a sign":         "origin\n+1\n" + root + "\n\n— origin AAAA\n",
		"no size":        "origin\nx\n" + root + "\n\n— origin AAAA\n",
		"below zero":     "origin\n-1\n" + root + "\n\n— origin AAAA\n",
		"a short root":   "origin\n1\nAAAA\n\n— origin AAAA\n",
		"no end of text": "origin\n1\n" + root + "\n",
	} {
		if c, err := audit.ParseCheckpoint([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
