package core_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/headgate-io/headgate/"

// layout says which of this repository's packages each may import, tests
// aside. README shows it in its layout section; keep the two alike.
var layout = map[string][]string{
	"sdk":                        {},
	"sdk/delivery":               {"sdk"},
	"sdk/webhook":                {},
	"sdk/dsse":                   {"sdk", "sdk/jwk"},
	"sdk/jwk":                    {"sdk", "sdk/webhook"},
	"sdk/jwks":                   {"sdk", "sdk/jwk"},
	"sdk/jwks/jwkstest":          {"sdk", "sdk/jwk"},
	"sdk/curve":                  {},
	"sdk/zmq":                    {"sdk/curve"},
	"sdk/consumer":               {"sdk", "sdk/delivery", "sdk/dsse", "sdk/zmq"},
	"sdk/receipt":                {"sdk", "sdk/delivery"},
	"sdk/producer":               {"sdk", "sdk/dsse", "sdk/jwk", "sdk/webhook", "sdk/zmq"},
	"sdk/internal/pluginv1":      {},
	"sdk/internal/wire":          {"sdk", "sdk/internal/pluginv1"},
	"sdk/internal/server":        {"sdk", "sdk/internal/*"},
	"sdk/plugin":                 {"sdk", "sdk/internal/*"},
	"sdk/host":                   {"sdk", "sdk/internal/*"},
	"sdk/sdktest":                {"sdk", "sdk/host", "sdk/plugin", "sdk/internal/*"},
	"sdk/python":                 {},
	"configs":                    {},
	"core/config":                {"sdk", "sdk/curve", "sdk/jwk", "sdk/webhook"},
	"core/datadir":               {},
	"core/process":               {},
	"core/signature":             {"sdk", "sdk/delivery", "sdk/webhook"},
	"core/signature/jwt":         {"sdk", "sdk/jwk"},
	"core/trust":                 {"sdk", "sdk/dsse", "sdk/jwk", "sdk/webhook", "core/signature", "core/signature/jwt"},
	"core/route":                 {"sdk", "sdk/delivery"},
	"core/audit":                 {"sdk", "core/journal/disk"},
	"core/outbox":                {"sdk", "sdk/delivery"},
	"core/outbox/memory":         {"sdk", "core/outbox"},
	"core/outbox/outboxtest":     {"sdk", "core/outbox"},
	"core/journal":               {"sdk", "core/outbox", "core/journal/*"},
	"core/journal/disk":          {},
	"core/journal/disk/disktest": {"core/journal/disk"},
	"core/journal/ids":           {"core/journal/disk"},
	"core/journal/index":         {},
	"core/intake":                {"sdk", "sdk/receipt", "core/trust", "core/route", "core/outbox"},
	"core/dispatch":              {"sdk", "sdk/delivery", "core/outbox"},
	"core/supervisor":            {"sdk", "sdk/host"},
	"core/topology":              {"sdk", "sdk/curve", "sdk/delivery", "sdk/zmq"},
	"core/ingress":               {"sdk", "sdk/webhook", "core/intake", "core/outbox", "core/trust"},
	"core/admin":                 {"sdk", "core/dispatch", "core/ingress", "core/intake", "core/outbox", "core/supervisor", "core/topology", "core/tracing", "core/trust"},
	"core/metrics":               {"core/admin", "core/outbox", "core/supervisor", "core/trust"},
	"core/tracing":               {"sdk", "core/dispatch", "core/intake", "core/outbox"},
	"core":                       {"*"},
	"core/cmd/headgate":          {"core", "core/admin", "core/audit", "core/config", "core/datadir", "core/journal", "core/journal/disk", "core/outbox", "core/process", "core/topology", "core/trust", "configs", "sdk/*", "plugins/*"},
	"core/cmd/bench":             {"*"},
	"examples/*":                 {"sdk/*"},
	"plugins/*":                  {"sdk", "sdk/jwks"},
}

// onlyBy names packages from outside that a few rooms alone may import.
var onlyBy = map[string][]string{
	"github.com/go-zeromq/zmq4":    {"sdk/zmq"},
	"github.com/golang-jwt/jwt/v5": {"core/signature/jwt"},
	"cel.dev/cel-go":               {"core/route", "core/trust"},
	"github.com/knadh/koanf":       {"core/config"},
	"github.com/spf13/cobra":       {"core/cmd/headgate"},
	"github.com/prometheus":        {"core/metrics"},
	"go.opentelemetry.io":          {"core/tracing"},
	"github.com/itchyny/gojq":      {"plugins/jq"},
}

func TestLayout(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel("..", filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		seen[pkg] = true
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			checkImport(t, pkg, imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !seen["core/dispatch"] || !seen["sdk"] {
		t.Error("the walk saw nothing")
	}
	for pkg := range seen {
		base := path.Base(pkg)
		if slices.Contains([]string{"util", "utils", "common", "types", "helpers", "misc"}, base) {
			t.Errorf("%s: a package name answers what it gives", pkg)
		}
	}
}

func checkImport(t *testing.T, pkg, imported string) {
	t.Helper()
	if own, ok := strings.CutPrefix(imported, module); ok {
		allowed, known := layout[pkg]
		if !known {
			allowed, known = layout[path.Dir(pkg)+"/*"]
		}
		if !known {
			t.Errorf("%s is not in the layout table", pkg)
			return
		}
		if !slices.ContainsFunc(allowed, func(a string) bool {
			dir, any := strings.CutSuffix(a, "*")
			return a == own || any && (strings.HasPrefix(own, dir) || own+"/" == dir)
		}) {
			t.Errorf("%s imports %s, which the layout table does not allow", pkg, own)
		}
		return
	}
	if pkg == "sdk" && strings.Contains(strings.Split(imported, "/")[0], ".") {
		t.Errorf("sdk imports %s: it has the standard library only", imported)
	}
	for outside, rooms := range onlyBy {
		if strings.HasPrefix(imported, outside) && !slices.Contains(rooms, pkg) {
			t.Errorf("%s imports %s, which belongs to %s", pkg, imported, strings.Join(rooms, " and "))
		}
	}
}
