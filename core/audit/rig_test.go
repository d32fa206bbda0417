package audit_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/sdk"
)

const origin = "router.example/audit"

var key = ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))

// clock is a time that goes on when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// export remembers checkpoints, as a place elsewhere would.
type export struct {
	mu   sync.Mutex
	fail error
	list []audit.Checkpoint
	came chan struct{}
}

func newExport() *export { return &export{came: make(chan struct{}, 1000)} }

func (e *export) Name() string { return "elsewhere" }

func (e *export) Put(_ context.Context, c audit.Checkpoint) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case e.came <- struct{}{}:
	default: // nobody counts so many
	}
	if e.fail != nil {
		return e.fail
	}
	e.list = append(e.list, c)
	return nil
}

func (e *export) set(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fail = err
}

// all is what is there, as Check takes it.
func (e *export) all() (list []audit.Exported) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.list {
		list = append(list, audit.Exported{Checkpoint: bare(c), From: "elsewhere"})
	}
	return list
}

// bare is a checkpoint without what is not signed.
func bare(c audit.Checkpoint) audit.Checkpoint {
	b, err := audit.ParseCheckpoint(c.Note)
	if err != nil {
		panic(err)
	}
	return b
}

// options are those of a log that nothing but the test moves.
func options(d *disktest.Disk, c *clock) audit.Options {
	return audit.Options{FS: d, Key: key, Origin: origin, Boot: "b1", Now: c.Now, Log: zerolog.Nop()}
}

func open(t testing.TB, o audit.Options) *audit.Log {
	t.Helper()
	l, err := audit.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func shut(t testing.TB, l *audit.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// acceptance is the i-th one of a store.
func acceptance(i int) audit.Record {
	r := audit.Record{Action: "event.accept", Outcome: audit.Allow, Request: fmt.Sprintf("01J%023d", i),
		Principal: sdk.Principal{Provider: "edge-keys", Subject: "edge"}, Key: "edge-1", Ingress: "edge", Addr: "192.0.2.7",
		Event: audit.Event{ID: fmt.Sprintf("order-%d", i), Source: "//shop.example/till", Type: "com.example.order.created", Bytes: 1024},
		Seq:   uint64(i), Pos: audit.Position{Event: uint64(i)}, Routes: []string{"orders"}}
	r.Event.Digest[0] = byte(i)
	return r
}

func accept(t testing.TB, l *audit.Log, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := l.Append(audit.Position{Event: uint64(i)}, []audit.Record{acceptance(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// files are what a disk holds.
func files(d *disktest.Disk) fstest.MapFS {
	m := fstest.MapFS{}
	for _, name := range d.Names() {
		m[name] = &fstest.MapFile{Data: d.Bytes(name), Mode: 0o600}
	}
	return m
}

func check(t testing.TB, dir fstest.MapFS, exported ...audit.Exported) *audit.Report {
	t.Helper()
	r, err := audit.Check(context.Background(), dir, audit.CheckOptions{Exported: exported})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func good(t testing.TB, r *audit.Report) {
	t.Helper()
	if !r.Good() {
		t.Fatalf("it is bad: %v %v", r.Findings, r.Faults)
	}
}

// allLines are the lines of a log in order.
func allLines(t testing.TB, dir fstest.MapFS) (list []*audit.Line) {
	t.Helper()
	if _, err := audit.Search(context.Background(), dir, audit.Query{}, func(l *audit.Line) error {
		list = append(list, l)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}
