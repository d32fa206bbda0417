package audit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

// TestConcurrentWriters has all of it at once while Run signs and exports.
func TestConcurrentWriters(t *testing.T) {
	d, out := disktest.New(disktest.Options{}), newExport()
	o := options(d, newClock())
	o.Now, o.MaxFile, o.Checkpoint, o.Exports = time.Now, 32<<10, time.Millisecond, []audit.Export{out}
	l := open(t, o)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	var wait sync.WaitGroup
	wait.Go(func() { follow(t, l, 500) })
	for g := range 4 {
		wait.Go(func() {
			for i := range 100 {
				if err := l.Write(context.Background(), audit.Record{Action: "admin.act", Actor: fmt.Sprintf("uid:%d", g), Count: uint64(i + 1)}); err != nil {
					t.Error(err)
				}
				l.Refuse(audit.Record{Action: "auth.deny", Reason: "bad_signature"})
				l.Count(audit.Tally{Route: "r"}, 1, 1)
				_ = l.Stats()
				_, _ = l.Synced(), l.Err()
			}
		})
	}
	wait.Wait()
	<-out.came
	stop()
	must(t, <-ended)
	shut(t, l)
	r := check(t, files(d), out.all()...)
	good(t, r)
	if r.Newer != 0 {
		t.Errorf("%d records are not exported", r.Newer)
	}
	accepted(t, d, 500)
	acts, last := 0, map[string]uint64{}
	for _, line := range allLines(t, files(d)) {
		if line.Action == "admin.act" {
			if acts++; line.Count != last[line.Actor]+1 {
				t.Errorf("%s", line.Raw)
			}
			last[line.Actor] = line.Count
		}
	}
	if _, total := refused(t, d); total != 400 || acts != 400 {
		t.Errorf("%d refusals, %d acts", total, acts)
	}
}

