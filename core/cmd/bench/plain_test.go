package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// watched is a file that counts what is not synced yet, and may fail.
type watched struct {
	disk.File
	mu       sync.Mutex
	unsynced int
	fails    error
}

func (w *watched) WriteAt(p []byte, at int64) (int, error) {
	w.mu.Lock()
	w.unsynced += len(p)
	w.mu.Unlock()
	return w.File.WriteAt(p, at)
}

func (w *watched) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unsynced = 0
	return w.fails
}

func newWatched(t *testing.T) (*watched, string) {
	t.Helper()
	dir := t.TempDir()
	fsys, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := fsys.Create("plain", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &watched{File: f}, filepath.Join(dir, "plain")
}

// The plain log is a fair baseline: who returns has its record in the file,
// synced, and no other record is in its place.
func TestPlainLogKeepsEveryRecord(t *testing.T) {
	const writers, each = 16, 20
	file, path := newWatched(t)
	l := &plainLog{file: file}
	var wait sync.WaitGroup
	for i := range writers {
		wait.Go(func() {
			for range each {
				if err := l.append(bytes.Repeat([]byte{byte('a' + i)}, 100)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if file.unsynced != 0 {
		t.Errorf("%d bytes are not synced when all have returned", file.unsynced)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range writers {
		if got := bytes.Count(text, bytes.Repeat([]byte{byte('a' + i)}, 100)); got != each {
			t.Errorf("writer %d has %d records, want %d", i, got, each)
		}
	}
	if l.end != writers*each*100 {
		t.Errorf("the log ends at %d", l.end)
	}
}

func TestPlainLogTellsThatASyncFailed(t *testing.T) {
	file, _ := newWatched(t)
	file.fails = errors.New("broken")
	if err := (&plainLog{file: file}).append([]byte("text")); !errors.Is(err, file.fails) {
		t.Errorf("append gives %v", err)
	}
}
