package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

// TestTornAtEveryByte has the process die at each byte of a write: the log opens,
// and goes on from the last whole line.
func TestTornAtEveryByte(t *testing.T) {
	s := newSample(t, 3)
	last := s.names[len(s.names)-1]
	whole := s.dir(s.lines)[last].Data
	from := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := from; cut <= len(whole); cut++ {
		dir := s.dir(s.lines)
		dir[last].Data = whole[:cut]
		d := diskOf(t, dir)
		l := open(t, options(d, newClock()))
		newest := 103
		if cut < len(whole) {
			newest = 102
		}
		if got := l.Resume(); got.Event != uint64(newest) {
			t.Fatalf("cut at %d: it goes on from %v", cut, got)
		}
		accept(t, l, newest+1, 110)
		shut(t, l)
		good(t, check(t, files(d), s.exported...))
		accepted(t, d, 109)
		var cuts int
		for _, line := range allLines(t, files(d)) {
			if line.Action == audit.ActionCut {
				cuts++
				if line.Detail["bytes"] != fmt.Sprint(cut-from) || len(line.Detail["sha256"]) != 64 {
					t.Errorf("%s", line.Raw)
				}
			}
		}
		if want := cut > from && cut < len(whole); want != (cuts == 1) {
			t.Errorf("cut at %d: %d records say so", cut, cuts)
		}
	}
}

// accepted checks that a log has the acceptances 1 to n, each once, in order.
func accepted(t *testing.T, d *disktest.Disk, n int) {
	t.Helper()
	var seqs []uint64
	for _, line := range allLines(t, files(d)) {
		if line.Action == "event.accept" {
			seqs = append(seqs, line.Seq)
		}
	}
	if len(seqs) != n {
		t.Fatalf("%d acceptances, not %d: %v", len(seqs), n, seqs)
	}
	for i, seq := range seqs {
		if seq != uint64(i+1) {
			t.Fatalf("acceptances are %v", seqs)
		}
	}
}

// work writes a log for a while, until the disk ends it. It gives the actors of
// the acts that are on disk for sure.
func work(o audit.Options) (acts []string) {
	l, err := audit.Open(o)
	if err != nil {
		return nil
	}
	from := int(l.Resume().Event) + 1
	for i := from; i < from+40; i++ {
		if l.Append(audit.Position{Event: uint64(i)}, []audit.Record{acceptance(i)}) != nil {
			break
		}
		if i%7 == 0 {
			actor := fmt.Sprintf("uid:%d", i)
			if l.Write(context.Background(), audit.Record{Action: "admin.act", Actor: actor}) != nil {
				break
			}
			acts = append(acts, actor)
		}
		if i%11 == 0 {
			_ = l.Sign()
			l.ExportOnce()
		}
	}
	_ = l.Close() // a disk that is dead says so
	return acts
}

// TestPowerCuts cuts the power at every operation of a log's work: what Write
// returned nil for is there, no checkpoint is contradicted, and a follower that
// goes on from the newest position tells each fact once.
func TestPowerCuts(t *testing.T) {
	setup := func(d *disktest.Disk, out *export) audit.Options {
		o := options(d, newClock())
		o.MaxFile, o.Exports = 6<<10, []audit.Export{out}
		return o
	}
	first := disktest.New(disktest.Options{})
	work(setup(first, newExport()))
	step := 1
	if testing.Short() {
		step = 5
	}
	for n := 1; n <= first.Operations(); n += step {
		d, out := disktest.New(disktest.Options{}), newExport()
		d.StopAt(n)
		acts := work(setup(d, out))
		for seed := range int64(4) {
			after := d.CutSeed(seed)
			then := newExport()
			l, err := audit.Open(setup(after, then))
			if err != nil {
				t.Fatalf("operation %d, seed %d: %v", n, seed, err)
			}
			pos := int(l.Resume().Event)
			accept(t, l, pos+1, pos+5)
			shut(t, l)
			good(t, check(t, files(after), append(out.all(), then.all()...)...))
			accepted(t, after, pos+4)
			var kept []string
			for _, line := range allLines(t, files(after)) {
				if line.Action == "admin.act" {
					kept = append(kept, line.Actor)
				}
			}
			if have, want := strings.Join(kept, " ")+" ", strings.Join(acts, " "); !strings.HasPrefix(have, want) {
				t.Fatalf("operation %d, seed %d: acts %s, of %s", n, seed, have, want)
			}
		}
	}
}

