package core_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
)

// start has the router of the reader's directory begin anew.
func (r *keyReader) start(data string) (fault func() string) {
	r.Helper()
	cfg := quickstart(r.T)
	cfg.Dir = filepath.Dir(r.dir)
	cfg, err := cfg.ReadKeys()
	if err != nil {
		r.Fatal(err)
	}
	if r.reread, r.inUse, fault, err = core.KeyReadingIn(data, cfg, zerolog.New(&r.log)); err != nil {
		r.Fatal(err)
	}
	return fault
}

// A file that is put back brings no key back that was revoked, in a router that
// runs, after its file was gone, and in the next router. What else has changed
// counts.
func TestRevokedKeysStayRevoked(t *testing.T) {
	r, data := newKeyReader(t), t.TempDir()
	fault := r.start(data)
	r.write("k2", "active")
	r.reread()
	r.reread()
	r.write("k2", "revoked")
	r.reread()
	r.reread()
	r.want("revoked", "k1 active", "k2 revoked")

	r.write("k2", "active")
	r.write("k3", "active")
	r.write("k1", "revoked")
	r.reread()
	r.want("put back, one reading", "k1 revoked", "k2 revoked")
	r.reread()
	r.want("put back", "k1 revoked", "k2 revoked", "k3 active")
	if !strings.Contains(fault(), `k2.toml:3:1: auth[0].keys[1].state: key "k2" was revoked, and stays so`) || strings.Contains(fault(), "k3") {
		t.Errorf("fault: %s", fault())
	}
	if n := strings.Count(r.log.String(), "not all that stands in the files counts"); n != 1 {
		t.Errorf("told %d times:\n%s", n, &r.log)
	}

	if err := os.Remove(filepath.Join(r.dir, "k2.toml")); err != nil {
		t.Fatal(err)
	}
	r.reread()
	r.reread()
	r.want("gone", "k1 revoked", "k3 active")
	if fault() != "" {
		t.Errorf("fault: %s", fault())
	}
	r.write("k2", "pending")
	r.reread()
	r.reread()
	r.want("back", "k1 revoked", "k2 revoked", "k3 active")

	fault = r.start(data)
	r.want("in the next router", "k1 revoked", "k2 revoked", "k3 active")
	r.reread()
	r.reread()
	r.want("and on", "k1 revoked", "k2 revoked", "k3 active")
	if !strings.Contains(fault(), `key "k2" was revoked`) {
		t.Errorf("fault: %s", fault())
	}
}

// Without a data directory that can be written, a revoked key is refused all the
// same; it is told of as revoked only once that is kept.
func TestRevocationThatCannotBeKept(t *testing.T) {
	r, data := newKeyReader(t), filepath.Join(t.TempDir(), "data")
	fault := r.start(data)
	r.write("k2", "revoked")
	r.reread()
	r.reread()
	r.want("not kept", "k1 active", "k2 revoked")
	if !strings.Contains(fault(), "a restart may forget it") {
		t.Errorf("fault: %s", fault())
	}
	r.write("k2", "active")
	r.reread()
	r.reread()
	r.want("put back", "k1 active", "k2 revoked")
	told := `"key":"k2","principal":"edge","state":"revoked","message":"key added"`
	if strings.Contains(r.log.String(), told) {
		t.Errorf("told before it is kept:\n%s", &r.log)
	}
	r.write("k2", "revoked")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	r.rests()
	r.reread()
	r.reread()
	if n := strings.Count(r.log.String(), told); n != 1 {
		t.Errorf("told %d times once it is kept:\n%s", n, &r.log)
	}
	if text, err := os.ReadFile(filepath.Join(data, datadir.RevokedFile)); fault() != "" || err != nil || string(text) != "[\"k2\"]\n" {
		t.Errorf("kept %q, %v; fault: %s", text, err, fault())
	}
}

// What is wrong with another key's file is no reason not to keep it once it can be.
func TestRevocationIsKeptBesideABrokenFile(t *testing.T) {
	r, data := newKeyReader(t), filepath.Join(t.TempDir(), "data")
	r.start(data)
	r.write("k2", "active")
	r.reread()
	r.reread()
	r.write("k2", "revoked")
	r.put("k3", "id = ")
	r.reread()
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	r.reread()
	if text, err := os.ReadFile(filepath.Join(data, datadir.RevokedFile)); err != nil || string(text) != "[\"k2\"]\n" {
		t.Errorf("kept %q, %v", text, err)
	}
	if n := strings.Count(r.log.String(), `"was":"active","state":"revoked"`); n != 1 {
		t.Errorf("told %d times:\n%s", n, &r.log)
	}
}

// Nothing else that has the rules made anew brings a key back whose revocation
// could not be kept.
func TestRevocationThatCannotBeKeptOutlivesACertificate(t *testing.T) {
	r := newReloading(t)
	writeCertificate(t, r.dir)
	r.write("[replies]", "[[ingress]]\nname = \"tls\"\nlisten = \"https://localhost:0\"\ntls = { cert = \"cert.pem\", key = \"key.pem\" }\n[replies]")
	r.reload(admin.Reload{})
	r.wantStatus("w.x", http.StatusAccepted)
	if err := os.Mkdir(filepath.Join(r.dir, "data", datadir.RevokedFile), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.dir, "keys", "k1.toml")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append([]byte("state = \"revoked\"\n"), text...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	status := func() int { _, got := r.send("w.x"); return got }
	for end := time.Now().Add(time.Minute); status() != http.StatusUnauthorized; {
		if time.Now().After(end) {
			t.Fatal("the key is not refused")
		}
	}
	if keys, err := r.Keys(t.Context()); err != nil || keys.Senders[0].State != config.StateActive {
		t.Errorf("told as revoked for good: %+v, %v", keys.Senders, err)
	}
	renewed := func() int { return strings.Count(r.log.String(), "have changed, and are taken") }
	before := renewed()
	writeCertificate(t, r.dir)
	for end := time.Now().Add(time.Minute); renewed() == before; {
		if got := status(); got != http.StatusUnauthorized {
			t.Fatalf("the revoked key gets %d", got)
		}
		if time.Now().After(end) {
			t.Fatal("the certificate is not read again")
		}
	}
	if got := status(); got != http.StatusUnauthorized {
		t.Errorf("the revoked key gets %d once the certificate is another", got)
	}
}

func TestUnreadableRevocations(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, datadir.RevokedFile), []byte("[\"k1\""), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := core.KeyReadingIn(data, quickstart(t), zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "revoked.json") {
		t.Errorf("got %v", err)
	}
}

// Neither a broken file nor one from the future has everything read at each look.
func TestFilesThatRestAreNotRead(t *testing.T) {
	for name, spoil := range map[string]func(r *keyReader){
		"broken": func(r *keyReader) { r.put("k2", "id = "); r.rests() },
		"from the future": func(r *keyReader) {
			r.rests()
			ahead := time.Now().Add(time.Hour)
			if err := os.Chtimes(filepath.Join(r.dir, "k1.toml"), ahead, ahead); err != nil {
				r.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyReader(t)
			spoil(r)
			for range 10 {
				r.reread()
			}
			if *r.reads > 3 { // two that agree, and one for files that were new to it
				t.Errorf("%d readings of what has not changed", *r.reads)
			}
		})
	}
}
