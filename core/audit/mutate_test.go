package audit_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

var mutations = flag.Int("mutations", 10_000, "how many logs are altered")

// sample is a log and what it was at some times.
type sample struct {
	lines    []text // of all files, in order
	names    []string
	local    []byte
	exported []audit.Exported
	covered  int // records that the last export covers
	before   []sample
}

type text struct {
	file string
	line []byte
}

func sampleOf(dir fstest.MapFS) (s sample) {
	for name, f := range dir {
		if name == audit.CheckpointsIn {
			s.local = f.Data
		} else {
			s.names = append(s.names, name)
		}
	}
	slices.Sort(s.names)
	for _, name := range s.names {
		for line := range bytes.Lines(dir[name].Data) {
			s.lines = append(s.lines, text{name, line})
		}
	}
	return s
}

// dir puts lines into their files; files without any are there and empty.
func (s *sample) dir(lines []text) fstest.MapFS {
	m := fstest.MapFS{audit.CheckpointsIn: {Data: s.local, Mode: 0o600}}
	for _, name := range s.names {
		m[name] = &fstest.MapFile{Mode: 0o600}
	}
	for _, l := range lines {
		m[l.file].Data = append(m[l.file].Data, l.line...)
	}
	return m
}

// newSample is a log of several files, with exports and local checkpoints among
// its records, and with a tail that no export covers.
func newSample(t testing.TB, tail int) *sample {
	t.Helper()
	d, c, out := disktest.New(disktest.Options{}), newClock(), newExport()
	o := options(d, c)
	o.MaxFile, o.Exports = 9<<10, []audit.Export{out}
	l := open(t, o)
	var before []sample
	for i := 1; i <= 100; i += 10 {
		accept(t, l, i, i+10)
		must(t, l.Sign())
		if i%20 == 1 {
			l.ExportOnce()
		}
		before = append(before, sampleOf(files(d)))
	}
	l.ExportOnce()
	covered := int(l.Stats().Size)
	accept(t, l, 101, 101+tail)
	if tail > 5 {
		must(t, l.Sign()) // a local checkpoint that was not exported
		accept(t, l, 101+tail, 105+tail)
	}
	s := sampleOf(files(d))
	s.exported, s.covered, s.before = out.all(), covered, before
	good(t, check(t, s.dir(s.lines), s.exported...))
	shut(t, l)
	return &s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mutation alters a log, and says what the first bad record is and what kinds of
// finding would be right.
type mutation func(r *rand.Rand, s *sample) (dir fstest.MapFS, first int, kinds []string)

var mutationsOf = map[string]mutation{
	"flip a bit": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i := r.IntN(s.covered)
		return s.flip(r, i, r.IntN(len(s.lines[i].line)), 1), i, []string{audit.Altered}
	},
	"overwrite some bytes": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i := r.IntN(s.covered)
		at := r.IntN(len(s.lines[i].line) - 1)
		n := 1 + r.IntN(len(s.lines[i].line)-1-at)
		return s.flip(r, i, at, n), i, []string{audit.Altered}
	},
	"cut off the end": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i := r.IntN(s.covered)
		lines := slices.Clone(s.lines[:i+1])
		lines[i].line = lines[i].line[:r.IntN(len(lines[i].line))]
		dir := s.dir(lines)
		for name, f := range dir {
			if len(f.Data) == 0 && len(dir) > 2 {
				delete(dir, name)
			}
		}
		if r.IntN(2) == 0 {
			delete(dir, audit.CheckpointsIn)
			return dir, i, []string{audit.RolledBack, audit.Truncated}
		}
		return dir, i, []string{audit.Truncated}
	},
	"cut off the end of a file": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i := r.IntN(s.covered)
		lines := slices.Clone(s.lines)
		lines[i].line = lines[i].line[:r.IntN(len(lines[i].line))]
		for j := i + 1; j < len(lines) && lines[j].file == lines[i].file; j++ {
			lines[j].line = nil
		}
		return s.dir(lines), i, []string{audit.Altered, audit.Missing, audit.Truncated}
	},
	"swap two lines": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i, j := r.IntN(s.covered), r.IntN(s.covered)
		if r.IntN(3) == 0 {
			j = i + 1
		}
		if i == j || j >= s.covered {
			i, j = 3, 4
		}
		i, j = min(i, j), max(i, j)
		lines := slices.Clone(s.lines)
		lines[i].line, lines[j].line = lines[j].line, lines[i].line
		return s.dir(lines), i, []string{audit.Swapped}
	},
	"delete lines": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i := r.IntN(s.covered)
		n := 1 + r.IntN(min(5, s.covered-i))
		return s.dir(slices.Delete(slices.Clone(s.lines), i, i+n)), i, []string{audit.Missing, audit.Truncated}
	},
	"insert a copy": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i, j := r.IntN(s.covered), r.IntN(s.covered)
		copied := text{s.lines[j].file, s.lines[i].line}
		first := j
		if i == j {
			first = j + 1
		}
		return s.dir(slices.Insert(slices.Clone(s.lines), j, copied)), first, []string{audit.Inserted}
	},
	"duplicate a line": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i := r.IntN(s.covered)
		return s.dir(slices.Insert(slices.Clone(s.lines), i, s.lines[i])), i + 1, []string{audit.Inserted}
	},
	"put a copy over another": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i, j := r.IntN(s.covered), r.IntN(s.covered)
		if i == j {
			i, j = 9, 5
		}
		lines := slices.Clone(s.lines)
		lines[j].line = lines[i].line
		return s.dir(lines), j, []string{audit.Swapped}
	},
	"roll back": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		old := s.before[r.IntN(len(s.before)-1)]
		return old.dir(old.lines), len(old.lines), []string{audit.RolledBack}
	},
	"delete a file": func(r *rand.Rand, s *sample) (fstest.MapFS, int, []string) {
		i := r.IntN(s.covered)
		dir := s.dir(s.lines)
		delete(dir, s.lines[i].file)
		first := slices.IndexFunc(s.lines, func(l text) bool { return l.file == s.lines[i].file })
		return dir, first, []string{audit.Missing, audit.Truncated}
	},
}

