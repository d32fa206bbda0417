package config_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// put writes a file into dir.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	_ = os.Remove(path)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const inlineAuth = `
[[auth]]
name = "tills"
kind = "hmac"
[[auth.keys]]
id = "till-1"
principal = "till"
secret = "file:till.secret"
[[auth.keys]]
id = "till-2"
principal = "till"
secret = "env:SECRET_A"
[[event_keys]]
id = "shop-1"
source = "**"
public = "file:shop.pub"
`

// What is read anew is what stands there now, by the rules of loading; what was
// loaded stays as it is.
func TestReadKeys(t *testing.T) {
	a, b := webhook.FormatSecret(secretA), webhook.FormatSecret(secretB)
	public := func() string { return webhook.FormatPublic(webhook.NewKey().Public().(ed25519.PublicKey)) }
	dir, paths := write(t, "headgate.toml", authDir+inlineAuth,
		"keys/a.toml", keyText("a", a), "till.secret", b, "shop.pub", public())
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	same, err := c.ReadKeys()
	if err != nil || !same.SameKeys(c) || !c.SameKeys(same) {
		t.Fatalf("nothing has changed: %v", err)
	}
	want := []string{filepath.Join(dir, "keys"), filepath.Join(dir, "shop.pub"), filepath.Join(dir, "till.secret")}
	if got := c.KeyFiles(); !slices.Equal(got, want) {
		t.Errorf("files are %v", got)
	}

	for _, step := range []struct{ name, text, want string }{
		{"keys/a.toml", keyText("a", a) + "state = \"retiring\"\n", ""},
		{"keys/b.toml", keyText("b", "file:b.secret"), "b.secret"},
		{"keys/b.secret", webhook.FormatSecret([]byte(strings.Repeat("C", 32))), ""},
		{"till.secret", webhook.FormatSecret([]byte(strings.Repeat("D", 32))), ""},
		{"till.secret", a, "has the same"},
		{"till.secret", b, ""},
		{"shop.pub", public(), ""},
		{"shop.pub", "nonsense", "event_keys[0].public"},
		{"shop.pub", public(), ""},
		{"keys/c.toml", keyText("till-1", webhook.FormatSecret([]byte(strings.Repeat("E", 32)))), "is taken already"},
		{"keys/c.toml", "id = ", "keys/c.toml:1:"},
		{"keys/c.toml", keyText("c", webhook.FormatSecret([]byte(strings.Repeat("E", 32)))), ""},
	} {
		before, _ := c.ReadKeys()
		put(t, dir, step.name, step.text)
		fresh, err := c.ReadKeys()
		if (step.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), step.want) {
			t.Errorf("%s: %v, want %q", step.name, err, step.want)
		}
		if fresh.SameKeys(before) {
			t.Errorf("%s: nothing has changed", step.name)
		}
		if err != nil && (strings.Contains(err.Error(), a) || strings.Contains(err.Error(), "EEEE")) {
			t.Errorf("%s: a secret stands in the error", step.name)
		}
	}
	fresh, err := c.ReadKeys()
	if err != nil || len(fresh.Auth[0].Keys) != 3 || fresh.Auth[0].Keys[0].State != config.StateRetiring {
		t.Errorf("keys %+v, %v", fresh.Auth[0].Keys, err)
	}
	if !slices.Contains(fresh.KeyFiles(), filepath.Join(dir, "keys", "b.secret")) {
		t.Errorf("files are %v", fresh.KeyFiles())
	}
	if at := fresh.Problem("auth[0].keys[1].types", "x"); at.File != filepath.Join(dir, "keys", "b.toml") {
		t.Errorf("place of a key's types: %v", at)
	}
	if at := c.Problem("auth[0].keys[0].types", "x"); !same.SameKeys(c) || at.File != filepath.Join(dir, "keys", "a.toml") || at.Line != 5 {
		t.Errorf("what was loaded is another: %v", at)
	}
}

// A fault in one key hides no other: who reads may still see what was revoked.
func TestReadKeysGivesWhatItCould(t *testing.T) {
	a, b := webhook.FormatSecret(secretA), webhook.FormatSecret(secretB)
	dir, paths := write(t, "headgate.toml", authDir, "keys/a.toml", keyText("a", a), "keys/b.toml", keyText("b", b))
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "keys/a.toml", "id = \"a")
	put(t, dir, "keys/b.toml", keyText("b", b)+"state = \"revoked\"\n")
	fresh, err := c.ReadKeys()
	if keys := fresh.Auth[0].Keys; err == nil || len(keys) != 1 || keys[0].ID != "b" || keys[0].State != config.StateRevoked {
		t.Errorf("keys %+v, %v", keys, err)
	}
}

func TestChangeKey(t *testing.T) {
	a := webhook.FormatSecret(secretA)
	for name, c := range map[string]struct{ text, want string }{
		"as it is written":  {keyText("k", a), "# since noon\nstate = \"retiring\"\n" + keyText("k", a)},
		"with words":        {"# of the shop\n" + keyText("k", a) + " state = 'active' # yes\n", "# since noon\nstate = \"retiring\"\n# of the shop\n" + keyText("k", a)},
		"no newline at all": {strings.TrimSuffix(keyText("k", a), "\n"), "# since noon\nstate = \"retiring\"\n" + strings.TrimSuffix(keyText("k", a), "\n")},
	} {
		dir, paths := write(t, "headgate.toml", authDir, "keys/k.toml", c.text)
		file := filepath.Join(dir, "keys", "k.toml")
		if err := config.ChangeKey(file, config.StateRetiring, "since\nnoon"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, _ := os.ReadFile(file); string(got) != c.want {
			t.Errorf("%s: got\n%s", name, got)
		}
		if err := config.ChangeKey(file, config.StateRevoked, "leaked"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, _ := os.ReadFile(file)
		loaded, err := load(paths[0])
		if err != nil || loaded.Auth[0].Keys[0].State != config.StateRevoked || strings.Contains(string(got), "whsec_") || !strings.Contains(string(got), "# leaked\n") {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
			t.Errorf("mode is %v", info.Mode())
		}
	}
}

// A file without a secret may be read by others, and stays so.
func TestChangeKeyOfAPublicKey(t *testing.T) {
	text := fmt.Sprintf("id = \"k\"\nprincipal = \"p\"\npublic = %q\nsources = []\ntypes = []\n", webhook.FormatPublic(webhook.NewKey().Public().(ed25519.PublicKey)))
	dir, _ := write(t, "headgate.toml", authDir, "keys/k.toml", text)
	file := filepath.Join(dir, "keys", "k.toml")
	err := os.Chmod(file, 0o644)
	if err := errors.Join(err, config.ChangeKey(file, config.StateRevoked, "rotated")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if got, _ := os.ReadFile(file); !strings.Contains(string(got), "whpk_") || !strings.Contains(string(got), `state = "revoked"`) {
		t.Errorf("got\n%s", got)
	}
}

// Lines do not tell everything that TOML may say: then the key is written anew.
func TestChangeKeyInOtherWords(t *testing.T) {
	text := "\"secret\" = \"\"\"\n" + webhook.FormatSecret(secretA) + "\"\"\"\nid = \"k\"\nprincipal = \"\"\"\nstate = 1\"\"\"\nsources = [\n\"**\",\n]\ntypes = []\nscopes = []\n"
	dir, _ := write(t, "headgate.toml", authDir, "keys/k.toml", text)
	file := filepath.Join(dir, "keys", "k.toml")
	if err := config.ChangeKey(file, config.StateRevoked, ""); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(file)
	if strings.Contains(string(got), "whsec_") || !strings.Contains(string(got), "revoked") || !strings.Contains(string(got), `state = 1`) {
		t.Errorf("got\n%s", got)
	}
}
