package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/config"
)

// write makes files in a new directory and gives their paths, in order of the
// pairs name, text.
func write(t *testing.T, pairs ...string) (dir string, paths []string) {
	t.Helper()
	dir = t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return dir, paths
}

const (
	base = `[log]
level = "warn"
format = "json"

[journal]
remember = "48h"

[[channels]]
name = "commands"
class = "command"
listen = "tcp://127.0.0.1:5555"
prefetch = 8
backoff = { min = "2s", max = "1m" }

[[routes]]
name = "all"
type = ["**"]
channels = ["commands"]
`
	over = `[journal]
max_ids = 5

[[channels]]
name = "more"
class = "command"
listen = "tcp://127.0.0.1:5558"

[[channels]]
name = "commands"
max_attempts = 3
backoff = { max = "2m" }

[[routes]]
name = "all"
channels = ["more", "commands"]

[log]
level = "error"
`
)

func TestMerge(t *testing.T) {
	dir, paths := write(t, "base.toml", base, "over.toml", over)
	c, err := config.Load(paths, config.Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Dir != dir {
		t.Errorf("paths start from %s", c.Dir)
	}
	if c.Log.Level != "error" || c.Log.Format != "json" || c.Journal.MaxIDs != 5 || time.Duration(c.Journal.Remember) != 48*time.Hour {
		t.Errorf("scalars: %+v %+v", c.Log, c.Journal)
	}
	if len(c.Channels) != 2 || c.Channels[0].Name != "commands" || c.Channels[1].Name != "more" {
		t.Fatalf("channels: %+v", c.Channels)
	}
	ch := c.Channels[0]
	if ch.Prefetch != 8 || ch.MaxAttempts != 3 || ch.Backoff.Min.String() != "2s" || ch.Backoff.Max.String() != "2m" {
		t.Errorf("merged channel: %+v", ch)
	}
	if len(c.Routes) != 1 || !slices.Equal(c.Routes[0].Channels, []string{"more", "commands"}) || c.Routes[0].Type[0] != "**" {
		t.Errorf("routes: %+v", c.Routes)
	}
}

// TestMergeKeepsPlaces shows that a problem of a merged table is at the line
// of the file it came from.
func TestMergeKeepsPlaces(t *testing.T) {
	_, paths := write(t, "base.toml", strings.Replace(base, "prefetch = 8", "prefetch = 0", 1),
		"over.toml", strings.Replace(strings.Replace(over, "max_attempts = 3", "max_attempts = 0", 1), "5558", "5555", 1))
	_, err := config.Load(paths, config.Options{Env: []string{}})
	want := paths[0] + ":12:1: channels[0].prefetch: 0 must be at least 1\n" +
		paths[1] + ":7:1: channels[1].listen: another part listens there already: channels[0].listen, at " + paths[0] + ":11:1\n" +
		paths[1] + ":11:1: channels[0].max_attempts: 0 must be at least 1"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// TestMergeByName shows that a name that one file has twice is not merged.
func TestMergeByName(t *testing.T) {
	twice := `[[channels]]
name = "commands"
prefetch = 1

[[channels]]
name = "new"

[[channels]]
name = "new"
class = "command"
listen = "tcp://127.0.0.1:1"
`
	_, paths := write(t, "base.toml", base, "over.toml", twice)
	_, err := config.Load(paths, config.Options{Env: []string{}})
	if err == nil || !strings.Contains(err.Error(), `channels[2].name: "new" is taken already, at `+paths[1]+":6:1") {
		t.Errorf("got %v", err)
	}
}

func TestLoadReportsEveryFile(t *testing.T) {
	_, paths := write(t, "a.toml", "x = ", "b.toml", "[y")
	paths = append(paths, paths[0]+".none")
	_, err := config.Load(paths, config.Options{Env: []string{}})
	problems, ok := err.(config.Problems)
	if !ok || len(problems) != 3 || problems[0].Line != 1 || problems[2].Line != 1 {
		t.Errorf("got %v", err)
	}
}

func TestLoadWithoutFiles(t *testing.T) {
	c, err := config.Load(nil, config.Options{Env: []string{}})
	if err != nil || c.Log.Level != "info" || c.Dir != "." {
		t.Errorf("%+v, %v", c, err)
	}
}