// TestOpenRefusesWhatContradictsACheckpoint looks at each way a log can.
func TestOpenRefusesWhatContradictsACheckpoint(t *testing.T) {
	base := func() *disktest.Disk {
		d := disktest.New(disktest.Options{})
		l := open(t, options(d, newClock()))
		accept(t, l, 1, 20)
		shut(t, l)
		return d
	}
	const name = "audit-000000000000.jsonl"
	for what, spoil := range map[string]func(d *disktest.Disk){
		"a bit of a record": func(d *disktest.Disk) { must(t, d.Flip(name, int64(bytes.Index(d.Bytes(name), []byte("order-7"))), 1)) },
		"the last record":   func(d *disktest.Disk) { must(t, d.Flip(name, int64(len(d.Bytes(name))-20), 1)) },
		"a cut": func(d *disktest.Disk) {
			f, err := d.Open(name)
			must(t, err)
			must(t, errors.Join(f.Truncate(int64(bytes.LastIndexByte(d.Bytes(name)[:len(d.Bytes(name))-1], '\n')+1)), f.Close()))
		},
		"no files":       func(d *disktest.Disk) { must(t, d.Remove(name)) },
		"the first line": func(d *disktest.Disk) { must(t, d.Flip(name, 3, 1)) },
		"a checkpoint's root": func(d *disktest.Disk) {
			must(t, d.Flip(audit.CheckpointsIn, int64(bytes.Index(d.Bytes(audit.CheckpointsIn), []byte("audit\\n"))+12), 1))
		},
		"a checkpoint's syntax": func(d *disktest.Disk) { must(t, d.Flip(audit.CheckpointsIn, 0, 1)); addLine(t, d) },
	} {
		d := base()
		spoil(d)
		before := files(d)
		if l, err := audit.Open(options(d, newClock())); !errors.Is(err, audit.ErrContradiction) {
			t.Errorf("%s: %v", what, err)
			if err == nil {
				shut(t, l)
			}
		} else if !strings.Contains(err.Error(), "aside") || !strings.Contains(err.Error(), "evidence") {
			t.Errorf("%s: it says not what to do: %v", what, err)
		}
		for name, f := range files(d) {
			if !bytes.Equal(f.Data, before[name].Data) {
				t.Errorf("%s: %s was changed", what, name)
			}
		}
	}
}

// addLine adds a line to the local checkpoints, so that the one before is no torn
// end.
func addLine(t *testing.T, d *disktest.Disk) {
	f, err := d.Open(audit.CheckpointsIn)
	must(t, err)
	_, err = f.WriteAt([]byte("{}\n"), int64(len(d.Bytes(audit.CheckpointsIn))))
	must(t, errors.Join(err, f.Close()))
}

// TestOpenAsksTheExport refuses a log that is older than what was exported.
func TestOpenAsksTheExport(t *testing.T) {
	to, err := audit.ParseExport("file:"+t.TempDir()+"/notes", nil)
	must(t, err)
	d := disktest.New(disktest.Options{})
	o := options(d, newClock())
	o.Exports = []audit.Export{to}
	l := open(t, o)
	accept(t, l, 1, 10)
	must(t, l.Sign())
	l.ExportOnce()
	old := files(d)
	accept(t, l, 10, 20)
	shut(t, l)
	shut(t, open(t, o))
	o.FS = diskOf(t, old)
	if _, err := audit.Open(o); !errors.Is(err, audit.ErrContradiction) {
		t.Errorf("rolled back: %v", err)
	}
	o.FS = disktest.New(disktest.Options{})
	if _, err := audit.Open(o); !errors.Is(err, audit.ErrContradiction) {
		t.Errorf("gone: %v", err)
	}
}
