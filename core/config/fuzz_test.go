package config_test

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

// FuzzParse holds every text to this: no panic; an error is Problems, in order
// of lines, each with a text and a file; the same twice; and an unknown key
// never passes, whatever follows it.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.toml", "../../configs/*.toml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte("[a]\n[a.b]\n[[a.c]]\n[[a.c]]\nd.e.f = [{g = 1}, [2]]\n\"[0]\" = 1\n\"\" = 2"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		opts := config.Options{Env: []string{}}
		if _, err := config.Parse(append([]byte("never_a_key = 1\n"), text...), "x.toml", dir, opts); err == nil {
			t.Error("an unknown key passes")
		}
		c, err := config.Parse(text, "x.toml", dir, opts)
		if err == nil {
			c.Effective()
			c.Warnings()
			for i := range c.Transforms {
				if _, err := c.Transforms[i].Resolve(nil); err != nil {
					t.Errorf("a configuration is no JSON: %v", err)
				}
			}
			return
		}
		problems, ok := err.(config.Problems)
		if !ok || len(problems) == 0 || c != nil {
			t.Fatalf("error is a %T of %d, with %v", err, len(problems), c)
		}
		ordered := slices.IsSortedFunc(problems, func(a, b config.Problem) int { return cmp.Compare(a.Line, b.Line) })
		if !ordered {
			t.Errorf("out of order:\n%v", err)
		}
		for _, p := range problems {
			if p.Text == "" || p.File != "x.toml" {
				t.Errorf("%+v", p)
			}
		}
		if _, again := config.Parse(text, "x.toml", dir, opts); again == nil || again.Error() != err.Error() {
			t.Errorf("first\n%v\nthen\n%v", err, again)
		}
	})
}
