package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// Of many files those alone are read again that look otherwise, and those that are
// broken or young.
func TestKeyReaderReadsWhatChanges(t *testing.T) {
	const many = 300
	dir, paths := write(t, "headgate.toml", authDir)
	age := func(name string, by time.Duration) {
		t.Helper()
		if err := os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Now().Add(-by)); err != nil {
			t.Fatal(err)
		}
	}
	file := func(i int) string { return fmt.Sprintf("keys/k%03d.toml", i) }
	text := func(i int) string {
		return keyText(fmt.Sprintf("k%03d", i), webhook.FormatSecret(fmt.Appendf(nil, "%-32d", i)))
	}
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		put(t, dir, file(i), text(i))
		age(file(i), time.Hour)
	}
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	r, total := c.KeyReader(), 0
	read := func(what string, reads, keys int, good bool) *config.Config {
		t.Helper()
		fresh, err := r.Read()
		if n := r.Reads() - total; n != reads || len(fresh.Auth[0].Keys) != keys || (err == nil) != good {
			t.Errorf("%s: %d files read and %d keys, want %d and %d; %v", what, n, len(fresh.Auth[0].Keys), reads, keys, err)
		}
		total = r.Reads()
		return fresh
	}
	read("at first", many, many, true)
	same := read("unchanged", 0, many, true)
	if !same.SameKeys(c) {
		t.Error("what was not read again is another")
	}
	if at := same.Problem("auth[0].keys[7].types", ""); at.File != filepath.Join(dir, file(7)) || at.Line == 0 {
		t.Errorf("place of a key that was not read again: %v", at)
	}

	put(t, dir, file(7), text(7)+"state = \"revoked\"\n")
	if fresh := read("one revoked", 1, many, true); fresh.Auth[0].Keys[7].State != config.StateRevoked {
		t.Error("it is not revoked")
	}
	read("while it is young", 1, many, true)
	age(file(7), time.Hour)
	read("of another age", 1, many, true)
	read("at rest", 0, many, true)

	age(file(8), -time.Hour) // in the future
	read("from the future", 1, many, true)
	read("from the future, again", 0, many, true)

	put(t, dir, file(9), "id = ")
	age(file(9), time.Hour)
	for range 2 {
		read("one broken", 1, many-1, false)
	}
	if err := os.Remove(filepath.Join(dir, file(9))); err != nil {
		t.Fatal(err)
	}
	read("one gone", 0, many-1, true)
	put(t, dir, file(9), text(9))
	age(file(9), time.Hour)
	read("one back", 1, many, true)
	if err := os.Chmod(filepath.Join(dir, file(9)), 0o644); err != nil {
		t.Fatal(err)
	}
	read("one that others may read", 1, many, false)
}

// What a key refers to is read as its own file is.
func TestKeyReaderFollowsReferences(t *testing.T) {
	a, b := webhook.FormatSecret(secretA), webhook.FormatSecret(secretB)
	dir, paths := write(t, "headgate.toml", authDir, "keys/a.toml", keyText("a", "file:a.secret"), "keys/a.secret", a)
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"a.toml", "a.secret"} {
		if err := os.Chtimes(filepath.Join(dir, "keys", name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	r := c.KeyReader()
	for _, want := range [][]byte{secretA, secretA, secretB} {
		if string(want) == string(secretB) {
			put(t, dir, "keys/a.secret", b)
		}
		fresh, err := r.Read()
		if err != nil || string(fresh.Auth[0].Keys[0].Material.Reveal()) != string(want) {
			t.Errorf("not the material that stands there: %v", err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "keys", "a.secret"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(); err == nil {
		t.Error("a secret that others may read is taken")
	}
}
