package config_test

import (
	"encoding/base64"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

var update = flag.Bool("update", false, "write what is wanted anew")

// Secret keys of CURVE. Their public halves stand in testdata.
const (
	curveA = "this.curve.secret.must.never.be.shown..A"
	curveB = "this.curve.secret.must.never.be.shown..B"
)

// env has the secrets that the files in testdata refer to.
func env() []string {
	return []string{
		"CURVE_A=" + curveA,
		"CURVE_B=" + curveB,
		"CURVE_AB=" + curveA + "\n" + curveB + "\n",
		"CURVE_BA=" + curveB + "\n" + curveA,
		"CURVE_TWICE=" + curveA + "\n" + curveB + "\n" + curveA,
		"CURVE_MANY=" + strings.Repeat(curveA+"\n", 5),
		"CURVE_LINE=" + curveA + "\n# never.be.shown\n",
		"SECRET_A=whsec_" + base64.StdEncoding.EncodeToString([]byte("this must never be printed, ever")),
		"SECRET_B=whsec_" + base64.StdEncoding.EncodeToString([]byte("nor this must ever be printed, so")),
		"ADMIN_A=never-be-shown-as-it-opens-doors-a",
		"ADMIN_B=never-be-shown-as-it-opens-doors-b",
		"ADMIN_SHORT=never-be-shown-31-characters-lo",
		"ADMIN_SPACED=never-be-shown as it opens doors and more",
		"SECRET_SHORT=whsec_" + base64.StdEncoding.EncodeToString([]byte("printed nowhere")),
	}
}

// TestBad holds each file of testdata/bad, named for the rule it breaks,
// against its first lines, "# want: " and one problem each: these and no more.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := problems(t, text, filepath.Base(file))
			if strings.Contains(got, "never be printed") || strings.Contains(got, "whsec_d") || strings.Contains(got, "never.be.shown") || strings.Contains(got, "never-be-shown") {
				t.Error("a problem shows a secret")
			}
			if *update {
				rewrite(t, file, text)
				return
			}
			if want := wants(text); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func problems(t *testing.T, text []byte, name string) string {
	t.Helper()
	_, err := config.Parse(text, name, "testdata/bad", config.Options{Env: env()})
	if err == nil {
		t.Fatal("it loads")
	}
	return err.Error()
}

const wantPrefix = "# want: "

func wants(text []byte) string {
	var lines []string
	for line := range strings.Lines(string(text)) {
		if want, found := strings.CutPrefix(line, wantPrefix); found {
			lines = append(lines, strings.TrimSuffix(want, "\n"))
		}
	}
	return strings.Join(lines, "\n")
}

// rewrite puts the problems on top of the file. They move its lines, so they
// are found again beneath that many comments.
func rewrite(t *testing.T, file string, text []byte) {
	var body strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, wantPrefix) {
			body.WriteString(line)
		}
	}
	count := 1 + strings.Count(problems(t, []byte(body.String()), "x"), "\n")
	moved := strings.Repeat("#\n", count) + body.String()
	var out strings.Builder
	for _, line := range strings.Split(problems(t, []byte(moved), filepath.Base(file)), "\n") {
		out.WriteString(wantPrefix + line + "\n")
	}
	if err := os.WriteFile(file, []byte(out.String()+body.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestGood(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		if _, err := config.Load([]string{file}, config.Options{Env: env()}); err != nil {
			t.Error(err)
		}
	}
}
