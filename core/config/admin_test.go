package config_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

const (
	adminA = "never-be-shown-as-it-opens-doors-a"
	adminB = "never-be-shown-as-it-opens-doors-b"
)

const adminTokens = `
[admin]
http = "127.0.0.1:8081"
[[admin.tokens]]
name = "watch"
secret = "file:watch.token"
role = "read"
[[admin.tokens]]
name = "ops"
secret = "env:ADMIN_B"
role = "operate"
`

// TestTokensAreKeptHashed: the secrets themselves are nowhere.
func TestTokensAreKeptHashed(t *testing.T) {
	_, paths := write(t, "headgate.toml", adminTokens, "watch.token", adminA+"\n")
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	of := c.Admin.Tokens
	if len(of) != 2 || of[0].Sum != sha256.Sum256([]byte(adminA)) || of[1].Sum != sha256.Sum256([]byte(adminB)) || of[0].Role != "read" || of[1].Name != "ops" {
		t.Errorf("tokens are %+v", of)
	}
	if shown := fmt.Sprintf("%+v %#v %v", c, c.Admin, c.Effective()); strings.Contains(shown, "never-be-shown") {
		t.Error("the configuration shows a secret")
	}
}

// TestTokensAreReadAgain: a file that changes counts, one that is bad is named, and
// the configuration stays as it was.
func TestTokensAreReadAgain(t *testing.T) {
	dir, paths := write(t, "headgate.toml", adminTokens, "watch.token", adminA)
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "watch.token")
	if files := c.TokenFiles(); !slices.Equal(files, []string{file}) {
		t.Errorf("files are %q", files)
	}
	fresh := strings.Repeat("f", 32)
	if err := os.WriteFile(file, []byte(fresh), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := c.ReadTokens()
	if err != nil || got[0].Sum != sha256.Sum256([]byte(fresh)) || got[1].Sum != c.Admin.Tokens[1].Sum {
		t.Errorf("%+v, %v", got, err)
	}
	if c.Admin.Tokens[0].Sum != sha256.Sum256([]byte(adminA)) {
		t.Error("the configuration has changed")
	}
	for text, want := range map[string]string{"short": "has 5 characters", adminB: `is that of token "watch"`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ReadTokens(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "never-be") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadTokens(); err == nil || !strings.Contains(err.Error(), "open to group or others") {
		t.Errorf("readable by all: %v", err)
	}
}

func TestAdminWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"[admin]\nhttp = \"127.0.0.1:1\"": "",
		"[admin]\nhttp = \"0.0.0.0:1\"":   "x.toml:2:1: admin.http: plain HTTP off loopback: whoever reaches it sees health and metrics",
		"[admin]\nhosts = [\"a\"]":        "x.toml:1:2: admin.http: empty: tokens, clients, hosts and tls of [admin] serve nothing",
		"[admin]\nhttp = \"\"\ntokens = [{ name = \"a\", secret = \"env:ADMIN_A\", role = \"read\" }]": "x.toml:2:1: admin.http: empty: tokens, clients, hosts and tls of [admin] serve nothing",
	} {
		c, err := config.Parse([]byte(text), "x.toml", ".", config.Options{Env: env()})
		if err != nil {
			t.Fatal(err)
		}
		var got string
		for _, w := range c.Warnings() {
			if strings.Contains(w, "admin") {
				got = w
			}
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}
