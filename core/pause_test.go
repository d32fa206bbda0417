package core_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core"
)

func TestPausesOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	_, set, err := core.ReadPauses(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		on   bool
	}{{"b", true}, {"a", true}, {"a", true}, {"b", false}, {"never", false}} {
		if err := set(step.name, step.on); err != nil {
			t.Fatal(err)
		}
	}
	has, _, err := core.ReadPauses(dir)
	if err != nil || !has("a") || has("b") || has("never") {
		t.Errorf("a %t, b %t, %v", has("a"), has("b"), err)
	}
	info, err := os.Stat(filepath.Join(dir, "paused.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestPausesThatCannotBeReadStopTheStart: what was stopped does not start again
// because a file is damaged.
func TestPausesThatCannotBeReadStopTheStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "paused.json"), []byte(`["a"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := core.ReadPauses(dir); err == nil || !strings.Contains(err.Error(), "remove it to hand out everywhere") {
		t.Errorf("got %v", err)
	}
}

// TestPauseThatCannotBeKeptIsTold: and what is remembered is what is on disk.
func TestPauseThatCannotBeKeptIsTold(t *testing.T) {
	dir := t.TempDir()
	has, set, err := core.ReadPauses(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "paused.json.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := set("a", true); err == nil || has("a") {
		t.Errorf("got %v, remembered %t", err, has("a"))
	}
}
