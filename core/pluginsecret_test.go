package core_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
)

// TestSecretsOfPluginsAreFollowed: a plugin gets a secret that has changed in its
// file, by itself or with a reload, and goes on with the old one where the new one
// cannot be had.
func TestSecretsOfPluginsAreFollowed(t *testing.T) {
	r := newReloading(t)
	sum := r.beast()
	seal := func(text string) {
		t.Helper()
		path := filepath.Join(r.dir, "seal")
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil { // as secrets are swapped where they are mounted
			t.Fatal(err)
		}
	}
	sealed := func() string {
		t.Helper()
		id := r.wantStatus("a.x", 202)
		r.await(id, "a")
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.data[id]
	}
	by := func(seal string) string { return `{"by":"beast` + seal + `","was":{}}` }
	await := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("in vain: %s: %s", what, r.log)
			}
		}
	}

	seal("-one")
	r.write(`channels = ["a"]`, "channels = [\"a\"]\ntransforms = [\"beast\"]\n"+beastTable("beast", sum)+"config = { seal = \"file:seal\" }")
	r.reload(admin.Reload{})
	r.consume("a")
	if got := sealed(); got != by("-one") {
		t.Fatalf("at first it is %s", got)
	}
	before := r.Plugins()[0].Generation
	r.reload(admin.Reload{})
	if now := r.Plugins()[0].Generation; now != before {
		t.Errorf("a plugin of which nothing has changed was generation %d, and is %d", before, now)
	}
	seal("-two")
	await("the new secret, by itself", func() bool { return sealed() == by("-two") })
	seal("-three")
	if got := r.reload(admin.Reload{}); got != "" {
		t.Errorf("changed: %s", got)
	}
	if got := sealed(); got != by("-three") {
		t.Errorf("after a reload it is %s", got)
	}
	if err := os.Remove(filepath.Join(r.dir, "seal")); err != nil {
		t.Fatal(err)
	}
	await("a word about the one that is gone", func() bool { return strings.Contains(r.log.String(), "are not taken: all stays as it is") })
	r.refused(admin.Reload{}, "transforms[0].config.seal")
	if got := sealed(); got != by("-three") {
		t.Errorf("without a new one it is %s", got)
	}
	for _, secret := range []string{"-one", "-two", "-three"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log shows a secret: %s", r.log)
		}
	}
}

// beast builds the plugin of that name, and gives its hash.
func (r *reloading) beast() (sum string) {
	r.Helper()
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", filepath.Join(r.dir, "beast"), "./promise/testdata/beast")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		r.Fatalf("%v\n%s", err, out)
	}
	image, err := os.ReadFile(filepath.Join(r.dir, "beast"))
	if err != nil {
		r.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(image))
}

// beastTable is a transform made of it.
func beastTable(name, sum string) string {
	return fmt.Sprintf("[[transforms]]\nname = %q\nplugin = \"beast\"\npath = \"beast\"\nsha256 = %q\n", name, sum)
}

// TestChainsComeAndGo: each configuration has transforms of its own, and the ones
// before leave no goroutine.
func TestChainsComeAndGo(t *testing.T) {
	r := newReloading(t)
	sum := r.beast()
	r.consume("a")
	plain := r.text
	put := func(name string) {
		t.Helper()
		r.mu.Lock()
		r.text = plain
		r.mu.Unlock()
		r.write(`channels = ["a"]`, fmt.Sprintf("channels = [\"a\"]\ntransforms = [%q]\n%s", name, beastTable(name, sum)), `channels = ["watch"]`, fmt.Sprintf("channels = [\"watch\"]\ntransforms = [%q]", name))
		r.reload(admin.Reload{})
		r.await(r.wantStatus("a.x", 202), "a")
		r.wantStatus("w.x", 202)
		for end := time.Now().Add(20 * time.Second); r.channel("a").Pending > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it is not settled")
			}
		}
	}
	put("first")
	before := runtime.NumGoroutine()
	for i := range 12 {
		put(fmt.Sprint("t", i))
	}
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before+6; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines were there, and are %d", before, runtime.NumGoroutine())
		}
	}
}