// flip alters n bytes of a line, each for sure.
func (s *sample) flip(r *rand.Rand, i, at, n int) fstest.MapFS {
	lines := slices.Clone(s.lines)
	lines[i].line = bytes.Clone(lines[i].line)
	for k := at; k < at+n; k++ {
		lines[i].line[k] ^= byte(1 + r.IntN(255))
	}
	return s.dir(lines)
}

// TestMutations alters what an exported checkpoint covers: each time it is found,
// and the first bad record is named.
func TestMutations(t *testing.T) {
	samples := []*sample{newSample(t, 0), newSample(t, 3), newSample(t, 20)}
	names := make([]string, 0, len(mutationsOf))
	for name := range mutationsOf {
		names = append(names, name)
	}
	slices.Sort(names)
	total := *mutations
	if testing.Short() {
		total /= 20
	}
	each := (total + len(names) - 1) / len(names)
	for k, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range each {
				seed := uint64(k*each + n)
				r := rand.New(rand.NewPCG(seed, 7))
				s := samples[r.IntN(len(samples))]
				dir, first, kinds := mutationsOf[name](r, s)
				got, err := audit.Check(context.Background(), dir, audit.CheckOptions{Exported: s.exported})
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if got.Good() || len(got.Findings) == 0 {
					t.Fatalf("seed %d: record %d of %d: nothing found", seed, first, len(s.lines))
				}
				f := got.Findings[0]
				if int(f.Index) != first || !slices.Contains(kinds, f.Kind) {
					t.Fatalf("seed %d: record %d of %d is bad (%s), said is: %v", seed, first, len(s.lines), kinds, got.Findings)
				}
				if f.Kind != audit.Altered {
					continue
				}
				if want := s.where(first); fmt.Sprintf("%s:%d", f.File, f.Line) != want {
					t.Fatalf("seed %d: it is at %s, said is: %s", seed, want, &f)
				}
			}
		})
	}
}

// where is a record's file and line.
func (s *sample) where(i int) string {
	line := 1
	for j := i - 1; j >= 0 && s.lines[j].file == s.lines[i].file; j-- {
		line++
	}
	return fmt.Sprintf("%s:%d", s.lines[i].file, line)
}
