package config_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
)

const authDir = "[[auth]]\nname = \"edge-keys\"\nkind = \"hmac\"\nkeys = \"dir:keys\"\n"

var (
	secretA = bytes.Repeat([]byte("A"), webhook.MinSecret)
	secretB = bytes.Repeat([]byte("B"), webhook.MinSecret)
)

func keyText(id, secret string) string {
	return fmt.Sprintf("id = %q\nprincipal = \"edge\"\nsecret = %q\nsources = [\"**\"]\ntypes = [\"**\"]\n", id, secret)
}

func load(paths ...string) (*config.Config, error) {
	return config.Load(paths, config.Options{Env: env()})
}

// TestKeyDirectory reads keys in all the forms that one may have.
func TestKeyDirectory(t *testing.T) {
	dir, paths := write(t, "headgate.toml", authDir,
		"keys/a.toml", keyText("inline", webhook.FormatSecret(secretA)),
		"keys/b.toml", keyText("file", "file:b.secret"),
		"keys/b.secret", webhook.FormatSecret(secretB)+"\n",
		"keys/c.toml", keyText("env", "env:SECRET_A"),
		"keys/d.toml", keyText("revoked", webhook.FormatSecret(bytes.Repeat([]byte("D"), webhook.MinSecret)))+"state = \"revoked\"\n",
		"keys/.hidden.toml", "this is not TOML",
		"keys/README", "nor this",
	)
	// A file that holds no secret may be read by anybody.
	for _, name := range []string{"keys/b.toml", "keys/c.toml"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	keys := c.Auth[0].Keys
	if len(keys) != 4 || keys[0].ID != "inline" || keys[1].ID != "file" || keys[2].ID != "env" || keys[3].ID != "revoked" {
		t.Fatalf("keys: %+v", keys)
	}
	if !bytes.Equal(keys[0].Material.Reveal(), secretA) || !bytes.Equal(keys[1].Material.Reveal(), secretB) || len(keys[2].Material.Reveal()) != webhook.MinSecret {
		t.Error("the material is another")
	}
	if keys[3].Material != nil {
		t.Error("a revoked key has material")
	}
	if keys[0].File != filepath.Join(dir, "keys", "a.toml") || keys[0].State != "active" {
		t.Errorf("key: %+v", keys[0])
	}
	shown := fmt.Sprintf("%+v %#v %v", c, c.Auth, c.Effective())
	if strings.Contains(shown, "whsec_Q") || strings.Contains(shown, "AAAAAA") {
		t.Error("the configuration shows a secret")
	}
	if at := c.Problem("auth[0].keys[1].types", "x"); at.File != filepath.Join(dir, "keys", "b.toml") || at.Line != 5 {
		t.Errorf("place of a key's types: %v", at)
	}
}

func TestKeyDirectoryRefuses(t *testing.T) {
	a, b := webhook.FormatSecret(secretA), webhook.FormatSecret(secretB)
	for _, c := range []struct {
		name  string
		files []string // besides headgate.toml
		want  string
	}{
		{"same id", []string{"keys/a.toml", keyText("k", a), "keys/b.toml", keyText("k", b)},
			`DIR/keys/b.toml:1:1: auth[0].keys[1].id: "k" is taken already, at DIR/keys/a.toml:1:1`},
		{"same secret", []string{"keys/a.toml", keyText("k", a), "keys/b.toml", keyText("l", "file:b"), "keys/b", a},
			`DIR/keys/b.toml:3:1: auth[0].keys[1].secret: key "k" has the same; make a new one for each key`},
		{"no TOML", []string{"keys/a.toml", "id = \n"},
			`DIR/keys/a.toml:1:6: auth[0].keys[0]: unexpected character U+000A at start of value`},
		{"no TOML, then a bad one", []string{"keys/a.toml", "id = \n", "keys/b.toml", keyText("k k", a)},
			"DIR/keys/a.toml:1:6: auth[0].keys[0]: unexpected character U+000A at start of value\n" +
				`DIR/keys/b.toml:1:1: auth[0].keys[0].id: must be 1 to 64 letters, digits, dots, underscores and hyphens`},
		{"unknown key", []string{"keys/a.toml", keyText("k", a) + "typse = []\n"},
			`DIR/keys/a.toml:6:1: auth[0].keys[0].typse: unknown key; did you mean "types"?`},
		{"missing", []string{"keys/a.toml", "id = \"k\"\n"},
			"DIR/keys/a.toml: auth[0].keys[0].principal: is required\n" +
				`DIR/keys/a.toml: auth[0].keys[0].secret: is required for a key of kind "hmac"`},
		{"state", []string{"keys/a.toml", keyText("k", a) + "state = \"activ\"\n"},
			`DIR/keys/a.toml:6:1: auth[0].keys[0].state: "activ" must be one of pending, active, retiring, revoked; did you mean "active"?`},
		{"two newlines", []string{"keys/a.toml", keyText("k", "file:s"), "keys/s", a + "\n\n"},
			`DIR/keys/a.toml:3:1: auth[0].keys[0].secret: webhook secret is not standard base64 with padding after whsec_`},
		{"a directory", []string{"keys/a.toml", keyText("k", "file:sub"), "keys/sub/x", ""},
			`DIR/keys/a.toml:3:1: auth[0].keys[0].secret: sub: not a regular file`},
		{"large", []string{"keys/a.toml", keyText("k", "file:s"), "keys/s", strings.Repeat("x", 64<<10+1)},
			`DIR/keys/a.toml:3:1: auth[0].keys[0].secret: s: file is larger than 64KiB`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, paths := write(t, append([]string{"headgate.toml", authDir}, c.files...)...)
			_, err := load(paths[0])
			if want := strings.ReplaceAll(c.want, "DIR", dir); err == nil || err.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}

// TestSecretModes shows that a secret open to others is refused, wherever it
// stands, and that a symbolic link counts as what it points to.
func TestSecretModes(t *testing.T) {
	for _, c := range []struct {
		name, open, key string // open is the file that others may read
		want            string
	}{
		{"inline", "keys/a.toml", webhook.FormatSecret(secretA), "file is open to group or others, mode 0640: run chmod 600 on it"},
		{"file", "keys/..data/s", "file:s", "s: file is open to group or others, mode 0640: run chmod 600 on it"},
		{"neither", "headgate.toml", "file:s", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, paths := write(t, "headgate.toml", authDir, "keys/a.toml", keyText("k", c.key),
				"keys/..data/s", webhook.FormatSecret(secretB)+"\n")
			if err := os.Symlink(filepath.Join("..data", "s"), filepath.Join(dir, "keys", "s")); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(dir, c.open), 0o640); err != nil {
				t.Fatal(err)
			}
			_, err := load(paths[0])
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := filepath.Join(dir, "keys", "a.toml") + ":3:1: auth[0].keys[0].secret: " + c.want
			if err == nil || err.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}

func TestSigningKeyIsPrivate(t *testing.T) {
	dir, paths := write(t, "headgate.toml", "[signing]\nkey = \"file:d.pem\"\n", "d.pem", "x")
	if _, err := load(paths[0]); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(filepath.Join(dir, "d.pem"), 0o604); err != nil {
		t.Fatal(err)
	}
	if _, err := load(paths[0]); err == nil || !strings.Contains(err.Error(), "signing.key: d.pem: file is open") {
		t.Errorf("got %v", err)
	}
}

func TestPublicKeys(t *testing.T) {
	public := ed25519.NewKeyFromSeed(secretA).Public().(ed25519.PublicKey)
	key := "[[auth]]\nname = \"p\"\nkind = \"ed25519\"\n[[auth.keys]]\nid = \"%s\"\nprincipal = \"p\"\npublic = \"%s\"\n"
	_, paths := write(t, "inline.toml", fmt.Sprintf(key, "a", webhook.FormatPublic(public)),
		"file.toml", fmt.Sprintf(key, "a", "file:a.pub"),
		"both.toml", fmt.Sprintf(key, "a", "file:a.pub")+"[[auth.keys]]\nid = \"b\"\nprincipal = \"p\"\npublic = \""+webhook.FormatPublic(public)+"\"\n",
		"a.pub", webhook.FormatPublic(public)+"\n")
	if err := os.Chmod(paths[3], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths[:2] {
		c, err := load(path)
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(c.Auth[0].Keys[0].Material.Reveal(), public) {
			t.Errorf("%s: the material is another", path)
		}
	}
	if _, err := load(paths[2]); err == nil || !strings.Contains(err.Error(), `auth[0].keys[1].public: key "a" has the same`) {
		t.Errorf("got %v", err)
	}
}

func TestWriteKey(t *testing.T) {
	dir, paths := write(t, "headgate.toml", authDir)
	keys := filepath.Join(dir, "keys")
	key := config.Key{ID: "edge-1", Principal: `the "edge"`, State: "pending", Sources: []string{"//shop.example/**"}, Scopes: []string{"orders:write"}}
	if err := config.WriteKey(keys, key, webhook.FormatSecret(secretA)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(keys, "edge-1.toml")
	for path, want := range map[string]fs.FileMode{keys: 0o700, file: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	got := c.Auth[0].Keys[0]
	if got.ID != key.ID || got.Principal != key.Principal || got.State != "pending" || got.Sources[0] != key.Sources[0] || len(got.Types) != 0 || got.Scopes[0] != key.Scopes[0] {
		t.Errorf("it reads back as %+v", got)
	}
	if !bytes.Equal(got.Material.Reveal(), secretA) {
		t.Error("the material is another")
	}

	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := config.WriteKey(keys, key, webhook.FormatSecret(secretB)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("writing again: %v", err)
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed, %v", err)
	}
	if entries, err := os.ReadDir(keys); err != nil || len(entries) != 1 {
		t.Errorf("the directory has %v, %v", entries, err)
	}

	public := webhook.FormatPublic(ed25519.NewKeyFromSeed(secretA).Public().(ed25519.PublicKey))
	if err := config.WriteKey(filepath.Join(dir, "partners"), config.Key{ID: "p", Principal: "p", Public: public}, ""); err != nil {
		t.Error(err)
	}
}

func TestWriteKeyRefuses(t *testing.T) {
	secret := webhook.FormatSecret(secretA)
	for name, c := range map[string]struct {
		key    config.Key
		secret string
	}{
		"id leaves the directory": {config.Key{ID: "../k", Principal: "p"}, secret},
		"no id":                   {config.Key{Principal: "p"}, secret},
		"no principal":            {config.Key{ID: "k"}, secret},
		"no material":             {config.Key{ID: "k", Principal: "p"}, ""},
		"a reference":             {config.Key{ID: "k", Principal: "p"}, "env:SECRET_A"},
		"short":                   {config.Key{ID: "k", Principal: "p"}, webhook.FormatSecret(secretA[:31])},
		"both":                    {config.Key{ID: "k", Principal: "p", Public: "whpk_"}, secret},
		"state":                   {config.Key{ID: "k", Principal: "p", State: "on"}, secret},
		"glob":                    {config.Key{ID: "k", Principal: "p", Types: []string{"a*"}}, secret},
	} {
		dir := t.TempDir()
		err := config.WriteKey(dir, c.key, c.secret)
		if err == nil {
			t.Errorf("%s: written", name)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows the secret", name)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("%s: left %v", name, entries)
		}
	}
}
