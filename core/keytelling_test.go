package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/audit"
)

// TestKeysAreToldOnce: what changes in a file of a key is told when it is read, and
// by no reload again. Of a key that stands in the configuration one record tells what
// that says, and another, of the same generation, what counts by it.
func TestKeysAreToldOnce(t *testing.T) {
	r := newReloading(t)
	records := func(action string) (found []string) {
		t.Helper()
		_, err := audit.Search(t.Context(), os.DirFS(filepath.Join(r.dir, "data", "audit")), audit.Query{Action: action}, func(l *audit.Line) error {
			found = append(found, strings.TrimSpace(fmt.Sprint(l.Action, " ", l.Key, l.Detail["key"], " ", l.Detail["generation"])))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	await := func(action string, want ...string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !slices.Equal(records(action), want); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the records of %s are %q, want %q", action, records(action), want)
			}
		}
	}
	file := filepath.Join(r.dir, "keys", "k1.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append([]byte("state = 'retiring'\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	await("key", "key.changed_state k1")
	if got := r.reload(admin.Reload{}); got != "" {
		t.Errorf("changed: %s", got)
	}
	r.write("[[channels]]", "[[auth]]\nname = \"more\"\nkind = \"hmac\"\n[[auth.keys]]\nid = \"k2\"\nprincipal = \"p\"\nsecret = \"file:k2\"\nsources = [\"**\"]\ntypes = [\"**\"]\n[[channels]]")
	if err := os.WriteFile(filepath.Join(r.dir, "k2"), []byte("whsec_"+strings.Repeat("A", 43)+"="), 0o600); err != nil {
		t.Fatal(err)
	}
	r.reload(admin.Reload{})
	r.write(`principal = "p"`, `principal = "q"`)
	r.reload(admin.Reload{})
	await("config.change", "config.change auth.more", "config.change auth.more.keys.k2.principal")
	await("key", "key.changed_state k1", "key.added k2 3", "key.changed k2 4")
}
