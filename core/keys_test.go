package core_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// keyReader is a router's look at its key directory.
type keyReader struct {
	*testing.T
	dir    string
	log    bytes.Buffer
	reread func() bool
	inUse  func() *trust.Snapshot
	reads  *int
}

func newKeyReader(t *testing.T) *keyReader {
	r := &keyReader{T: t}
	cfg := quickstart(t)
	r.dir = filepath.Join(cfg.Dir, "keys")
	var err error
	if r.reread, r.inUse, r.reads, err = core.KeyReading(cfg, zerolog.New(&r.log)); err != nil {
		t.Fatal(err)
	}
	return r
}

// secretOf is the secret of a key in these tests.
func secretOf(id string) string {
	return webhook.FormatSecret([]byte(fmt.Sprintf("%-32s", id)))
}

// write replaces the file of a key.
func (r *keyReader) write(id, state string) {
	r.Helper()
	text := fmt.Sprintf("id = %q\nprincipal = \"edge\"\nstate = %q\nsecret = %q\nsources = [\"**\"]\ntypes = [\"**\"]\n", id, state, secretOf(id))
	r.put(id, text)
}

func (r *keyReader) put(id, text string) {
	r.Helper()
	if err := config.CreatePrivate(filepath.Join(r.dir, id+".new"), []byte(text)); err != nil {
		r.Fatal(err)
	}
	if err := os.Rename(filepath.Join(r.dir, id+".new"), filepath.Join(r.dir, id+".toml")); err != nil {
		r.Fatal(err)
	}
}

// want holds what is in use against "id state" of each key.
func (r *keyReader) want(what string, keys ...string) {
	r.Helper()
	var got []string
	for _, k := range r.inUse().Keys() {
		got = append(got, k.ID+" "+k.State)
	}
	if fmt.Sprint(got) != fmt.Sprint(keys) {
		r.Errorf("%s: in use are %v, want %v", what, got, keys)
	}
}

// rests makes the files old enough to be told from newer ones.
func (r *keyReader) rests() {
	r.Helper()
	files, err := filepath.Glob(filepath.Join(r.dir, "*"))
	if err != nil {
		r.Fatal(err)
	}
	for _, path := range append(files, r.dir) {
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			r.Fatal(err)
		}
	}
}

// What is added, changed and gone counts once two readings agree; what nobody has
// touched is not read.
func TestKeysAreReadWhenTheyChange(t *testing.T) {
	r := newKeyReader(t)
	r.rests()
	if !r.reread() || r.reread() {
		t.Error("the first reading does not want a second one, or that a third")
	}
	r.want("at first", "k1 active")
	r.reread()
	if *r.reads != 2 {
		t.Errorf("%d readings of what has not changed", *r.reads)
	}
	r.write("k2", "active")
	r.reread()
	r.want("after one reading", "k1 active")
	r.reread()
	r.want("after two", "k1 active", "k2 active")
	r.write("k1", "retiring")
	r.reread()
	r.reread()
	r.want("with another state", "k1 retiring", "k2 active")
	if err := os.Remove(filepath.Join(r.dir, "k2.toml")); err != nil {
		t.Fatal(err)
	}
	r.reread()
	r.reread()
	r.want("without one", "k1 retiring")
	for _, want := range []string{`"key":"k2","principal":"edge","state":"active","message":"key added"`, `"was":"active","state":"retiring","message":"key changed state"`,
		`"key":"k2","principal":"edge","was":"active","message":"key gone"`} {
		if strings.Count(r.log.String(), want) != 1 {
			t.Errorf("not told once: %s\n%s", want, &r.log)
		}
	}
	if strings.Contains(r.log.String(), "whsec_") || strings.Contains(r.log.String(), secretOf("k2")[6:]) {
		t.Error("a secret stands in the log")
	}
}

// A file that changes within one tick of the clock, at the same size, is seen.
func TestKeysThatAreYoungAreReadAgain(t *testing.T) {
	r := newKeyReader(t)
	r.write("k2", "pending")
	r.reread()
	r.reread()
	r.want("at first", "k1 active", "k2 pending")
	path := filepath.Join(r.dir, "k2.toml")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`"pending"`), []byte(`"active" `), 1)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	r.reread()
	r.reread()
	r.want("then", "k1 active", "k2 active")
}

// A bad set changes nothing and is told of once, however often it is read.
func TestKeysThatAreBadChangeNothing(t *testing.T) {
	r := newKeyReader(t)
	r.write("k2", "active")
	r.reread()
	r.reread()
	r.put("k2", "id = \"k2\"\nprincipal =")
	for range 5 {
		r.reread()
	}
	r.want("with a broken file", "k1 active", "k2 active")
	if n := strings.Count(r.log.String(), "is not good"); n != 1 || !strings.Contains(r.log.String(), "k2.toml:2") {
		t.Errorf("told %d times:\n%s", n, &r.log)
	}
	r.write("k2", "active")
	r.write("k3", "active")
	r.reread()
	r.reread()
	r.want("once it is mended", "k1 active", "k2 active", "k3 active")
	if n := strings.Count(r.log.String(), "good again"); n != 1 {
		t.Errorf("told %d times:\n%s", n, &r.log)
	}
}

// What is revoked is so at the first reading, whatever else is wrong.
func TestRevokedKeysAreRefusedAtOnce(t *testing.T) {
	r := newKeyReader(t)
	r.write("k2", "active")
	r.write("k3", "active")
	r.reread()
	r.reread()
	r.write("k2", "revoked")
	r.reread()
	r.want("after one reading", "k1 active", "k2 revoked", "k3 active")
	r.put("k1", "nonsense")
	r.write("k3", "revoked")
	r.write("k4", "active")
	r.reread()
	r.want("beside a broken file", "k1 active", "k2 revoked", "k3 revoked")
	r.reread()
	r.want("later", "k1 active", "k2 revoked", "k3 revoked")
	r.put("other", "id = \"k1\"\nprincipal = \"edge\"\nstate = \"revoked\"\n")
	r.reread()
	r.want("with another's word", "k1 active", "k2 revoked", "k3 revoked")
}

// A mounted directory that is swapped by its link, as Kubernetes does, is followed.
func TestKeysBehindLinks(t *testing.T) {
	r := newKeyReader(t)
	aside := filepath.Join(r.dir, "..", "mounted")
	if err := os.Rename(r.dir, aside); err != nil {
		t.Fatal(err)
	}
	version := func(n string, states map[string]string) string {
		t.Helper()
		r.dir = filepath.Join(aside, "..", n)
		if err := os.Mkdir(r.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for id, state := range states {
			r.write(id, state)
		}
		return r.dir
	}
	keys := filepath.Join(aside, "..", "keys")
	first := version("..v1", map[string]string{"k8": "active"})
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"..data": first, "k8.toml": "..data/k8.toml"} {
		if err := os.Symlink(to, filepath.Join(keys, name)); err != nil {
			t.Fatal(err)
		}
	}
	r.reread()
	r.reread()
	r.want("at first", "k8 active")
	r.rests()
	r.dir = keys
	r.reread()
	second := version("..v2", map[string]string{"k8": "retiring"})
	if err := os.Symlink(second, filepath.Join(keys, "..tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(keys, "..tmp"), filepath.Join(keys, "..data")); err != nil {
		t.Fatal(err)
	}
	r.reread()
	r.reread()
	r.want("swapped", "k8 retiring")
}