// TestWritersShareASync holds the disk at a sync while others come.
func TestWritersShareASync(t *testing.T) {
	d := disktest.New(disktest.Options{})
	l := open(t, options(d, newClock()))
	begun, hold := make(chan struct{}, 100), make(chan struct{})
	var mu sync.Mutex
	syncs := 0
	d.Fail(func(op disktest.Op) error {
		if op.Kind == disktest.Sync {
			mu.Lock()
			syncs++
			mu.Unlock()
			begun <- struct{}{}
			<-hold
		}
		return nil
	})
	var wait sync.WaitGroup
	write := func() {
		wait.Go(func() {
			if err := l.Write(context.Background(), audit.Record{Action: "admin.act"}); err != nil {
				t.Error(err)
			}
		})
	}
	write()
	<-begun
	size := l.Stats().Size
	for range 50 {
		write()
	}
	for l.Stats().Size != size+50 { // they are written, and wait
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Write(ctx, audit.Record{Action: "admin.act"}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	close(hold)
	wait.Wait()
	mu.Lock()
	if syncs != 2 {
		t.Errorf("%d syncs for 51 writers", syncs)
	}
	mu.Unlock()
	d.Fail(nil)
	shut(t, l)
}

func TestClosed(t *testing.T) {
	d := disktest.New(disktest.Options{})
	l := open(t, options(d, newClock()))
	shut(t, l)
	shut(t, l)
	if err := l.Write(context.Background(), audit.Record{Action: "a"}); !errors.Is(err, audit.ErrClosed) {
		t.Error(err)
	}
	if err := l.Append(audit.Position{}, []audit.Record{acceptance(1)}); !errors.Is(err, audit.ErrClosed) {
		t.Error(err)
	}
	if !errors.Is(l.Err(), audit.ErrClosed) {
		t.Error(l.Err())
	}
	l.Refuse(audit.Record{Action: "a"})
	good(t, check(t, files(d)))
}

// TestRetention removes whole files by age, and says so.
func TestRetention(t *testing.T) {
	d, c, out := disktest.New(disktest.Options{}), newClock(), newExport()
	o := options(d, c)
	o.MaxFile, o.Retain, o.Exports = 8<<10, 80*time.Hour, []audit.Export{out}
	l := open(t, o)
	n := 1
	for range 30 {
		accept(t, l, n, n+10)
		n += 10
		must(t, l.Sign())
		l.ExportOnce()
		c.add(6 * time.Hour)
		l.Tidy()
	}
	s := l.Stats()
	if s.First == 0 || s.Files < 3 || s.Files > 20 {
		t.Fatalf("%+v", s)
	}
	shut(t, l)
	r := check(t, files(d), out.all()...)
	good(t, r)
	if r.First != s.First || r.Exported == nil || len(r.Notes) == 0 {
		t.Errorf("%+v", r)
	}
	now := c.Now()
	for _, line := range allLines(t, files(d)) {
		if age := now.Sub(line.Time); age > 80*time.Hour*9/8+14*time.Hour {
			t.Fatalf("record %d is %v old", line.N, age)
		}
	}
	again := open(t, o)
	accept(t, again, n, n+5)
	if again.Stats().First != s.First {
		t.Errorf("%+v", again.Stats())
	}
	shut(t, again)
	good(t, check(t, files(d), out.all()...))
}

// TestALogThatIsIdle neither grows nor signs.
func TestALogThatIsIdle(t *testing.T) {
	d, c, out := disktest.New(disktest.Options{}), newClock(), newExport()
	o := options(d, c)
	o.Exports, o.Retain = []audit.Export{out}, time.Hour
	l := open(t, o)
	for range 20 {
		must(t, l.Sign())
		l.ExportOnce()
		c.add(time.Minute)
		l.Tidy()
	}
	if s := l.Stats(); s.Size != 1 || len(out.all()) != 1 {
		t.Errorf("%d records, %d checkpoints", s.Size, len(out.all()))
	}
	shut(t, l)
}

// TestLocalCheckpointsAreBounded makes very many.
func TestLocalCheckpointsAreBounded(t *testing.T) {
	d := disktest.New(disktest.Options{})
	o := options(d, newClock())
	o.MaxFile = 100 << 10
	l := open(t, o)
	for i := 1; i < 4*audit.NewestKept; i++ {
		accept(t, l, i, i+1)
		must(t, l.Sign())
	}
	shut(t, l)
	list, err := audit.ParseCheckpoints(d.Bytes(audit.CheckpointsIn))
	must(t, err)
	if len(list) > 3*audit.NewestKept {
		t.Errorf("%d are kept", len(list))
	}
	r := check(t, files(d))
	good(t, r)
	begins := map[int64]bool{}
	for _, c := range list {
		begins[c.Size] = true
	}
	for name := range files(d) {
		var index int64
		if _, err := fmt.Sscanf(name, "audit-%d.jsonl", &index); err == nil && index > 0 && !begins[index] {
			t.Errorf("none for %s", name)
		}
	}
}

// TestOnARealDisk is the same on files of the operating system.
func TestOnARealDisk(t *testing.T) {
	fs, err := disk.Open(filepath.Join(t.TempDir(), "audit"))
	must(t, err)
	o := options(nil, newClock())
	o.FS, o.MaxFile = fs, 8<<10
	l := open(t, o)
	accept(t, l, 1, 50)
	shut(t, l)
	l = open(t, o)
	if got := l.Resume(); got.Event != 49 {
		t.Errorf("%v", got)
	}
	shut(t, l)
}

func TestOptionsThatAreRefused(t *testing.T) {
	for what, spoil := range map[string]func(o *audit.Options){
		"no key":              func(o *audit.Options) { o.Key = nil },
		"no origin":           func(o *audit.Options) { o.Origin = "" },
		"an origin of two":    func(o *audit.Options) { o.Origin = "a b" },
		"an origin with plus": func(o *audit.Options) { o.Origin = "a+b" },
		"a line in an origin": func(o *audit.Options) { o.Origin = "a\nb" },
	} {
		o := options(disktest.New(disktest.Options{}), newClock())
		spoil(&o)
		if _, err := audit.Open(o); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
}
