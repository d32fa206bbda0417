package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

func TestPlaceIsTheOneThatIsWanted(t *testing.T) {
	want := t.TempDir()
	if dir, medium, err := place(want); err != nil || dir != want || !strings.Contains(medium, want) {
		t.Errorf("place(%q) = %q, %q, %v", want, dir, medium, err)
	}
	if _, _, err := place(want + "/absent"); err == nil && runtime.GOOS == "linux" {
		t.Error("a directory that is not there will do")
	}
}

// A sync in memory would flatter everything that is durable.
func TestPlaceSaysWhatIsInMemory(t *testing.T) {
	const shared = "/dev/shm"
	if inMemory, err := isMemory(shared); err != nil || !inMemory {
		t.Skip("no file system in memory is at " + shared)
	}
	if _, medium, err := place(shared); err != nil || !strings.Contains(medium, "in memory") {
		t.Errorf("place(%q) says %q, %v", shared, medium, err)
	}
	t.Setenv("TMPDIR", shared)
	if dir, _, err := place(""); err != nil || dir == shared {
		t.Errorf("without a wish it is %q, %v", dir, err)
	}
}

func TestSampleIsPerEvent(t *testing.T) {
	v := &volley{accepted: 200, elapsed: 2 * time.Second, sorted: []int64{1e6, 2e6, 3e6}}
	want := sample{rate: 100, done: 50, p50: 2, p99: 3, cpu: 5000}
	if got := newSample(v, 4*time.Second, time.Second); got != want {
		t.Errorf("sample is %+v, want %+v", got, want)
	}
}

// The backlog stays as long as it was, in either outbox, and nothing that is
// handed out comes back.
func TestTurnKeepsTheBacklog(t *testing.T) {
	const pending = 2*backlogStep + 7
	b := &bench{dir: t.TempDir()}
	for _, of := range []engine{durable, volatile} {
		store, end, err := b.alone(of)
		if err != nil {
			t.Fatal(err)
		}
		log, err := newBacklog(t.Context(), store, pending)
		for range 5 {
			if err == nil {
				err = log.turn(t.Context())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		want := outbox.ChannelStats{Pending: pending, Bytes: store.Stats().Channels[backlogChannel].Bytes}
		if got := store.Stats().Channels[backlogChannel]; got != want {
			t.Errorf("%s: %+v after turns, want %+v", of, got, want)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	}
	left, err := os.ReadDir(b.dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
